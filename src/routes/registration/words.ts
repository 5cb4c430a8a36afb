import type { Formats } from '../../i18n/formats.ts';
import { describeAuthorities } from '../../services/administration/mail-servers.ts';
import type { Step, StepName } from '../../services/registration/history.ts';
import {
  administratorAddress,
  FIELD_NAMES,
  type FieldChange,
  type FieldFault,
  type FieldFaults,
  type FieldName,
  OWN_SERVER_FIELDS,
  type RegistrationFields,
} from '../../services/registration/registration-form.ts';

/** One field as people read it: its name and its value, which may have several lines. */
export type Fact = { name: FieldName; label: string; value: string; mono: boolean };

const CHOICES: ReadonlySet<FieldName> = new Set(['mailboxes', 'imapTls', 'submissionTls']);
const MONO: ReadonlySet<FieldName> = new Set([
  'domain',
  'serverName',
  'serverIp',
  'imapHost',
  'submissionHost',
  'caPem',
]);

/** The whole form, without the fields that do not matter for hosted mailboxes. */
export function factsOf(formats: Formats, fields: RegistrationFields, domain: string): (Fact | AddressFact)[] {
  const isOwn = fields.mailboxes === 'own';
  const facts: (Fact | AddressFact)[] = FIELD_NAMES.filter((name) => isOwn || !OWN_SERVER_FIELDS.includes(name)).map(
    (name) => ({
      name,
      label: labelOf(formats, name),
      value: shownValue(formats, name, fields[name]),
      mono: MONO.has(name),
    }),
  );
  const value = administratorAddress(fields, domain) ?? '';
  const at = facts.findIndex(({ name }) => name === 'surname') + 1;
  facts.splice(at, 0, { name: 'address', label: formats.t('registration.address'), value, mono: true });
  return facts;
}

type AddressFact = Omit<Fact, 'name'> & { name: 'address' };

function labelOf({ t }: Formats, name: FieldName): string {
  return t(`registration.field.${name}`);
}

/** Foreign text, in full: without control characters and what turns the writing direction of the page. */
function shownValue(formats: Formats, name: FieldName, value: string): string {
  const { t, has, plainLine } = formats;
  if (CHOICES.has(name) && has(`registration.choice.${value}`)) return t(`registration.choice.${value}`);
  const authorities = name === 'caPem' && value !== '' ? describeAuthorities(value) : null;
  // Nobody compares a certificate by its PEM.
  if (authorities) return authorities.map((authority) => authorityText(formats, authority)).join('\n');
  return value.split('\n').map(plainLine).join('\n');
}

function authorityText({ plainLine, thumbprint }: Formats, { subject, sha256 }: { subject: string; sha256: string }) {
  return `${plainLine(subject)}\nSHA-256 ${thumbprint(sha256)}`;
}

export function faultTexts(formats: Formats, faults: FieldFaults): Partial<Record<FieldName, string>> {
  const texts = Object.entries(faults).map(([name, fault]) => [name, faultText(formats, fault)]);
  return Object.fromEntries(texts) as Partial<Record<FieldName, string>>;
}

function faultText({ t, number }: Formats, fault: FieldFault): string {
  if (fault.fault === 'too-long') return t('registration.fault.too-long', { most: number(fault.most) });
  if (fault.fault === 'domain') return t('registration.fault.domain', { domain: fault.domain });
  if (fault.fault === 'person') return t(`registration.fault.person.${fault.problem}`);
  if (fault.fault === 'look-alike') {
    const { letter, latin, script } = fault.lookAlike;
    return t(`countries.fault.look-alike.${script}`, { letter, latin });
  }
  return t(`registration.fault.${fault.fault}`);
}

const STEP_LOOKS: Record<StepName, [icon: string, look: string]> = {
  begun: ['plus', ''],
  invited: ['key', ''],
  'invitation-withdrawn': ['cross', 'failed'],
  opened: ['lock-open', ''],
  saved: ['draft', ''],
  submitted: ['sent', 'wait'],
  returned: ['reply', 'failed'],
  accepted: ['tick', 'ok'],
  suspended: ['lock', 'failed'],
  resumed: ['lock-open', 'ok'],
  removed: ['bin', 'failed'],
};

/** The history as its pages show it: what happened, who did it, why, and what changed field by field. */
export function historyOf(formats: Formats, steps: readonly Step[]) {
  const { t, plainName, plainLine } = formats;
  return steps.map(({ at, step, side, actor, reason, changes }) => ({
    at,
    icon: STEP_LOOKS[step][0],
    look: STEP_LOOKS[step][1],
    title: t(`registration.step.${step}`),
    side: t(`registration.side.${side}`),
    actor: plainName(actor),
    reason: reason.split('\n').map(plainLine).join('\n'),
    changes: changesOf(formats, changes),
  }));
}

export function changesOf(formats: Formats, changes: readonly FieldChange[]) {
  return changes.map(({ field, before, after }) => ({
    field,
    label: labelOf(formats, field),
    before: shownValue(formats, field, before),
    after: shownValue(formats, field, after),
  }));
}
