import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readCertificates } from '../pki/certificate-bundle.ts';
import { readRevocationLists } from '../pki/crl.ts';
import { PkiError } from '../pki/errors.ts';
import { type EvidenceVerdict, verifyEvidence } from '../smime/evidence-file.ts';
import { withDatabase } from './with-database.ts';

const USAGE = 'usage: sealpost evidence verify [--json] [--anchors FILE]… [--crls FILE]… FILE…';

/**
 * `sealpost evidence verify`: a downloaded evidence file is genuine and unchanged. With `--anchors` nothing but these roots counts, and
 * no installation is needed; without, the roots of this installation and what it took back. As with every verb, the verdict stands in the
 * answer (`valid`) and not in the exit status, which is 1 when a file cannot be read.
 */
export async function evidence(args: string[]): Promise<number> {
  const options = args[0] === 'verify' ? readOptions(args.slice(1)) : null;
  if (options === null) {
    console.error(USAGE);
    return 2;
  }
  let status = 0;
  for (const file of options.files) {
    try {
      const verdict = await verdictOf(readFileSync(file), options);
      console.log(JSON.stringify({ file, ...answer(verdict) }));
    } catch (error) {
      console.error(`sealpost: ${file}: ${(error as Error).message}`);
      status = 1;
    }
  }
  return status;
}

type Options = { files: string[]; anchors: string[]; crls: string[] };

function readOptions(args: string[]): Options | null {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: 'boolean' },
        anchors: { type: 'string', multiple: true },
        crls: { type: 'string', multiple: true },
      },
    });
    const { anchors = [], crls = [] } = values;
    if (positionals.length === 0 || (crls.length > 0 && anchors.length === 0)) return null;
    return { files: positionals, anchors, crls };
  } catch {
    return null;
  }
}

async function verdictOf(bytes: Buffer, { anchors, crls }: Options): Promise<EvidenceVerdict> {
  if (anchors.length === 0) {
    const { verifyOwnEvidence } = await import('../services/evidence/verify-evidence.ts');
    return withDatabase((database) => verifyOwnEvidence(database, bytes));
  }
  const lists = crls.flatMap((file) => readAll(file, readRevocationLists));
  return verifyEvidence(bytes, {
    anchors: anchors.flatMap((file) => readAll(file, readCertificates)),
    ...(crls.length === 0 ? {} : { revocation: { lists, responses: [], now: new Date() } }),
  });
}

function readAll<T>(file: string, read: (bytes: Buffer) => T[]): T[] {
  try {
    return read(readFileSync(file));
  } catch (error) {
    if (error instanceof PkiError) throw new Error(`${file}: ${error.message}`);
    throw error;
  }
}

function answer({ valid, reasons, content, signedAt, path, revocation }: EvidenceVerdict) {
  return {
    valid,
    reasons,
    revocation,
    signedAt: signedAt?.toISOString() ?? null,
    signer: path[0]?.subject ?? null,
    path: path.map((one) => one.sha256),
    evidence: content,
  };
}
