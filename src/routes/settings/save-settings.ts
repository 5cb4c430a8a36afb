import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { isTimeZone } from '../../i18n/formats.ts';
import { LOCALES } from '../../i18n/translate.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { LOCK_MINUTES, SIGNATURE_TEXT_MAX, saveSettings } from '../../services/accounts/settings.ts';
import { type SettingsFields, settingsPage } from './show-settings.ts';

const ticked = z
  .literal('on')
  .optional()
  .transform((value) => value === 'on');
const orNull = (value: string) => (value === '' ? null : value);

const Form = z.object({
  locale: z.enum(['', ...LOCALES]).transform(orNull),
  timeZone: z.string().max(64).refine(isTimeZone),
  theme: z.enum(['', 'light', 'dark']).transform((value) => (value === '' ? null : value)),
  signByDefault: ticked,
  encryptByDefault: ticked,
  signatureText: z
    .string()
    .max(SIGNATURE_TEXT_MAX)
    .transform((text) => text.replaceAll('\r\n', '\n').trimEnd()),
  lockMinutes: z.coerce.number().int().min(LOCK_MINUTES.least).max(LOCK_MINUTES.most),
  remoteImages: ticked,
  shortcuts: ticked,
});

export function saveSettingsAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = Form.safeParse(request.body);
    if (!form.success) {
      const { t } = request.formats;
      const faults = Object.fromEntries(
        form.error.issues.map(({ path }) => [String(path[0]), t(`settings.fault.${String(path[0])}`)]),
      );
      return settingsPage(context, request, reply, 400, typedFields(request.body), faults);
    }
    await saveSettings(context, signedIn(request), form.data);
    leaveNotice(reply, context.config, 'done', 'settings.saved');
    return reply.redirect('/settings');
  };
}

function typedFields(body: unknown): SettingsFields {
  const typed = (body ?? {}) as Record<string, unknown>;
  const text = (name: keyof SettingsFields) =>
    typeof typed[name] === 'string' ? typed[name].slice(0, 2 * SIGNATURE_TEXT_MAX) : '';
  return {
    locale: text('locale'),
    timeZone: text('timeZone'),
    theme: text('theme'),
    signByDefault: typed['signByDefault'] === 'on',
    encryptByDefault: typed['encryptByDefault'] === 'on',
    signatureText: text('signatureText'),
    lockMinutes: text('lockMinutes'),
    remoteImages: typed['remoteImages'] === 'on',
    shortcuts: typed['shortcuts'] === 'on',
  };
}
