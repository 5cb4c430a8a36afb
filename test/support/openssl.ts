import { spawnSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Certificate } from '../../src/pki/certificate.ts';
import { toPem } from '../../src/pki/certificate-bundle.ts';

/** Runs OpenSSL in a folder of its own with these files in it; gives standard output. */
export function openssl(
  args: string[],
  files: Record<string, string | Buffer> = {},
): { ok: boolean; stdout: Buffer; stderr: string } {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sp-openssl-'));
  try {
    for (const [name, content] of Object.entries(files))
      fs.writeFileSync(path.join(folder, name), content, { mode: 0o600 });
    const done = spawnSync('openssl', args, { cwd: folder, maxBuffer: 16 * 1024 * 1024 });
    return { ok: done.status === 0, stdout: done.stdout, stderr: done.stderr.toString() };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

export type PfxContents = { privateKey: Buffer; certificate: Certificate; chain: readonly Certificate[] };

/** How Windows, old and new OpenSSL protect a `.pfx`. */
export const PFX_FORMS = {
  'PBES2 with AES-256': [],
  '3DES': ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'],
  'RC2-40 and 3DES': ['-legacy'],
} as const;

/** A `.pfx` as `openssl pkcs12 -export` writes it. */
export function writePfx(
  contents: PfxContents,
  password: string,
  form: keyof typeof PFX_FORMS = 'PBES2 with AES-256',
): Buffer {
  const key = createPrivateKey({ key: contents.privateKey, format: 'der', type: 'pkcs8' });
  const args = [
    'pkcs12',
    '-export',
    '-in',
    'leaf.pem',
    '-inkey',
    'key.pem',
    '-passout',
    'file:password',
    ...PFX_FORMS[form],
  ];
  const files = {
    'leaf.pem': toPem([contents.certificate]),
    'key.pem': key.export({ format: 'pem', type: 'pkcs8' }),
    password,
    'chain.pem': toPem(contents.chain),
  };
  const made = openssl(contents.chain.length > 0 ? [...args, '-certfile', 'chain.pem'] : args, files);
  if (!made.ok) throw new Error(made.stderr);
  return made.stdout;
}
