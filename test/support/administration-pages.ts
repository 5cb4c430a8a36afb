/** `entry` before the second factor was shown; `country` and `central` after it. */
export type Needs = 'entry' | 'country' | 'central';

const DOOR: Record<string, Needs> = {
  'GET /administration/second-factor': 'entry',
  'POST /administration/second-factor': 'entry',
  'GET /administration/enter': 'entry',
  'POST /administration/enter': 'entry',
  'POST /administration/leave': 'country',
  'GET /administration': 'country',
};

const PROGRAMME: Record<string, Needs> = {
  'GET /administration/programme': 'central',
  'POST /administration/programme': 'central',
};

const TRUST: Record<string, Needs> = {
  'GET /administration/trust': 'central',
  'POST /administration/trust/roots': 'central',
  'GET /administration/trust/roots/:root/confirm': 'central',
  'POST /administration/trust/roots/:root/confirm': 'central',
  'POST /administration/trust/roots/:root/dismiss': 'central',
  'GET /administration/trust/roots/:root/withdraw': 'central',
  'POST /administration/trust/roots/:root/withdraw': 'central',
  'POST /administration/trust/requests/:request/take-up': 'central',
  'POST /administration/trust/requests/:request/decline': 'central',
  'GET /administration/revocation': 'central',
  'POST /administration/revocation': 'central',
  'POST /administration/revocation/fetch': 'central',
  'POST /administration/revocation/:place/remove': 'central',
};

const AUDIT: Record<string, Needs> = {
  'GET /administration/audit': 'country',
  'POST /administration/audit/export': 'country',
  'GET /administration/audit/check': 'central',
  'POST /administration/audit/check': 'central',
};

const ISSUING: Record<string, Needs> = {
  'GET /administration/issuing': 'central',
  'GET /administration/issuing/countries/:country': 'central',
  'POST /administration/issuing/countries/:country': 'central',
  'GET /administration/issuing/accounts/:account/replace': 'central',
  'POST /administration/issuing/accounts/:account/replace': 'central',
  'GET /administration/issuing/jobs/:job': 'central',
  'POST /administration/issuing/jobs/:job/resume': 'central',
  'GET /administration/issuing/passwords/:issuance': 'central',
  'POST /administration/issuing/passwords/:issuance': 'central',
};

const AUTHORITIES: Record<string, Needs> = {
  'GET /administration/authorities': 'central',
  'POST /administration/authorities/:authority/retire': 'central',
  'POST /administration/authorities/:authority/resume': 'central',
  'GET /administration/authorities/set-up': 'central',
  'POST /administration/authorities/set-up': 'central',
  'GET /administration/authorities/issuing': 'central',
  'POST /administration/authorities/issuing': 'central',
  'GET /administration/authorities/import': 'central',
  'POST /administration/authorities/import': 'central',
  'GET /administration/authorities/request': 'central',
  'POST /administration/authorities/request': 'central',
  'GET /administration/authorities/requests/:request': 'central',
  'GET /administration/authorities/requests/:request/file': 'central',
  'POST /administration/authorities/requests/:request/answer': 'central',
  'POST /administration/authorities/requests/:request/discard': 'central',
};

const ACCOUNTS: Record<string, Needs> = {
  'GET /administration/accounts': 'country',
  'GET /administration/countries/:country/accounts': 'country',
  'POST /administration/countries/:country/accounts': 'country',
  'GET /administration/countries/:country/accounts/new': 'country',
  'POST /administration/countries/:country/accounts/preview': 'country',
  'POST /administration/countries/:country/accounts/send': 'country',
  'GET /administration/accounts/:account': 'country',
  'GET /administration/accounts/:account/suspend': 'country',
  'POST /administration/accounts/:account/suspend': 'country',
  'GET /administration/accounts/:account/resume': 'country',
  'POST /administration/accounts/:account/resume': 'country',
  'GET /administration/accounts/:account/remove': 'country',
  'POST /administration/accounts/:account/remove': 'country',
  'GET /administration/accounts/:account/restore': 'country',
  'POST /administration/accounts/:account/restore': 'country',
  'GET /administration/accounts/:account/hand-over': 'country',
  'POST /administration/accounts/:account/hand-over': 'country',
  'GET /administration/accounts/:account/role': 'country',
  'POST /administration/accounts/:account/role': 'country',
};

const EVIDENCE: Record<string, Needs> = {
  'GET /administration/evidence': 'central',
  'POST /administration/evidence': 'central',
  'POST /administration/evidence/:signer/revoke': 'central',
  'GET /administration/message-trace': 'central',
};

