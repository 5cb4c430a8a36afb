import type { Formats } from '../../i18n/formats.ts';
import type { CertificateSummary, Check, CheckId, Layer, OpenedMessage, SignerSummary } from '../../smime/verdict.ts';

const ENCRYPTION_CHECKS: readonly CheckId[] = ['encrypted-to-you', 'content-untouched', 'key-transport'];

/** A check, with words of the page's own where the time of looking matters. */
type ShownCheck = Check & { why?: string };

export type CheckGroup = { title: string; summary: string; checks: readonly ShownCheck[] };

/** The security details: every check on its own line (T25), layers, certificates, capabilities (T29). */
export function securityView(opened: OpenedMessage, formats: Formats, now: Date) {
  const { t } = formats;
  const ofEncryption = (check: Check) => ENCRYPTION_CHECKS.includes(check.id);
  const signers = opened.layers.flatMap((layer) => layer.signers);
  return {
    groups: [
      group(
        'messages.security.signature',
        opened.checks.filter((check) => !ofEncryption(check)).map((check) => withSince(check, formats, now)),
        formats,
      ),
      group('messages.security.encryption', opened.checks.filter(ofEncryption), formats),
    ].filter((one) => one.checks.length > 0),
    recheckable: signers.some((signer) => signer.intact),
    signatureCheckCount: opened.checks.filter((check) => !ofEncryption(check)).length,
    layers: [...opened.layers.map((layer) => layerView(layer, t)), contentView(opened, t)],
    chains: signers.map((signer) => chainView(signer, formats)).filter((chain) => chain !== null),
    ownCertificates: opened.layers.filter((layer) => layer.kind === 'encrypted').flatMap((layer) => layer.certificates),
    carried: opened.layers.filter((layer) => layer.kind === 'certificates').flatMap((layer) => carriedView(layer)),
    capabilities: [...new Set(signers.flatMap((signer) => signer.capabilities))],
  };
}

/** A signature stays valid as of its arrival; that its certificate ended since is worth a word. */
function withSince(check: Check, { t, date }: Formats, now: Date): ShownCheck {
  const end = check.id === 'valid-on-arrival' && check.outcome === 'passed' ? check.data['notAfterAt'] : null;
  if (typeof end !== 'string' || new Date(end) >= now) return check;
  return { ...check, why: t('verdict.check.valid-on-arrival.since', { date: date(new Date(end)) }) };
}

function group(title: string, checks: readonly ShownCheck[], formats: Formats): CheckGroup {
  const passed = checks.filter((check) => check.outcome === 'passed').length;
  return {
    title: formats.t(title),
    summary: formats.t('verdict.check.summary', { passed, total: checks.length }),
    checks,
  };
}

const LAYER_ICONS: Record<Layer['kind'], string> = {
  signed: 'seal',
  encrypted: 'lock',
  compressed: 'list',
  certificates: 'card',
};

function layerView(layer: Layer, t: Formats['t']) {
  const facts = [
    t(`messages.layer.form.${layer.form}`),
    layer.algorithm ?? '',
    layer.kind === 'signed' ? t('messages.layer.signers', { count: layer.signers.length }) : '',
    layer.kind === 'encrypted' ? t('messages.layer.readers', { count: layer.recipientCount }) : '',
    layer.partPath === '' ? '' : t('messages.layer.part', { part: layer.partPath }),
  ];
  return {
    icon: LAYER_ICONS[layer.kind],
    title: t(`messages.layer.${layer.kind}`),
    verdict: layer.kind === 'signed' || layer.kind === 'encrypted' ? t(`verdict.mark.${layer.status}`) : '',
    facts: facts.filter((fact) => fact !== '').join(', '),
    reasons: layer.reasons.map((reason) => t(`verdict.reason.${reason}`)),
    signers: layer.signers.map((signer) => signer.name ?? signer.addresses[0] ?? t('messages.layer.unknownSigner')),
  };
}

function contentView({ text, html, attachments, encryption }: OpenedMessage, t: Formats['t']) {
  const kind =
    encryption.status === 'failed'
      ? 'closed'
      : html !== null && text !== null
        ? 'both'
        : html !== null
          ? 'html'
          : text !== null
            ? 'text'
            : 'none';
  const facts = [
    t(`messages.layer.content.${kind}`),
    attachments.length > 0 ? t('messages.attachments.plain', { count: attachments.length }) : '',
  ];
  return {
    icon: 'draft',
    title: t('messages.layer.content'),
    verdict: '',
    facts: facts.filter((fact) => fact !== '').join(', '),
    reasons: [] as string[],
    signers: [] as string[],
  };
}

/**
 * A signer's path. Where it ends at a root that is not trusted, the thumbprints of its authorities stay folded: the ceremony
 * asks for what the partner reads out, and nobody shall copy it from the screen (security.md, "Never").
 */
function chainView(signer: SignerSummary, { t }: Formats) {
  const certificates = signer.path.length > 0 ? signer.path : signer.certificate ? [signer.certificate] : [];
  if (certificates.length === 0) return null;
  const isOpen = ['issuer-not-trusted', 'unknown-issuer', 'path-invalid'].some((reason) =>
    (signer.reasons as readonly string[]).includes(reason),
  );
  const isExplicit = signer.reasons.includes('explicitly-trusted');
  const leaf = certificates[0];
  const folded = certificates.filter((one) => (isOpen || isExplicit) && (one !== leaf || one.subject === one.issuer));
  return {
    name: signer.name ?? signer.addresses[0] ?? t('messages.layer.unknownSigner'),
    chain: {
      certificates,
      obstacle: isOpen ? certificates.at(-1)?.sha256 : undefined,
      fold: folded.map((one) => one.sha256),
      narrow: true,
    },
    isFolded: folded.length > 0,
    isOpen,
  };
}

function carriedView(layer: Layer) {
  return layer.certificates.map(({ commonName, subject, addresses }: CertificateSummary) => ({
    name: commonName ?? subject,
    address: addresses[0] ?? '',
  }));
}
