import { verifyAuditTrail } from '../services/audit/verify-trail.ts';
import { withDatabase } from './with-database.ts';

/** `sealpost audit verify`: one JSON object; exit status 1 when an entry is missing or was changed. */
export async function audit(args: string[]): Promise<number> {
  if (args[0] !== 'verify' || args.length > 1) {
    console.error('usage: sealpost audit verify');
    return 2;
  }
  const { whole, entries, problems } = await withDatabase(verifyAuditTrail);
  console.log(JSON.stringify({ whole, entries, problems }));
  return whole ? 0 : 1;
}
