import type { MessageReference } from '../../mail/message-source.ts';
import { folderId, folderPath } from './read-folders.ts';

/** A message as pages name it: `/mail/<folder>/<message>`, folder in base64url, message `<UIDVALIDITY>-<UID>`. */
export type MessageRef = MessageReference;

const MESSAGE = /^([1-9]\d{0,9})-([1-9]\d{0,9})$/;
/** UIDVALIDITY and UID are non-zero 32-bit numbers (RFC 9051 section 2.3.1.1). */
const LARGEST = 0xffff_ffff;

/** The reference behind the two parts of an address or form, or null when they are no such thing. */
export function parseMessageRef(folder: string, message: string): MessageRef | null {
  const path = parseFolder(folder);
  const [, validity, uid] = MESSAGE.exec(message) ?? [];
  if (path === null || Number(validity) > LARGEST || !(Number(uid) <= LARGEST)) return null;
  return { folder: path, uidValidity: BigInt(validity ?? 0), uid: Number(uid) };
}

/** The folder's path, or null when this is not how `folderId` writes one. */
export function parseFolder(id: string): string | null {
  const path = folderPath(id);
  return path !== '' && id.length <= 1400 && folderId(path) === id ? path : null;
}

export function messageId(ref: Pick<MessageRef, 'uidValidity' | 'uid'>): string {
  return `${ref.uidValidity}-${ref.uid}`;
}

export function folderHref(path: string): string {
  return `/mail/${folderId(path)}`;
}

export function messageHref(ref: MessageRef): string {
  return `${folderHref(ref.folder)}/${messageId(ref)}`;
}
