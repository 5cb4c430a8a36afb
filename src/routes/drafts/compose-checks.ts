import type { Formats } from '../../i18n/formats.ts';
import type { DraftProblem } from '../../services/drafts/draft-sending.ts';
import { chosenMarking } from '../../services/letters/marking-policy.ts';
import type { NewLetter } from '../../services/letters/send-letter.ts';
import { shortThumbprint } from './mark-words.ts';
import type { SubjectWords } from './subject-words.ts';

export type CheckLine = { outcome: 'passed' | 'failed' | 'unknown'; title: string; why: string; icon?: string };

export type Checked = {
  problems: readonly DraftProblem[];
  letter: Pick<NewLetter, 'to' | 'cc' | 'bcc' | 'sign' | 'encrypt' | 'marking'>;
  subject: string;
  subjectWords: SubjectWords;
  mustEncrypt: boolean;
  attachments: number;
  signer: { address: string; sha256: string } | null;
};

/** "Before it leaves": what stops the letter first, then what will happen to it. */
export function composeChecks(formats: Formats, checked: Checked): CheckLine[] {
  const { t } = formats;
  const line = (outcome: CheckLine['outcome'], key: string, why: string, icon?: string): CheckLine => ({
    outcome,
    title: t(`drafts.check.${key}`),
    why,
    ...(icon ? { icon } : {}),
  });
  const { letter, signer, problems } = checked;
  const lines = problems.map((problem): CheckLine => {
    const { title, why } = problemText(formats, problem);
    return { outcome: 'failed', title, why };
  });
  const marking = chosenMarking(letter.marking);
  if (marking !== null && letter.sign) lines.push(line('passed', 'marked', marking));
  if (letter.sign && signer) {
    lines.push(line('passed', 'signed', `${signer.address}, ${shortThumbprint(formats, signer.sha256)}`));
  }
  if (!letter.sign) {
    lines.push(
      line(
        'unknown',
        'unsigned',
        t(letter.encrypt ? 'drafts.check.unsigned.encrypted' : 'drafts.check.unsigned.why'),
        'warning',
      ),
    );
  }
  if (letter.encrypt) {
    lines.push(line('passed', 'encrypted', checked.mustEncrypt ? t('drafts.check.encrypted.must') : ''));
  } else {
    lines.push(line('unknown', 'plain', t('drafts.check.plain.why'), 'lock-open'));
  }
  if (checked.subject.trim() === '') lines.push(line('unknown', 'noSubject', t('drafts.check.noSubject.why')));
  else if (checked.subjectWords.isHidden) lines.push(line('passed', 'subjectHidden', checked.subjectWords.text));
  else if (letter.encrypt) lines.push(line('unknown', 'subject', checked.subjectWords.text, 'eye'));
  return lines;
}

/** A refusal in words: what is wrong, and what to do. */
export function problemText(
  { t, list, number, plainName }: Formats,
  problem: DraftProblem,
): { title: string; why: string } {
  const words = (parameters: Record<string, string | number> = {}) => ({
    title: t(`drafts.problem.${problem.code}`, parameters),
    why: t(`drafts.problem.${problem.code}.why`, parameters),
  });
  const names = (addresses: readonly string[]) => list(addresses.map(plainName));
  switch (problem.code) {
    case 'too-many-recipients':
      return words({ count: problem.count, limit: problem.limit });
    case 'bad-addresses':
    case 'domain-not-allowed':
    case 'marking-outside':
      return words({ count: problem.addresses.length, names: names(problem.addresses) });
    case 'missing-digital-ids': {
      const who = problem.recipients.map((one) => one.name || one.address);
      return words({ count: who.length, names: names(who) });
    }
    case 'attachments-infected': {
      const files = problem.files.map(({ name, finding }) => `${plainName(name)} (${finding})`);
      return words({ count: files.length, names: list(files) });
    }
    case 'attachments-unscanned':
    case 'attachments-unscannable':
      return words({ count: problem.names.length, names: names(problem.names) });
    case 'subject-too-long':
    case 'text-too-long':
      return words({ count: number(problem.count), limit: number(problem.limit) });
    case 'attachments-too-large':
      return words({ limit: megabytes(problem.limitBytes) });
    case 'classified':
      return words({ words: problem.words });
    case 'handling-too-long':
      return words({ limit: problem.limit });
    default:
      return words();
  }
}

/** As the administrator's setting counts them. */
export function megabytes(bytes: number): number {
  return Math.floor(bytes / (1024 * 1024));
}
