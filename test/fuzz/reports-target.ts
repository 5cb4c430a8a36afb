/** Reports of servers, receipts of readers, lines of a log, evidence files: whatever they are, they are read or refused. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { readDeliveryReport } from '../../src/mail/delivery-report.ts';
import { readDelivery, readLogLine } from '../../src/mail/postfix-log.ts';
import { readReadReceipt } from '../../src/mail/read-receipt.ts';
import { readReportOrigin } from '../../src/mail/report-origin.ts';
import { parseEntity } from '../../src/mime/parse.ts';
import { verifyEvidence } from '../../src/smime/evidence-file.ts';
import { readSignedReceipt } from '../../src/smime/signed-receipt.ts';
import type { Target } from './targets.ts';

const FOLDER = path.resolve(import.meta.dirname, '../support/reports');
const AT = new Date('2026-11-28T12:00:00Z');
const OWN = new Set(['mail.tcn.b.eu-admin.net']);
const NO_TRUST = { anchors: [], intermediates: [], explicitlyTrusted: [] };
const RECEIPT = [
  'From: <b@tcn.d.eu-admin.net>\r\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n--b\r\n',
  'Content-Type: text/plain\r\n\r\nread\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\nReporting-UA: x; y\r\n',
  'Final-Recipient: rfc822; b@tcn.d.eu-admin.net\r\nOriginal-Message-ID: <a@b>\r\n',
  'Disposition: manual-action/MDN-sent-manually; displayed\r\n--b--\r\n',
].join('');
const LOG =
  'Nov 28 04:21:30 relay relay/smtp[24511]: 4jbxtf51fbzJnJJ: to=<a@b>, orig_to=<c@d>, relay=x[192.0.2.3]:25, delay=0.06, delays=0/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok)\n';

export function reportsTarget(): Target {
  const names = fs.readdirSync(FOLDER).filter((name) => name.endsWith('.eml'));
  const signed = ['signed-receipt.eml', 'evidence.p7m'].map((name) => fs.readFileSync(new URL(name, import.meta.url)));
  return {
    corpus: [
      ...names.sort().map((name) => fs.readFileSync(path.join(FOLDER, name))),
      ...[Buffer.from(RECEIPT), Buffer.from(LOG)],
      ...signed,
    ],
    check(bytes) {
      const message = parseEntity(bytes);
      const report = readDeliveryReport(message);
      assert.ok(report === null || report.recipients.length > 0);
      readReadReceipt(message);
      readReportOrigin(message, OWN);
      const receipt = readSignedReceipt(bytes, NO_TRUST, AT);
      assert.ok(receipt === null || receipt.signer.status !== 'trusted');
      assert.equal(verifyEvidence(bytes, { anchors: [] }).valid, false);
      const line = readLogLine(bytes.toString('latin1').split('\n')[0] ?? '', AT);
      if (line !== null) readDelivery(line.text);
    },
  };
}
