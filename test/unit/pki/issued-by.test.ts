import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseCertificate } from '../../../src/pki/certificate.ts';
import { isIssuedBy } from '../../../src/pki/issued-by.ts';
import {
  basicConstraints,
  type ForgedKey,
  forgeCertificate,
  forgeKey,
  forgeName,
} from '../../support/certificate-forge.ts';

it('T12 of two roots with one name the one that signed is the issuer', () => {
  const [first, second] = [forgeKey(), forgeKey()];
  const made = (subject: string, issuer: string, key: ForgedKey, signer: ForgedKey) =>
    parseCertificate(
      forgeCertificate({
        ...{ serial: 1, issuer: forgeName(issuer), subject: forgeName(subject), spki: key.spki, signer },
        ...{
          notBefore: new Date('2026-01-01'),
          notAfter: new Date('2027-01-01'),
          extensions: [basicConstraints(true)],
        },
      }),
    );
  const issuing = made('Issuing CA', 'Root CA', forgeKey(), second);
  assert.equal(isIssuedBy(issuing, made('Root CA', 'Root CA', second, second)), true);
  assert.equal(isIssuedBy(issuing, made('Root CA', 'Root CA', first, first)), false);
  assert.equal(isIssuedBy(issuing, made('Other', 'Other', second, second)), false, 'the name counts too');
});
