/** Large messages: what is said of them, what they hold, and what they cost in memory. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeSpoolFolder, SpoolScope, SpoolSource } from '../../../src/bytes/spool.ts';
import { type EntityPiece, encodeBase64Lines, slicesOfAll } from '../../../src/mime/encode.ts';
import { findAttachment, type OpenQuestion, openMessage } from '../../../src/smime/open-message.ts';
import { type SealQuestion, sealMessage, sealStretches } from '../../../src/smime/seal-message.ts';
import type { EngineAnswer, EngineQuestion } from '../../support/engine-job.ts';
import { makePeople, type People } from '../../support/smime-people.ts';

const MiB = 1024 * 1024;
const MEMORY_GOAL = 48 * MiB;
const HEAD = [
  'Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\nContent-Type: text/plain\r\n\r\nhello\r\n--q\r\n',
  'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="large.pdf"\r\n',
  'Content-Transfer-Encoding: base64\r\n\r\n',
].join('');
const FORMS = {
  'clear-signed': { sign: true },
  'opaque-signed': { sign: true, opaque: true },
  'encrypted with CBC': { content: 'aes-256-cbc' },
  'encrypted with GCM': { content: 'aes-256-gcm' },
  'signed and encrypted': { sign: true, content: 'aes-256-cbc' },
} as const;

let people: People;
let scope: SpoolScope;
before(() => {
  people = makePeople();
  const folder = join(people.folder, 'spool');
  makeSpoolFolder(folder);
  scope = new SpoolScope(folder);
});
after(() => {
  scope.close();
  people.remove();
});

function entityOf(file: Buffer): EntityPiece[] {
  return [Buffer.from(HEAD), { base64: [file], size: file.length }, Buffer.from('--q--\r\n')];
}

function sealing(form: (typeof FORMS)[keyof typeof FORMS], mime: SealQuestion['mime']): SealQuestion {
  return {
    mime,
    headers: Buffer.from(`From: alice@example.org\r\nDate: ${new Date().toUTCString()}\r\nSubject: large\r\n`),
    sign: 'sign' in form ? { ...people.alice, chain: [] } : undefined,
    opaque: 'opaque' in form,
    encryptTo: 'content' in form ? [people.bob.certificate, people.carol.certificate] : undefined,
    content: 'content' in form ? form.content : undefined,
    at: new Date(),
  };
}

function spool(slices: Iterable<Uint8Array>): SpoolSource {
  const writer = scope.writer();
  for (const slice of slices) writer.write(slice);
  return new SpoolSource(writer.end());
}

function asking(bytes: OpenQuestion['bytes'], inSpools = true): OpenQuestion {
  const trust = { anchors: [people.root], intermediates: [], explicitlyTrusted: [] };
  return { bytes, keys: [people.bob], trust, at: new Date(), scope: inSpools ? scope : undefined };
}

const digest = (slices: Iterable<Buffer>) => {
  const hash = createHash('sha256');
  for (const slice of slices) hash.update(slice);
  return hash.digest('hex');
};

describe('large messages', () => {
  for (const [name, form] of Object.entries(FORMS)) {
    it(`S14 ${name}: what was sealed slice by slice is read slice by slice, and as in memory`, () => {
      const file = randomBytes(5 * MiB + 11);
      const sealed = spool(slicesOfAll(sealStretches(sealing(form, entityOf(file)))));
      const message = openMessage(asking(sealed));
      assert.equal(message.signature.status, 'sign' in form ? 'trusted' : 'none', message.signature.reasons.join());
      assert.equal(message.encryption.status, 'content' in form ? 'encrypted' : 'none');
      assert.equal(message.text, 'hello');
      assert.equal(message.attachments[0]?.size, file.length);
      const attachment = findAttachment(asking(sealed), 0);
      assert.equal(digest(attachment?.slices() ?? []), digest([file]));
      const inMemory = openMessage(asking(sealed.subarray(0, sealed.length), false));
      assert.deepEqual(JSON.stringify(inMemory.layers), JSON.stringify(message.layers));
      assert.deepEqual(inMemory.checks, message.checks);
    });
  }

  it('S07 the openssl command reads what was sealed slice by slice', () => {
    const file = randomBytes(3 * MiB);
    const sealed = spool(slicesOfAll(sealStretches(sealing(FORMS['signed and encrypted'], entityOf(file)))));
    writeFileSync(join(people.folder, 'large.eml'), sealed.subarray(0, sealed.length));
    people.openssl(
      'cms',
      '-decrypt',
      '-in',
      'large.eml',
      '-inkey',
      'bob.key',
      '-recip',
      'bob.pem',
      '-out',
      'inner.eml',
    );
    people.openssl('cms', '-verify', '-in', 'inner.eml', '-CAfile', 'root.pem', '-out', 'entity.txt');
    const entity = readFileSync(join(people.folder, 'entity.txt'), 'latin1');
    assert.ok(entity.includes(encodeBase64Lines(file).toString('latin1')));
  });

  it('S07 what the openssl command streams in BER, with bare line feeds and other line lengths, is read', () => {
    const file = randomBytes(4 * MiB);
    writeFileSync(
      join(people.folder, 'plain.txt'),
      Buffer.concat([Buffer.from(HEAD), encodeBase64Lines(file), Buffer.from('--q--\r\n')]),
    );
    const signer = ['-signer', 'alice.pem', '-inkey', 'alice.key'];
    people.openssl('cms', '-sign', '-stream', '-nodetach', ...signer, '-in', 'plain.txt', '-out', 'signed.eml');
    people.openssl('cms', '-encrypt', '-stream', '-aes-256-cbc', '-in', 'signed.eml', '-out', 'stream.eml', 'bob.pem');
    const message = openMessage(asking(spool([readFileSync(join(people.folder, 'stream.eml'))])));
    assert.equal(message.encryption.status, 'encrypted');
    assert.deepEqual(
      message.layers.map((layer) => layer.kind),
      ['encrypted', 'signed'],
    );
    assert.equal(message.layers[1]?.signers[0]?.intact, true);
    assert.equal(message.attachments[0]?.size, file.length);
  });

  it('a line of base64 in the middle that is unlike the others changes nothing', () => {
    const file = randomBytes(3 * MiB);
    for (const form of [FORMS['opaque-signed'], FORMS['encrypted with GCM']]) {
      const text = sealMessage(sealing(form, entityOf(file))).toString('latin1');
      const lines = text.split('\r\n');
      const middle = lines.length >> 1;
      const half = (lines[middle] ?? '').slice(0, 38);
      lines.splice(middle, 1, half, (lines[middle] ?? '').slice(38), '');
      const message = openMessage(asking(spool([Buffer.from(lines.join('\r\n'), 'latin1')])));
      assert.equal(message.attachments[0]?.size, file.length);
      assert.equal(
        digest(findAttachment(asking(spool([Buffer.from(lines.join('\r\n'), 'latin1')])), 0)?.slices() ?? []),
        digest([file]),
      );
    }
  });

  it('nothing of a large message is shown when one bit of its cipher text or its tag was turned', () => {
    const sealed = sealMessage(sealing(FORMS['encrypted with GCM'], entityOf(randomBytes(3 * MiB))));
    for (const place of [sealed.length >> 1, sealed.length - 40]) {
      const turned = Buffer.from(sealed);
      turned[place] = turned[place] === 0x41 ? 0x42 : 0x41;
      const message = openMessage(asking(spool([turned])));
      assert.equal(message.encryption.status, 'failed');
      assert.equal(message.text, null);
      assert.deepEqual(message.attachments, []);
    }
  });

  it('NFR: 100 MB cost a job at most 48 MiB of memory, whatever its form', () => {
    const entity = join(people.folder, 'entity.txt');
    writeFileSync(
      entity,
      Buffer.concat([Buffer.from(HEAD), encodeBase64Lines(randomBytes(73 * MiB)), Buffer.from('--q--\r\n')]),
    );
    const { alice, bob, rootFile } = people;
    const question = { file: entity, rootFile, ...filesOf(alice), runs: 1 };
    for (const what of ['sign', 'opaque', 'seal', 'encrypt-gcm'] as const) {
      const out = join(people.folder, `${what}.eml`);
      const recipientFiles = what === 'seal' || what === 'encrypt-gcm' ? [bob.certificateFile] : [];
      fits(`sealing: ${what}`, { ...question, what, recipientFiles, out });
      const reading = { ...question, ...filesOf(bob), file: out };
      const opened = fits(`opening: ${what}`, { ...reading, what: 'open' });
      assert.equal(opened.signature, what === 'encrypt-gcm' ? 'none' : 'trusted', what);
      assert.equal(opened.encryption, recipientFiles.length > 0 ? 'encrypted' : 'none', what);
      assert.equal(fits(`saving: ${what}`, { ...reading, what: 'attachment' }).size, 73 * MiB);
    }
  });
});

function filesOf({ keyFile, certificateFile }: People['alice']) {
  return { keyFile, certificateFile };
}

function fits(name: string, question: EngineQuestion): EngineAnswer {
  const file = join(people.folder, 'question.json');
  writeFileSync(file, JSON.stringify(question));
  const script = join(import.meta.dirname, '../../support/engine-job.ts');
  const args = ['--max-semi-space-size=1', script, file];
  const answer = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as EngineAnswer;
  assert.ok(answer.peakBytes < MEMORY_GOAL, `${name}: ${Math.round(answer.peakBytes / MiB)} MiB`);
  return answer;
}
