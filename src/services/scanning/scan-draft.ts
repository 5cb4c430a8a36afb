import type { Context } from '../../context.ts';
import type { SignedIn } from '../sessions/session.ts';
import { recordScan } from './record-scan.ts';
import { type Content, knownResults, PAGE_PATIENCE_MS, scanContent } from './scan-content.ts';

type Needs = Pick<Context, 'database' | 'scanner' | 'audit' | 'now'>;

export type ScanProblem =
  | { code: 'attachments-infected'; files: { name: string; finding: string }[] }
  /** No result, and the programme refuses then */
  | { code: 'attachments-unscanned' | 'attachments-unscannable'; names: string[] };

/** An attachment without a result. */
type Unscanned = { name: string; sha256: string; isTooLarge: boolean };

/** What a draft's attachments are worth when it leaves: they may have been added before these signatures, or while nobody answered. */
export async function scanBeforeSending(
  needs: Needs,
  session: SignedIn,
  attachments: readonly (Content & { name: string })[],
): Promise<{ problems: ScanProblem[]; unscanned: Unscanned[] }> {
  const infected: { name: string; finding: string }[] = [];
  const unscanned: Unscanned[] = [];
  for (const attachment of attachments) {
    const { name } = attachment;
    const verdict = await scanContent(needs, attachment);
    if (verdict.state === 'infected') {
      const { sha256, finding } = verdict;
      infected.push({ name, finding });
      await recordScan(needs, session, { sha256, result: 'refused', reason: `upload-infected ${finding}` });
    }
    if (verdict.state === 'unscanned')
      unscanned.push({ name, sha256: verdict.sha256, isTooLarge: verdict.reason === 'too-large' });
  }
  const problems: ScanProblem[] = [];
  if (infected.length > 0) problems.push({ code: 'attachments-infected', files: infected });
  if (session.account.country.programme.scannerPolicy === 'refuse') {
    const namesOf = (isTooLarge: boolean) =>
      unscanned.filter((one) => one.isTooLarge === isTooLarge).map(({ name }) => name);
    if (namesOf(false).length > 0) problems.push({ code: 'attachments-unscanned', names: namesOf(false) });
    if (namesOf(true).length > 0) problems.push({ code: 'attachments-unscannable', names: namesOf(true) });
  }
  return { problems, unscanned };
}

/** What the page of a draft says beside its attachments, in their order; null where no scanner is set up. */
export type DraftScanState = { state: 'clean' | 'unknown' } | { state: 'infected'; finding: string };

export async function draftScanStates(
  needs: Pick<Context, 'database' | 'scanner' | 'now'>,
  attachments: readonly { sha256: string | null }[],
): Promise<DraftScanState[] | null> {
  if (needs.scanner === null) return null;
  if (attachments.length === 0) return [];
  const asked = await needs.scanner.version(PAGE_PATIENCE_MS);
  const contents = attachments.flatMap(({ sha256 }) => sha256 ?? []);
  const known = await knownResults(needs, contents, asked.ok ? asked.version : null);
  return attachments.map(({ sha256 }) => {
    const finding = known.get(sha256 ?? '');
    if (finding === undefined) return { state: 'unknown' };
    return finding === null ? { state: 'clean' } : { state: 'infected', finding };
  });
}
