import fs from 'node:fs';
import path from 'node:path';

/**
 * Puts messages into a folder of a Maildir as a mail server would have: files in `cur`, named so that Dovecot reads
 * their sizes from the names. Far quicker than sending them.
 */
export function fillFolder(maildir: string, folder: string, count: number): void {
  const at = path.join(maildir, folder);
  for (const each of ['cur', 'new', 'tmp']) fs.mkdirSync(path.join(at, each), { recursive: true });
  const start = Date.UTC(2026, 0, 1) / 1000;
  for (let n = 0; n < count; n++) {
    const second = start + n * 60;
    const message = messageNumber(n, new Date(second * 1000));
    const file = path.join(at, 'cur', `${second}.M${n}P1.bench,S=${message.length},W=${message.length}:2,S`);
    fs.writeFileSync(file, message);
    fs.utimesSync(file, second, second);
  }
  own(maildir, at);
}

/** Everything belongs to whoever owns the Maildir. */
function own(maildir: string, folder: string): void {
  const { uid, gid } = fs.statSync(maildir);
  fs.chownSync(folder, uid, gid);
  for (const name of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    fs.chownSync(path.join(folder, name), uid, gid);
}

function messageNumber(n: number, date: Date): Buffer {
  const lines = [
    `From: Clerk ${n % 97} <clerk.${n % 97}@tcn.b.eu-admin.net>`,
    'To: Marta Klein <Marta.Klein@tcn.d.eu-admin.net>',
    `Subject: Driver card ${String(n).padStart(6, '0')}: application`,
    `Date: ${date.toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <bench-${n}@tcn.b.eu-admin.net>`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="b"',
    '',
    '--b',
    'Content-Type: text/plain; charset=utf-8',
    '',
    `Message ${n}.`,
    '--b',
    'Content-Type: application/pdf; name="card.pdf"',
    'Content-Disposition: attachment; filename="card.pdf"',
    'Content-Transfer-Encoding: base64',
    '',
    'JVBERi0xLjQK',
    '--b--',
    '',
  ];
  return Buffer.from(lines.join('\r\n'));
}
