import { createHash } from 'node:crypto';
import type { Context } from '../../context.ts';
import type { InlineImage, OpenedMessage } from '../../smime/verdict.ts';
import type { SignedIn } from '../sessions/session.ts';
import { knownResults, PAGE_PATIENCE_MS, scanContent } from './scan-content.ts';

/**
 * The message with those pictures that its HTML may show. They are attachments: what would not be given out as one is not shown either.
 * No longer than for a page is waited for a scanner that does not answer.
 */
export async function withScannedPictures<T extends Pick<OpenedMessage, 'inlineImages'>>(
  context: Context,
  session: SignedIn,
  opened: T,
): Promise<T> {
  const { scanner } = context;
  if (scanner === null || opened.inlineImages.length === 0) return opened;
  const mayPassUnscanned = session.account.country.programme.scannerPolicy === 'warn';
  const isThere = (await scanner.version(PAGE_PATIENCE_MS)).ok;
  const inlineImages: InlineImage[] = [];
  for (const image of opened.inlineImages) {
    const state = isThere ? await stateOf(context, image) : await rememberedState(context, image);
    if (state === 'clean' || (state === 'unscanned' && mayPassUnscanned)) inlineImages.push(image);
  }
  return { ...opened, inlineImages };
}

async function stateOf(context: Context, { bytes }: InlineImage): Promise<string> {
  return (await scanContent(context, { size: bytes.length, read: () => [bytes] })).state;
}

async function rememberedState(context: Context, { bytes }: InlineImage): Promise<string> {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return (await knownResults(context, [sha256], null)).has(sha256) ? 'infected' : 'unscanned';
}
