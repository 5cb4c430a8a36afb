import { readOrNull } from '../contacts/contact-marks.ts';
import type { Database } from '../database/connect.ts';

const AT_ONCE = 500;

/** Notes the end of contacts' Digital IDs that were stored before the database kept it. @returns how many it noted */
export async function readContactEnds(database: Database): Promise<number> {
  let noted = 0;
  for (let after = ''; ; ) {
    const rows = await database.prisma.contactCertificate.findMany({
      // One that this version cannot read stays without, and must not hold up those behind it.
      where: { notAfter: null, ...(after ? { id: { gt: after } } : {}) },
      orderBy: { id: 'asc' },
      take: AT_ONCE,
      select: { id: true, certificate: true },
    });
    for (const row of rows) {
      const notAfter = readOrNull(row.certificate)?.notAfter;
      // One that was removed meanwhile has no end to note.
      if (notAfter) await database.prisma.contactCertificate.updateMany({ where: { id: row.id }, data: { notAfter } });
      if (notAfter) noted += 1;
    }
    after = rows.at(-1)?.id ?? '';
    if (rows.length < AT_ONCE) return noted;
  }
}
