import type { Config } from '../../config.ts';
import type { Formats } from '../../i18n/formats.ts';
import { megabytes } from './compose-checks.ts';
import type { FileProblem } from './draft-form.ts';

type Notice = { key: string; parameters: Record<string, string | number> };

/** Why files were not attached; viruses first, all of them by name. Null when every one was. */
export function fileNotice(
  { list, plainName }: Formats,
  problems: readonly FileProblem[],
  { attachmentLimitBytes, scanner }: Pick<Config, 'attachmentLimitBytes' | 'scanner'>,
): Notice | null {
  const infected = problems.flatMap((one) =>
    one.reason === 'infected' ? [`${plainName(one.name)} (${one.finding})`] : [],
  );
  if (infected.length > 0) {
    return { key: 'scanning.upload.infected', parameters: { names: list(infected), count: infected.length } };
  }
  const [first] = problems;
  if (first === undefined) return null;
  const name = plainName(first.name);
  if (first.reason === 'unscanned') {
    if (first.failure !== 'too-large') return { key: 'scanning.upload.unscanned', parameters: { name } };
    return { key: 'scanning.upload.tooLarge', parameters: { name, limit: megabytes(scanner?.maxBytes ?? 0) } };
  }
  const key = first.reason === 'too-large' ? 'drafts.file.tooLarge' : 'drafts.file.tooMany';
  return { key, parameters: { name, limit: megabytes(attachmentLimitBytes) } };
}