const PROGRAMMES: Record<string, Needs> = {
  'GET /administration/programmes': 'central',
  'POST /administration/programmes': 'central',
  'POST /administration/programmes/:programme/administrate': 'central',
  'GET /administration/programme/administrators': 'central',
  'POST /administration/programme/administrators': 'central',
  'POST /administration/programme/administrators/:account/withdraw': 'central',
};

const REGISTRATION: Record<string, Needs> = {
  'GET /administration/countries': 'central',
  'POST /administration/countries': 'central',
  'GET /administration/countries/:country': 'central',
  'POST /administration/countries/:country/mail-server': 'central',
  'GET /administration/countries/:country/suspend': 'central',
  'POST /administration/countries/:country/suspend': 'central',
  'GET /administration/countries/:country/resume': 'central',
  'POST /administration/countries/:country/resume': 'central',
  'GET /administration/countries/:country/remove': 'central',
  'POST /administration/countries/:country/remove': 'central',
  'GET /administration/mail-servers': 'central',
  'GET /administration/mail-servers/new': 'central',
  'POST /administration/mail-servers': 'central',
  'GET /administration/mail-servers/:server': 'central',
  'POST /administration/mail-servers/:server': 'central',
  'POST /administration/mail-servers/:server/test': 'central',
  'GET /administration/registrations/:registration': 'central',
  'GET /administration/registrations/:registration/print': 'central',
  'POST /administration/registrations/:registration/invitation': 'central',
  'POST /administration/registrations/:registration/invitation/withdraw': 'central',
  'POST /administration/registrations/:registration/test': 'central',
  'POST /administration/registrations/:registration/return': 'central',
  'POST /administration/registrations/:registration/accept': 'central',
  'GET /administration/registration': 'country',
  'GET /administration/registration/print': 'country',
  'GET /administration/registration/change': 'country',
  'POST /administration/registration/change': 'country',
};

const REQUESTS: Record<string, Needs> = {
  'GET /administration/requests': 'country',
  'POST /administration/losses/:loss/seen': 'country',
};

const FACTORS: Record<string, Needs> = {
  'POST /administration/enter/passkey': 'entry',
  'GET /administration/factors': 'country',
  'POST /administration/factors/passkeys': 'country',
  'GET /administration/factors/passkeys/:passkey/remove': 'country',
  'POST /administration/factors/passkeys/:passkey/remove': 'country',
  'GET /administration/factors/codes/remove': 'country',
  'POST /administration/factors/codes/remove': 'country',
};

const CLIENT_CERTIFICATES: Record<string, Needs> = {
  'GET /administration/client-certificates': 'country',
  'POST /administration/client-certificates': 'central',
  'POST /administration/client-certificates/:account/waive': 'country',
  'POST /administration/client-certificates/:account/end-waiver': 'country',
};

const ISSUED: Record<string, Needs> = {
  'GET /administration/digital-ids': 'country',
  'GET /administration/digital-ids/:issued': 'country',
  'POST /administration/digital-ids/:issued/revoke': 'country',
  'POST /administration/digital-ids/:issued/reinstate': 'central',
};

const LISTS: Record<string, Needs> = {
  'GET /administration/lists': 'central',
  'POST /administration/lists/:authority/sign': 'central',
  'POST /administration/lists/:authority/revoke': 'central',
  'POST /administration/lists/:authority/signer/revoke': 'central',
};

const RELEASES: Record<string, Needs> = {
  'GET /administration/releases': 'country',
  'POST /administration/releases/:release': 'country',
};

const SETUP_CHECK: Record<string, Needs> = {
  'GET /administration/setup-check': 'country',
  'POST /administration/setup-check': 'country',
};

const MONITOR: Record<string, Needs> = {
  'GET /administration/monitor': 'country',
  'GET /administration/monitor/:target': 'country',
};

const COLLECTION: Record<string, Needs> = {
  'GET /administration/collection': 'country',
  'GET /administration/collection/:country': 'country',
  'POST /administration/collection/:country': 'country',
  'POST /administration/collection/:country/test': 'country',
  'POST /administration/collection/:country/remove': 'country',
};

/** Every page of the administration with who may ask for it. A page that is missing here fails `test/app/administration.test.ts`. */
export const ADMINISTRATION_PAGES: Readonly<Record<string, Needs>> = {
  ...DOOR,
  ...PROGRAMME,
  ...TRUST,
  ...EVIDENCE,
  ...AUDIT,
  ...AUTHORITIES,
  ...ISSUING,
  ...ACCOUNTS,
  ...PROGRAMMES,
  ...REGISTRATION,
  ...REQUESTS,
  ...FACTORS,
  ...CLIENT_CERTIFICATES,
  ...ISSUED,
  ...LISTS,
  ...SETUP_CHECK,
  ...RELEASES,
  ...MONITOR,
  ...COLLECTION,
};
