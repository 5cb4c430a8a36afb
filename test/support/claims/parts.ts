/** Signed parts of larger mails, and signed messages that are attached: nothing of that is a claim about the message. */
import { ENTITY, header, multipart, signedEntity } from '../crafted-mail.ts';
import type { People } from '../smime-people.ts';
import type { ForgedClaim, ForgedClaims } from './forged-claim.ts';

const text = (words: string) => `Content-Type: text/plain\r\n\r\n${words}\r\n`;
const EVIL_HTML = 'Content-Type: text/html\r\n\r\n<p>Pay 900 EUR</p>';

export const PARTS: ForgedClaims = {
  'a signed part with text around it': textAround,
  'a signed part as an alternative, or among what belongs to it': alternatives,
  'an attached message that is signed': attachedMessages,
};

const message = (entity: Buffer) => Buffer.concat([Buffer.from(header()), entity]);
const PARTIAL = { status: 'partial', reasons: ['signed-part-only'] } as const;

function textAround({ alice }: People): ForgedClaim[] {
  const claims = [false, true].flatMap((isOpaque) => {
    const part = signedEntity(alice, ENTITY, isOpaque);
    const around: Record<string, (string | Buffer)[]> = {
      before: [text('before'), part],
      after: [part, text('after')],
      'before and after': [text('before'), part, text('after')],
      beside: [multipart('related', [part, text('inner')], 'inner'), text('after')],
      nowhere: [part],
    };
    return Object.entries(around).map(([name, parts]) => {
      return {
        name: `${name}, ${isOpaque ? 'opaque' : 'clear'}`,
        bytes: message(multipart('mixed', parts)),
        ...PARTIAL,
      };
    });
  });
  return claims;
}

function alternatives({ alice }: People): ForgedClaim[] {
  const kinds = ['alternative', 'related', 'signed; protocol="application/pgp-signature"', 'report', 'x-unknown'];
  const part = signedEntity(alice);
  return kinds.flatMap((kind) => [
    { name: `before HTML in ${kind}`, bytes: message(multipart(kind, [part, EVIL_HTML])), ...PARTIAL },
    { name: `after HTML in ${kind}`, bytes: message(multipart(kind, [EVIL_HTML, part])), ...PARTIAL },
  ]);
}

function attachedMessages({ alice }: People): ForgedClaim[] {
  const attached = Buffer.concat([Buffer.from('Content-Type: message/rfc822\r\n\r\n'), message(signedEntity(alice))]);
  const none = { status: 'none', reasons: [] } as const;
  return [
    { name: 'to a letter', bytes: message(multipart('mixed', [text('See what Alice wrote.'), attached])), ...none },
    { name: 'to nothing', bytes: message(attached), ...none },
    {
      name: 'in a digest',
      bytes: message(multipart('digest', [Buffer.concat([Buffer.from('\r\n'), message(signedEntity(alice))])])),
      ...none,
    },
  ];
}
