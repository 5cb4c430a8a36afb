import type { Context } from '../../context.ts';
import type { Formats } from '../../i18n/formats.ts';
import { canEncrypt } from '../../pki/certificate.ts';
import { readOrNull } from '../contacts/contact-marks.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type ExpiryStage, stageBounds, stageOf } from './expiry-stage.ts';

/** An own Digital ID, the default one of a contact, or a root that the account trusts. */
export const ENDING_KINDS = ['own', 'contact', 'root'] as const;
export type EndingKind = (typeof ENDING_KINDS)[number];

/** Something that ends within 14 days or has ended, and that nothing takes the place of yet. */
export type Ending = {
  kind: EndingKind;
  id: string;
  /** Of the contact, or of the root as it stands in its certificate */
  name: string;
  stage: ExpiryStage;
  notAfter: Date;
  /** An own one: what for there is no other that lasts longer */
  signs: boolean;
  encrypts: boolean;
  /** A contact's: whose, and which one stored with the contact lasts longer than the default */
  contactId: string | null;
  address: string | null;
  newerId: string | null;
  /** The clerk said at this stage or a later one that this is known */
  acknowledged: boolean;
};

export type Wanted = {
  kinds: readonly EndingKind[];
  /** Also those that the clerk put aside until their next stage */
  withAcknowledged: boolean;
  skip: number;
  take: number;
};

type Row = Omit<Ending, 'stage' | 'newerId'> & { total: number };

/**
 * What ends soon or has ended for this account, and how many there are in all. One's own comes first, then what is nearest:
 * a contact that was given up a year ago must not hide what ends tomorrow.
 */
export async function listEndings(
  context: Context,
  session: SignedIn,
  day: Formats['day'],
  { kinds, withAcknowledged, skip, take }: Wanted,
): Promise<{ endings: Ending[]; total: number }> {
  const { account } = session;
  const bounds = stageBounds(context.now(), day);
  const { rows } = await context.database.pool.query<Row>(ENDINGS, [
    account.id,
    account.address,
    context.now(),
    bounds.map((bound) => bound.stage),
    bounds.map((bound) => bound.endsBefore),
    kinds,
    withAcknowledged,
    skip,
    take,
  ]);
  const newer = await newerOf(context, rows);
  const endings = rows.flatMap(({ total, ...row }) => {
    const stage = stageOf(row.notAfter, bounds);
    return stage === null ? [] : [{ ...row, stage, newerId: newer.get(row.contactId ?? '') ?? null }];
  });
  return { endings, total: rows[0]?.total ?? 0 };
}

/** By contact: the Digital ID stored beside the default that can be encrypted to for longest, where one outlasts it. */
async function newerOf(context: Context, rows: readonly Row[]): Promise<Map<string, string>> {
  const ends = new Map(rows.flatMap((row) => (row.contactId === null ? [] : [[row.contactId, row.notAfter]])));
  if (ends.size === 0) return new Map();
  const others = await context.database.prisma.contactCertificate.findMany({
    where: { contactId: { in: [...ends.keys()] }, isDefault: false, notAfter: { gt: context.now() } },
    orderBy: [{ notAfter: 'asc' }, { id: 'asc' }],
    select: { id: true, contactId: true, certificate: true, notAfter: true },
  });
  const outlasting = others.filter(({ contactId, notAfter, certificate }) => {
    const parsed = notAfter && notAfter > (ends.get(contactId) ?? notAfter) ? readOrNull(certificate) : null;
    return parsed !== null && canEncrypt(parsed);
  });
  return new Map(outlasting.map((each) => [each.contactId, each.id]));
}

/**
 * Of an own Digital ID: for a purpose another one takes its place that lasts longer and is valid by then, or by now where
 * this one has ended. Of two that end together the one imported last counts, as when one is chosen (`own-keys.ts`).
 */
const SUCCEEDED = (purpose: 'can_sign' | 'can_encrypt') => `
  exists (select 1 from digital_id next
           where next.account_id = own.account_id and next.id <> own.id and next.state = 'active' and next.${purpose}
             and exists (select 1 from unnest(next.addresses) address where lower(address) = lower($2))
             and next.not_before <= greatest(own.not_after, $3)
             and (next.not_after, next.imported_at, next.id) > (own.not_after, own.imported_at, own.id))`;

const OWN = `
  select 'own' as kind, own.id, own.common_name as name, own.not_after,
         own.can_sign and not ${SUCCEEDED('can_sign')} as signs,
         own.can_encrypt and not ${SUCCEEDED('can_encrypt')} as encrypts,
         null::uuid as contact_id, null as address, known.stage as known
    from digital_id own left join end_acknowledgement known on known.digital_id_id = own.id
   where own.account_id = $1 and own.state = 'active'
     and exists (select 1 from unnest(own.addresses) address where lower(address) = lower($2))`;

const OF_CONTACTS = `
  select 'contact', used.id, contact.name, used.not_after, false, false, contact.id, contact.address, known.stage
    from contact
    join contact_certificate used on used.contact_id = contact.id and used.is_default
    left join end_acknowledgement known on known.contact_certificate_id = used.id
   where contact.account_id = $1 and used.not_after < (select max(ends_before) from reached)`;

/** One that was accepted on the programme's word counts as long as the programme stands behind it (`trust-of.ts`). */
const ROOTS = `
  select 'root', root.id, root.subject, root.not_after, false, false, null, null, known.stage
    from trust_anchor root left join end_acknowledgement known on known.trust_anchor_id = root.id
   where root.account_id = $1 and root.state = 'trusted'
     and (root.programme_id is null or exists (
           select 1 from trust_anchor standing
            where standing.account_id is null and standing.programme_id = root.programme_id
              and standing.sha256 = root.sha256 and standing.state = 'trusted'))`;

const ENDINGS = `
  with reached (stage, ends_before) as (select * from unnest($4::int[], $5::timestamptz[])),
       ends as (${OWN} union all ${OF_CONTACTS} union all ${ROOTS}),
       due as (
         select ends.*,
                known is not null and not exists (
                  select 1 from reached where reached.stage < known and not_after < ends_before) as acknowledged
           from ends
          where kind = any($6) and not_after < (select max(ends_before) from reached)
            and (kind <> 'own' or signs or encrypts))
  select kind, id, name, not_after as "notAfter", signs, encrypts, contact_id as "contactId", address,
         acknowledged, count(*) over ()::int as total
    from due
   where $7 or not acknowledged
   order by kind <> 'own', greatest(not_after - $3, $3 - not_after), id
  offset $8 limit $9`;
