import { plainTextToHtml } from './plain-text.ts';
import { type InlinePicture, sanitiseHtml } from './sanitise.ts';
import { textOfHtml } from './text-of-html.ts';

/** What a body document is to show. Plain data: it crosses the thread of `body-thread.ts`. */
export type BodyQuestion =
  | { kind: 'text'; text: string; links: boolean }
  /** The words of an HTML letter, for readers or messages that get plain text only */
  | { kind: 'words'; html: string; links: boolean }
  /** The same as plain text, for quoting: it is not for a document */
  | { kind: 'quote'; html: string }
  | { kind: 'html'; html: string; pictures: readonly BodyPicture[]; remote: 'block' | 'allow' };

export interface BodyPicture extends InlinePicture {
  contentId: string;
}

/** HTML for `bodyDocument`, or the text to quote. */
export function bodyContent(question: BodyQuestion): string {
  switch (question.kind) {
    case 'text':
      return plainTextToHtml(question.text, { links: question.links });
    case 'words':
      return plainTextToHtml(textOfHtml(question.html), { links: question.links });
    case 'quote':
      return textOfHtml(question.html);
    case 'html': {
      const inlineImages = new Map(question.pictures.map(({ contentId, ...picture }) => [contentId, picture]));
      return sanitiseHtml(question.html, { inlineImages, remote: question.remote, links: true }).html;
    }
  }
}
