import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import type { Certificate } from '../pki/certificate.ts';
import { readCertificates } from '../pki/certificate-bundle.ts';
import { type RevocationList, readRevocationLists } from '../pki/crl.ts';
import { PkiError } from '../pki/errors.ts';
import { type PathReason, validatePath } from '../pki/path.ts';

const USAGE = `usage: sealpost verify-path --json --anchors F… --chain F… [--crls F]… [--at TIME] [--purpose email|any] [--policies OID,…]
         [--explicit-policy] [--inhibit-mapping] [--inhibit-any-policy] [--legacy-algorithms]
       sealpost verify-path --batch CASES.jsonl`;

/** One case as `--batch` takes it (cli.md); the options of the command line say the same. */
interface Case {
  id?: string;
  anchors: string[];
  chain: string[];
  crls?: string[];
  at?: string;
  purpose?: 'email' | 'any';
  policies?: string[];
  explicitPolicy?: boolean;
  inhibitMapping?: boolean;
  inhibitAnyPolicy?: boolean;
  legacyAlgorithms?: boolean;
}

interface Answer {
  id: string;
  valid: boolean;
  reasons: readonly (PathReason | 'malformed')[];
  /** SHA-256 of the certificates, the end certificate first */
  path: string[];
  ms: number;
}

/** `sealpost verify-path` (cli.md): the function that the message page calls, one JSON answer per case. */
export async function verifyPath(args: string[]): Promise<number> {
  const options = readOptions(args);
  if (options === null) {
    console.error(USAGE);
    return 2;
  }
  return options.batch === undefined ? answerOne(options.single) : answerBatch(options.batch);
}

function answerOne(question: Case): number {
  console.log(JSON.stringify(answer(question)));
  return 0;
}

/** An input that cannot be read gets an answer too, so that answers stay in order; the exit status tells of it. */
async function answerBatch(file: string): Promise<number> {
  let status = 0;
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    number += 1;
    if (line.trim() === '') continue;
    try {
      console.log(JSON.stringify(answer(caseOf(line))));
    } catch (error) {
      const message = (error as Error).message;
      console.error(`sealpost: ${file}, line ${number}: ${message}`);
      console.log(JSON.stringify({ id: idOf(line), error: message }));
      status = 1;
    }
  }
  return status;
}

function answer(question: Case): Answer {
  const at = question.at === undefined ? new Date() : new Date(question.at);
  if (Number.isNaN(at.getTime())) throw new Error(`no time: ${question.at}`);
  const started = performance.now();
  const verdict = judge(question, at);
  const ms = Math.round((performance.now() - started) * 1000) / 1000;
  return { id: question.id ?? question.chain[0] ?? '', ...verdict, ms };
}

function judge(question: Case, at: Date): Pick<Answer, 'valid' | 'reasons' | 'path'> {
  const anchors = certificatesOf(question.anchors);
  const chain = certificatesOf(question.chain);
  const crls = question.crls ?? [];
  const lists = listsOf(crls);
  const leaf = chain?.[0];
  if (anchors === null || lists === null || leaf === undefined)
    return { valid: false, reasons: ['malformed'], path: [] };
  const { valid, reasons, path } = validatePath({
    leaf,
    candidates: chain?.slice(1) ?? [],
    anchors,
    at,
    purpose: question.purpose ?? 'email',
    legacyAlgorithms: question.legacyAlgorithms,
    policies: {
      acceptable: question.policies === undefined || question.policies.length === 0 ? null : question.policies,
      explicit: question.explicitPolicy ?? false,
      inhibitMapping: question.inhibitMapping ?? false,
      inhibitAny: question.inhibitAnyPolicy ?? false,
    },
    revocation: crls.length === 0 ? undefined : { lists, responses: [], now: at, required: true },
  });
  return { valid, reasons, path: path.map((one) => one.sha256) };
}

/** Null when one of them is no certificate. A file that cannot be read at all is an error of its own. */
function certificatesOf(files: readonly string[]): Certificate[] | null {
  return readAll(files, readCertificates);
}

function listsOf(files: readonly string[]): RevocationList[] | null {
  return readAll(files, readRevocationLists);
}

