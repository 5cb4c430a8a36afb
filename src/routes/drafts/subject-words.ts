import type { Formats } from '../../i18n/formats.ts';
import type { RecipientMark } from '../../services/contacts/contact-marks.ts';
import { hidesSubject } from '../../services/letters/send-policy.ts';

/** Whether the subject will be visible on the way, in words; `{names}` stays where a script puts them in. */
export type SubjectWords = { isHidden: boolean; text: string };

export type SubjectFacts = {
  encrypt: boolean;
  marks: readonly Pick<RecipientMark, 'name' | 'address' | 'showsProtectedSubject'>[];
  answersHidden: boolean;
};

/** It is said to be visible where one copy shows it, whoever that copy goes to. */
export function subjectWords({ t, list, plainName }: Formats, facts: SubjectFacts): SubjectWords {
  const { encrypt, marks, answersHidden } = facts;
  if (!encrypt) return { isHidden: false, text: t('drafts.subject.clear') };
  if (hidesSubject(marks, answersHidden)) return { isHidden: true, text: t('drafts.subject.hidden') };
  const names = marks.filter((mark) => !mark.showsProtectedSubject).map((mark) => plainName(mark.name || mark.address));
  const text = names.length === 0 ? t('drafts.subject.open') : t('drafts.subject.named', { names: list(names) });
  return { isHidden: false, text };
}
