import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readReportOrigin } from '../../../src/mail/report-origin.ts';
import { parseEntity } from '../../../src/mime/parse.ts';

const OWN = 'mail.tcn.b.eu-admin.net';
const LMTP = `from ${OWN} by ${OWN} with LMTP id MOXtBtJWCmvYXwAAg+zDdQ (envelope-from <>) for <a@tcn.b.eu-admin.net>; Sat, 28 Nov 2026 04:21:38 +0000`;
const TLS =
  '(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256) (No client certificate requested)';
const DATE = 'Sat, 28 Nov 2026 04:21:38 +0000 (UTC)';

function origin(...received: string[]) {
  const lines = ['Return-Path: <>', ...received.map((each) => `Received: ${each}`), 'Subject: x', '', 'text'];
  return readReportOrigin(parseEntity(Buffer.from(lines.join('\r\n'))), new Set([OWN])).handedInBy;
}

const postfix = (from: string, by = OWN, kind = 'ESMTPS') =>
  `from ${from} ${TLS} by ${by} (Postfix) with ${kind} id 4jbxtp0nl5zJnKy for <a@tcn.b.eu-admin.net>; ${DATE}`;

describe('T24 where a report came from', () => {
  it('T24 is what the own server wrote above everything else, by the address and not by the name that was said', () => {
    assert.equal(origin(postfix('relay.eu-admin.net (relay.eu-admin.net [192.0.2.17])')), '192.0.2.17');
    assert.equal(origin(LMTP, postfix('relay.eu-admin.net (relay.eu-admin.net [192.0.2.17])')), '192.0.2.17');
    assert.equal(origin(LMTP, postfix('[192.0.2.17] (unknown [198.51.100.6])')), '198.51.100.6');
    assert.equal(origin(LMTP, postfix('x (x [IPv6:2001:db8::17])')), '2001:db8::17');
    assert.equal(origin(LMTP, `by ${OWN} (Postfix) id 4jbxtf665QzJmlR; ${DATE}`), 'own');
  });

  it('T24 is understood in the words of other servers', () => {
    const by = `by ${OWN}`;
    assert.equal(
      origin(
        `from relay.eu-admin.net ([192.0.2.17] helo=said) ${by} with esmtps (TLS1.3) (Exim 4.96) (envelope-from <>) id 1tFq-0003Zb-2y for a@b; ${DATE}`,
      ),
      '192.0.2.17',
    );
    assert.equal(
      origin(`from [192.0.2.17] (helo=[198.51.100.6]) ${by} with esmtp (Exim 4.96) id 1tFq-0003Zb-2y; ${DATE}`),
      '192.0.2.17',
    );
    assert.equal(
      origin(
        `from relay.eu-admin.net (192.0.2.17) ${by} (192.0.2.2) with Microsoft SMTP Server (version=TLS1_2, cipher=X) id 15.2.1544.11; ${DATE}`,
      ),
      '192.0.2.17',
    );
    assert.equal(
      origin(
        `from relay.eu-admin.net (relay.eu-admin.net [192.0.2.17]) ${by} (8.17.1/8.17.1) with ESMTPS id 4AN; ${DATE}`,
      ),
      '192.0.2.17',
    );
    assert.equal(
      origin(
        `from relay.eu-admin.net (relay.eu-admin.net [192.0.2.17]) ${by} (OpenSMTPD) with ESMTPS id 8f (TLSv1.3:X:256:NO) for <a@b>; ${DATE}`,
      ),
      '192.0.2.17',
    );
  });

  it('T24 is not told by what a stranger can write', () => {
    const stranger = '(unknown [198.51.100.6])';
    const claims = postfix('relay.eu-admin.net (relay.eu-admin.net [192.0.2.17])');
    assert.equal(origin(LMTP, postfix(`relay.eu-admin.net ${stranger}`), claims), '198.51.100.6');
    assert.equal(origin(postfix(`relay.eu-admin.net ${stranger}`), LMTP, claims), '198.51.100.6');
    // Postfix takes several words after EHLO for one name.
    assert.equal(origin(postfix(`x by ${OWN} with LMTP id 1 ${stranger}`), claims), null);
    assert.equal(origin(postfix(`x by ${OWN} id 1 ${stranger}`), claims), null);
    assert.equal(origin(LMTP, claims.replaceAll(OWN, 'mail.elsewhere.example')), null);
    assert.equal(origin(LMTP.replaceAll(OWN, 'mail.elsewhere.example'), claims), null);
    assert.equal(origin(), null);
  });

  it('T24 is nobody where a person handed it in: with a password, or on the machine itself', () => {
    for (const kind of ['ESMTPSA', 'ESMTPA', 'UTF8SMTPSA'])
      assert.equal(origin(LMTP, postfix('relay.eu-admin.net (relay.eu-admin.net [192.0.2.17])', OWN, kind)), null);
    assert.equal(origin(`by ${OWN} (Postfix, from userid 1000) id 4jbxtf665QzJmlR; ${DATE}`), null);
  });

  it('T24 counts only with an empty return path that the delivery wrote', () => {
    const path = (...lines: string[]) =>
      readReportOrigin(parseEntity(Buffer.from([...lines, '', ''].join('\r\n'))), new Set([OWN])).nullSender;
    assert.equal(path('Return-Path: <>', `Received: ${LMTP}`), true);
    assert.equal(path('Return-Path: <a@b.example>', `Received: ${LMTP}`, 'Return-Path: <>'), false);
    assert.equal(path(`Received: ${LMTP}`, 'Return-Path: <>'), false);
    assert.equal(path(`Received: ${LMTP}`), false);
  });

  it('T24 is found in no more time than the field is long', () => {
    for (const field of [
      '('.repeat(4000),
      `from ${'(a'.repeat(1900)}`,
      ' by '.repeat(990),
      `from x (${'['.repeat(3000)}) by y id z`,
    ])
      assert.equal(origin(field), null);
  });
});