function readAll<T>(files: readonly string[], read: (bytes: Buffer) => T[]): T[] | null {
  const contents = files.map((file) => readFileSync(file));
  try {
    return contents.flatMap((bytes) => read(bytes));
  } catch (error) {
    if (error instanceof PkiError) return null;
    throw error;
  }
}

function readOptions(args: string[]): { batch: string; single?: never } | { batch?: never; single: Case } | null {
  try {
    const { values } = parseArgs({
      args,
      options: {
        json: { type: 'boolean' },
        batch: { type: 'string' },
        anchors: { type: 'string', multiple: true },
        chain: { type: 'string', multiple: true },
        crls: { type: 'string', multiple: true },
        at: { type: 'string' },
        purpose: { type: 'string' },
        policies: { type: 'string' },
        'explicit-policy': { type: 'boolean' },
        'inhibit-mapping': { type: 'boolean' },
        'inhibit-any-policy': { type: 'boolean' },
        'legacy-algorithms': { type: 'boolean' },
      },
    });
    if (values.batch !== undefined) return isAlone(values) ? { batch: values.batch } : null;
    const { purpose = 'email' } = values;
    const policies = values.policies?.split(',');
    const timeless = values.at !== undefined && Number.isNaN(Date.parse(values.at));
    if (timeless || !isPurpose(purpose) || (policies && !isPolicyList(policies))) return null;
    const { anchors = [], chain = [] } = values;
    if (anchors.length === 0 || chain.length === 0) return null;
    return {
      single: {
        anchors,
        chain,
        crls: values.crls,
        at: values.at,
        purpose,
        policies,
        explicitPolicy: values['explicit-policy'],
        inhibitMapping: values['inhibit-mapping'],
        inhibitAnyPolicy: values['inhibit-any-policy'],
        legacyAlgorithms: values['legacy-algorithms'],
      },
    };
  } catch {
    return null;
  }
}

/** The other options belong to one case: beside a file of cases they would be passed over in silence. */
function isAlone(values: Record<string, unknown>): boolean {
  return Object.keys(values).every((name) => ['batch', 'json'].includes(name));
}

const isPurpose = (value: unknown): value is 'email' | 'any' => value === 'email' || value === 'any';
const isTextList = (value: unknown) => Array.isArray(value) && value.every((item) => typeof item === 'string');
const isPolicyList = (value: unknown) => Array.isArray(value) && value.every((item) => OID.test(String(item)));
const isFlag = (value: unknown) => typeof value === 'boolean';
const isText = (value: unknown) => typeof value === 'string';
const OID = /^[0-2](?:\.\d+)+$/;

/** What each key of a case may hold. */
const KEYS: Record<keyof Case, [holds: (value: unknown) => boolean, otherwise: string]> = {
  id: [(value) => isText(value) || typeof value === 'number', 'must be text or a number'],
  anchors: [isTextList, 'must be a list of file names'],
  chain: [isTextList, 'must be a list of file names'],
  crls: [isTextList, 'must be a list of file names'],
  at: [isText, 'must be an ISO time'],
  purpose: [isPurpose, 'is email or any'],
  policies: [isPolicyList, 'must be a list of object identifiers'],
  explicitPolicy: [isFlag, 'is true or false'],
  inhibitMapping: [isFlag, 'is true or false'],
  inhibitAnyPolicy: [isFlag, 'is true or false'],
  legacyAlgorithms: [isFlag, 'is true or false'],
};

/** Null is as good as leaving a key out, but for those that a case must have. */
function caseOf(line: string): Case {
  const read: unknown = JSON.parse(line);
  if (typeof read !== 'object' || read === null) throw new Error('a case is a JSON object');
  const one = { anchors: null, chain: null, ...read } as Record<string, unknown>;
  for (const [key, [holds, otherwise]] of Object.entries(KEYS)) {
    const isLeftOut = (one[key] ?? null) === null && key !== 'anchors' && key !== 'chain';
    if (isLeftOut) delete one[key];
    else if (!holds(one[key])) throw new Error(`${key} ${otherwise}`);
  }
  return one as unknown as Case; // every field was looked at
}

function idOf(line: string): string | null {
  try {
    return (JSON.parse(line) as { id?: string }).id ?? null;
  } catch {
    return null;
  }
}
