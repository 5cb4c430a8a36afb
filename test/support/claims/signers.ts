/** Signatures that a careless program takes for good: content twice, no signer, more signers than one. */
import { writeSignedData } from '../../../src/smime/write-signature.ts';
import {
  type CraftedSigner,
  clearSigned,
  digestAttribute,
  ENTITY,
  opaque,
  signedData,
  typeAttribute,
} from '../crafted-mail.ts';
import { certify, type People, type Person } from '../smime-people.ts';
import { type ForgedClaim, type ForgedClaims, HONEST } from './forged-claim.ts';

export const EVIL = Buffer.from(ENTITY.toString().replace('100', '900'));

export const SIGNERS: ForgedClaims = {
  'content twice': contentTwice,
  'no signer': noSigner,
  'two signers, one bad': oneBadSigner,
  'two signers, one who is not the sender': oneOtherSigner,
  'a certificate with the issuer and serial number of another': twinOfAlice,
};

export function bothOrders<T>([first, second]: readonly [T, T]): (readonly [T, T])[] {
  return [
    [first, second],
    [second, first],
  ];
}

function contentTwice({ alice }: People): ForgedClaim[] {
  const forged = { status: 'invalid', reasons: ['content-twice'] } as const;
  const honest = writeSignedData(ENTITY, { ...alice, chain: [] }, new Date(), true);
  return [
    { name: 'the same inside and beside', bytes: clearSigned(ENTITY, honest), ...forged },
    ...bothOrders([ENTITY, EVIL]).flatMap(([inside, beside], index) => {
      const attributes = [typeAttribute(), digestAttribute(beside)];
      const cms = (signer: CraftedSigner) => clearSigned(beside, signedData({ content: inside, signers: [signer] }));
      return [
        { name: `what is inside signed, ${index}`, bytes: cms({ person: alice }), ...forged },
        { name: `what is beside signed, ${index}`, bytes: cms({ person: alice, attributes }), ...forged },
      ];
    }),
  ];
}

function noSigner({ alice }: People): ForgedClaim[] {
  return inBothForms('no signer', [], { status: 'invalid', reasons: ['no-signer'] }, [alice.certificate]);
}

function oneBadSigner({ alice, bob }: People): ForgedClaim[] {
  const good = { person: alice };
  const bad: Record<string, CraftedSigner> = {
    'a signature of ones': { person: bob, signature: Buffer.alloc(256, 1) },
    'the digest of another text': { person: alice, attributes: [typeAttribute(), digestAttribute(EVIL)] },
    'no attributes': { person: bob, attributes: null },
    'the content type twice': { person: bob, attributes: [typeAttribute(), typeAttribute(), digestAttribute()] },
    'the same issuer and serial number': { person: alice, signature: Buffer.alloc(256, 1) },
  };
  const forged = { status: 'invalid', reasons: ['several-signers'] } as const;
  return [
    ...inBothForms('one good signer', [good], HONEST),
    ...Object.entries(bad).flatMap(([name, one]) =>
      bothOrders([good, one]).flatMap((signers, order) => inBothForms(`${name}, ${order}`, signers, forged)),
    ),
    ...bothOrders<CraftedSigner>([good, { person: bob }]).flatMap((signers, order) =>
      inBothForms(`no certificate, ${order}`, signers, { status: 'invalid', reasons: ['no-signer'] }, [
        alice.certificate,
      ]),
    ),
  ];
}

function oneOtherSigner({ alice, bob, eve }: People): ForgedClaim[] {
  const other = (person: Person, claim: Claim) =>
    bothOrders<CraftedSigner>([{ person: alice }, { person }]).flatMap((signers, order) =>
      inBothForms(`${person.address}, ${order}`, signers, claim),
    );
  return [
    ...other(bob, { status: 'mismatch', reasons: ['address-mismatch', 'several-signers'] }),
    ...other(eve, { status: 'untrusted', reasons: ['several-signers'] }),
  ];
}

const TWIN = { status: 'untrusted', reasons: ['unknown-issuer'] } as const;

/** Another authority calls itself like the root, and gives a certificate with the number of Alice's: it speaks for nobody else. */
function twinOfAlice(people: People): ForgedClaim[] {
  const { alice, eve } = people;
  people.openssl('req', '-x509', '-new', '-key', 'other.key', '-subj', '/CN=root', '-days', '30', '-out', 'twin.pem');
  people.openssl('pkey', '-in', 'other.key', '-out', 'twin.key');
  const serial = `0x${alice.certificate.serialNumber}`;
  const order = { subjectAltName: 'email:alice@example.org', issuer: 'twin', serial };
  const twin = certify(people, { name: 'twin-of-alice', privateKey: eve.privateKey, ...order });
  return bothOrders([twin.certificate, alice.certificate] as const).flatMap((certificates, order) => [
    ...inBothForms(`signed by the twin, ${order}`, [{ person: twin }], TWIN, certificates),
    ...inBothForms(`signed by Alice, ${order}`, [{ person: alice }], HONEST, certificates),
  ]);
}
type Claim = Pick<ForgedClaim, 'status' | 'reasons'>;

function inBothForms(
  name: string,
  signers: readonly CraftedSigner[],
  claim: Claim,
  certificates?: readonly Person['certificate'][],
): ForgedClaim[] {
  const made = certificates === undefined ? { content: ENTITY, signers } : { content: ENTITY, signers, certificates };
  return [
    { name: `${name}, opaque`, bytes: opaque(signedData(made)), ...claim },
    { name: `${name}, clear`, bytes: clearSigned(ENTITY, signedData({ ...made, detached: true })), ...claim },
  ];
}
