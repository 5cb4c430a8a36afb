import type { ScannerSettings } from '../../config.ts';
import { Clamd, type ScannerVersion } from '../../mail/clamd.ts';
import { type CheckLine, checkLine, type Found } from './check-line.ts';

/** freshclam looks several times a day; a scanner that lags behind by so much gets nothing any more. */
const OLD_DAYS = 7;
const DAY_MS = 86_400_000;

/** Asks the virus scanner which program and signatures it has (T30). */
export function checkScanner(settings: ScannerSettings | null, now: () => Date): Promise<CheckLine> {
  const place = settings === null ? '' : writtenPlace(settings.place);
  return checkLine('scanner', '', { place }, async () => {
    if (settings === null) return { state: 'notice', code: 'none' };
    const asked = await new Clamd(settings.place, settings).version();
    if (!asked.ok) return { state: 'failed', code: asked.reason };
    return judgeScanner(asked.version, now());
  });
}

/** What it says about itself. */
export function judgeScanner({ program, signatures, signedAt }: ScannerVersion, at: Date): Found {
  if (signatures === null || signedAt === null) return { state: 'notice', code: 'own', facts: { program } };
  const facts = { program, signatures, since: signedAt.toISOString() };
  const isOld = at.getTime() - signedAt.getTime() > OLD_DAYS * DAY_MS;
  return { state: isOld ? 'notice' : 'ok', code: isOld ? 'old' : 'ok', facts };
}

/** As the setting has it. */
export function writtenPlace(place: ScannerSettings['place']): string {
  return place.kind === 'unix' ? `unix:${place.path}` : `tcp:${place.host}:${place.port}`;
}
