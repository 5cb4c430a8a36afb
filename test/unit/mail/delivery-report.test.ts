import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { isAbout, readDeliveryReport } from '../../../src/mail/delivery-report.ts';
import { readReportFields, recipientAddress } from '../../../src/mail/report-fields.ts';
import { parseEntity } from '../../../src/mime/parse.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../support/reports');
const EXPECTED = JSON.parse(readFileSync(path.join(FOLDER, 'expected.json'), 'utf8')) as Record<
  string,
  { form: string; envelopeId: string; reportingMta: string; messageId: string; recipients: object[] } | null
>;
const bytesOf = (name: string) => readFileSync(path.join(FOLDER, `${name}.eml`));

describe('T24 reports of delivery', () => {
  it('T24 of the corpus are all expected to be something, and are at least forty', () => {
    const files = readdirSync(FOLDER).filter((name) => name.endsWith('.eml'));
    assert.deepEqual(files.map((name) => name.replace('.eml', '')).toSorted(), Object.keys(EXPECTED).toSorted());
    const written = Object.entries(EXPECTED).filter(([name, each]) => each !== null && !name.startsWith('testbed-'));
    assert.ok(written.length >= 40, `${written.length} besides those of the test bed`);
  });

  for (const [name, expected] of Object.entries(EXPECTED)) {
    it(`T24 are read as their server meant them: ${name}`, () => {
      const report = readDeliveryReport(parseEntity(bytesOf(name)));
      if (expected === null) return assert.equal(report, null);
      assert.ok(report, 'not recognised');
      const { form, envelopeId, reportingMta, messageId } = report;
      const recipients = report.recipients.map(({ originalRecipient, finalRecipient, action, status, remoteMta }) => {
        return { originalRecipient, finalRecipient, action, status, remoteMta };
      });
      assert.deepEqual({ form, envelopeId, reportingMta, messageId, recipients }, expected);
    });
  }

  it('T24 keep the server’s words unfolded, and the times', () => {
    const failed = readDeliveryReport(parseEntity(bytesOf('sendmail-failed')))?.recipients[0];
    assert.equal(failed?.diagnostic, '550 5.1.1 <Giulia.Rossi@tcn.i.eu-admin.net>... User unknown');
    assert.deepEqual(failed?.lastAttemptAt, new Date('2026-11-23T14:02:18Z'));
    const delayed = readDeliveryReport(parseEntity(bytesOf('sendmail-delayed')))?.recipients[0];
    assert.deepEqual(delayed?.willRetryUntil, new Date('2026-11-28T14:02:16Z'));
    const folded = readDeliveryReport(parseEntity(bytesOf('domino-failed')))?.recipients[0];
    assert.match(folded?.diagnostic ?? '', /not listed in Domino Directory$/);
  });

  it('T24 speak of the recipient whom the sender named, whatever address it had in the end', () => {
    const [said] = readDeliveryReport(parseEntity(bytesOf('sendmail-delivered-to-mailbox')))?.recipients ?? [];
    assert.ok(said && isAbout(said, 'giulia.rossi@tcn.i.eu-admin.net'));
    assert.ok(said && !isAbout(said, 'grossi@mailbox.tcn.i.eu-admin.net'));
    const [xtext] = readDeliveryReport(parseEntity(bytesOf('envelope-id-as-xtext')))?.recipients ?? [];
    assert.ok(xtext && isAbout(xtext, 'Marja.Virtanen@tcn.fin.eu-admin.net'));
  });

  it('T24 of any length and any nonsense cost no more than their bytes', () => {
    const many = `Reporting-MTA: dns; x\r\n\r\n${'Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\n\r\n'.repeat(20_000)}`;
    assert.ok(readReportFields(many).length <= 1_001);
    assert.equal(readReportFields(`A: ${'x'.repeat(10_000)}`)[0]?.get('a')?.length, 2_000);
    assert.equal(readReportFields(`${' folded\r\n'.repeat(1000)}`).length, 0);
    for (const value of ['utf-8; a\\x{0}@b', 'utf-8; \\x{D800}@b', 'rfc822; a b@c', 'x400; /a/', 'rfc822;']) {
      const read = recipientAddress(value);
      assert.ok(read === null || read.includes('\\x{'), `${value} gave ${read}`);
    }
    for (const name of Object.keys(EXPECTED)) {
      const bytes = bytesOf(name);
      for (let end = 0; end < bytes.length; end += 97) readDeliveryReport(parseEntity(bytes.subarray(0, end)));
    }
  });
});
