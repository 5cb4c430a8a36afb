import type { MessageStructureObject } from 'imapflow';

export interface StructureMarks {
  hasAttachment: boolean;
  looksSigned: boolean;
  looksEncrypted: boolean;
}

const CMS_TYPE = /^application\/(x-)?pkcs7-mime$/;
const CMS_SIGNATURE_TYPE = /^application\/(x-)?pkcs7-signature$/;

/** What a mailbox page may show before a message is opened, from its BODYSTRUCTURE (RFC 9051 section 7.5.2). */
export function describeStructure(root: MessageStructureObject | undefined): StructureMarks {
  if (root === undefined) return { hasAttachment: false, looksSigned: false, looksEncrypted: false };
  const type = root.type.toLowerCase();
  if (type === 'multipart/signed') {
    const protocol = (root.parameters?.['protocol'] ?? '').toLowerCase();
    const looksSigned = protocol === '' || CMS_SIGNATURE_TYPE.test(protocol);
    return { hasAttachment: hasAttachment(root), looksSigned, looksEncrypted: false };
  }
  const cms = cmsContent(root, type);
  if (cms === 'none') return { hasAttachment: hasAttachment(root), looksSigned: false, looksEncrypted: false };
  return { hasAttachment: false, looksSigned: cms === 'signed', looksEncrypted: cms === 'encrypted' };
}

/** Root entities of RFC 8551 section 3.9, with the shapes of gateways that lose the type or its parameter. */
function cmsContent(root: MessageStructureObject, type: string): 'signed' | 'encrypted' | 'certificates' | 'none' {
  const name = partName(root).toLowerCase();
  if (!CMS_TYPE.test(type) && !(type === 'application/octet-stream' && /\.p7[mz]$/.test(name))) return 'none';
  const smimeType = (root.parameters?.['smime-type'] ?? '').toLowerCase();
  if (smimeType === 'signed-data') return 'signed';
  if (smimeType === 'certs-only' || (smimeType === '' && name.endsWith('.p7c'))) return 'certificates';
  return 'encrypted';
}

function hasAttachment(node: MessageStructureObject): boolean {
  if (node.childNodes !== undefined && !node.type.toLowerCase().startsWith('message/')) {
    return node.childNodes.some(hasAttachment);
  }
  const type = node.type.toLowerCase();
  if (CMS_SIGNATURE_TYPE.test(type)) return false;
  if (type.startsWith('message/')) return type === 'message/rfc822' || type === 'message/global';
  if (node.disposition?.toLowerCase() === 'attachment') return true;
  if (node.id !== undefined && type.startsWith('image/')) return false;
  return partName(node) !== '' || !(type.startsWith('text/') || type.startsWith('multipart/'));
}

function partName(node: MessageStructureObject): string {
  return node.dispositionParameters?.['filename'] ?? node.parameters?.['name'] ?? '';
}
