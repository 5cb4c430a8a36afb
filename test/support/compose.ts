import assert from 'node:assert/strict';
import type { Answer, Visitor } from './visitor.ts';

export type PageLetter = {
  to: string;
  cc?: string;
  bcc?: string;
  subject: string;
  text: string;
  sign?: boolean;
  encrypt?: boolean;
  marking?: 'none' | 'sensitive' | 'instructed';
  handling?: string;
  askReceipt?: boolean;
  file?: File;
};

/** Opens a new message, fills the form and presses one of its buttons. */
export async function composeThroughPages(clerk: Visitor, letter: PageLetter, press = 'send'): Promise<Answer> {
  const page = await clerk.get('/drafts/new');
  return pressOnDraft(clerk, page, letter, press);
}

/** The same on a draft that is already shown. */
export async function pressOnDraft(clerk: Visitor, page: Answer, letter: PageLetter, press: string): Promise<Answer> {
  const hidden = (name: string) =>
    new RegExp(`name="${name}" value="([^"]*)"`).exec(page.text)?.[1] ?? assert.fail(`no ${name} in ${page.url}`);
  const { sign = true, encrypt = true, cc = '', bcc = '', file, marking, handling } = letter;
  const parts: [string, string | File][] = [
    ['version', hidden('version')],
    ['nonce', hidden('nonce')],
    ['to', letter.to],
    ['cc', cc],
    ['bcc', bcc],
    ['subject', letter.subject],
    ['text', letter.text],
    ...(sign ? [['sign', 'on'] as [string, string]] : []),
    ...(encrypt ? [['encrypt', 'on'] as [string, string]] : []),
    ...(letter.askReceipt ? [['askReceipt', 'on'] as [string, string]] : []),
    ...(marking ? [['marking', marking] as [string, string]] : []),
    ...(handling ? [['handling', handling] as [string, string]] : []),
    ['do', press],
    ...(file ? [['file', file] as [string, File]] : []),
  ];
  return clerk.upload(page.url, parts);
}

/** Composes and sends; fails when the page does not lead to the letter. */
export async function sendThroughPages(clerk: Visitor, letter: PageLetter): Promise<string> {
  const answer = await composeThroughPages(clerk, letter);
  assert.match(answer.url, /^\/letters\//, `not sent: ${answer.status} ${faultsOf(answer)}`);
  return answer.url;
}

/** What a page refuses, in its own words. */
export function faultsOf(answer: Answer): string {
  return [...answer.text.matchAll(/role="alert">([\s\S]*?)<\/div><\/div>/g)]
    .map((match) =>
      match[1]!
        .replace(/<[^>]+>/g, ' ')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .join(' | ');
}
