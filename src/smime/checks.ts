/** The lines of the security details (row T25): what was checked, with what result, and the facts its sentence names. */
import { type AssessedSigner, fitsSender, hasAddressOf, type SenderFacts, timesDiffer } from './assess-signer.ts';
import type {
  Check,
  CheckId,
  CheckOutcome,
  Layer,
  MessageClaim,
  OpenedMessage,
  Reason,
  SignerSummary,
} from './verdict.ts';

export interface CheckSubject {
  readonly claim: MessageClaim;
  /** Signers of the layer that makes the claim. */
  readonly signers: readonly AssessedSigner[];
  /** That layer; null when no signature covers the message. */
  readonly layer: Layer | null;
  readonly encrypted: readonly Layer[];
  readonly sender: SenderFacts;
  readonly header: Pick<OpenedMessage, 'headersProtected' | 'headersChanged'>;
}

export function listChecks(subject: CheckSubject): Check[] {
  return [...signatureChecks(subject), ...encryptionChecks(subject)];
}

function signatureChecks(subject: CheckSubject): Check[] {
  const { claim, layer } = subject;
  if (claim.signature.status === 'none') return [];
  if (layer === null) return [line('whole-message', 'failed', { reason: 'signed-part-only' })];
  return [
    line('whole-message', 'passed', {}),
    unaltered(layer),
    ...headerUnaltered(subject),
    signatureFits(subject, layer),
    ...(subject.signers.length > 0 ? signerChecks(subject) : []),
  ];
}

const CONTENT_REASONS: readonly Reason[] = [
  'altered',
  'content-twice',
  'attributes-malformed',
  'malformed',
  'too-complex',
];

function unaltered(layer: Layer): Check {
  const reason = layer.reasons.find((item) => CONTENT_REASONS.includes(item));
  if (reason !== undefined) return line('unaltered', 'failed', { reason });
  return layer.signers.every((signer) => signer.intact) && layer.signers.length > 0
    ? line('unaltered', 'passed', {})
    : line('unaltered', 'unknown', {});
}

/** Only where the sender's program protects the header: else nothing is known about it. */
function headerUnaltered({ header }: CheckSubject): Check[] {
  if (!header.headersProtected) return [];
  const changed = header.headersChanged.join(', ');
  return [changed === '' ? line('header-unaltered', 'passed', {}) : line('header-unaltered', 'failed', { changed })];
}

function signatureFits(subject: CheckSubject, layer: Layer): Check {
  const signer = layer.signers[0];
  const reason = layer.reasons.find((item) => item === 'no-signer' || item === 'altered' || item === 'several-signers');
  const outcome = layer.signers.length > 0 && layer.signers.every((item) => item.intact) ? 'passed' : 'failed';
  return line('signature-fits', outcome, {
    signerCount: subject.signers.length,
    algorithm: signer?.algorithm ?? null,
    digest: signer?.digest ?? null,
    keyLabel: signer?.keyLabel ?? null,
    ...(reason === undefined ? {} : { reason }),
  });
}

function signerChecks({ signers, sender }: CheckSubject): Check[] {
  // The signer that fails most speaks for all of them; with one signer there is no choice.
  const signer = signers.find((item) => item.summary.status !== 'trusted') ?? (signers[0] as AssessedSigner);
  const { summary, pathReasons, check } = signer;
  const certificate = check.certificate;
  const has = (...wanted: Reason[]) => wanted.find((reason) => summary.reasons.includes(reason));
  const known: (failure: Reason | undefined) => CheckOutcome = (failure) =>
    failure !== undefined ? 'failed' : check.intact ? 'passed' : 'unknown';
  const verdict = (id: CheckId, failure: Reason | undefined, data: Check['data']) =>
    line(id, known(failure), failure === undefined ? data : { ...data, reason: failure });
  const root = summary.path.at(-1);
  const life = { notBeforeAt: iso(certificate?.notBefore), notAfterAt: iso(certificate?.notAfter) };
  const explicit = pathReasons.includes('explicitly-trusted');
  return [
    verdict(
      'sender-address',
      fitsSender(check, sender) ? has('several-from') : has('several-from', 'address-mismatch'),
      {
        certificateAddress: summary.addresses[0] ?? null,
        fromAddress: otherFrom(check, sender),
      },
    ),
    verdict('issuer-trusted', has('unknown-issuer', 'issuer-not-trusted', 'path-invalid', 'too-complex'), {
      root: root?.commonName ?? root?.subject ?? null,
      explicit,
    }),
    verdict('valid-on-arrival', has('expired', 'not-yet-valid'), life),
    notRevoked(summary),
    verdict('made-for-email', has('wrong-purpose'), {}),
    verdict('strong-enough', has('weak-algorithm', 'weak-key'), { digest: summary.digest, keyLabel: summary.keyLabel }),
    dateAgrees(signer, sender),
  ];
}

function notRevoked({ revocation }: SignerSummary): Check {
  const { status, revokedAt, publishedAt } = revocation;
  if (status === 'good') return line('not-revoked', 'passed', { publishedAt: iso(publishedAt) });
  if (status === 'revoked') return line('not-revoked', 'failed', { reason: 'revoked', revokedAt: iso(revokedAt) });
  return line('not-revoked', 'unknown', { reason: 'revocation-unchecked' });
}

/** Of two senders the one that the certificate does not belong to. */
function otherFrom(check: AssessedSigner['check'], { from, protectedFrom }: SenderFacts): string | null {
  const shown = protectedFrom !== null && hasAddressOf(check, from) ? protectedFrom : from;
  return shown[0]?.address ?? null;
}

function dateAgrees({ check, summary }: AssessedSigner, sender: SenderFacts): Check {
  const data = { signedAt: iso(summary.signingTime), dateAt: iso(sender.date) };
  if (!check.intact || summary.signingTime === null || sender.date === null)
    return line('date-agrees', 'unknown', data);
  if (timesDiffer(check, sender)) return line('date-agrees', 'failed', { ...data, reason: 'date-differs' });
  const minutes = Math.round((summary.signingTime.getTime() - sender.date.getTime()) / 60_000);
  return line('date-agrees', 'passed', { ...data, minutes });
}

function encryptionChecks({ encrypted, claim }: CheckSubject): Check[] {
  const layer = encrypted.at(-1);
  if (layer === undefined) return [];
  const opened = layer.openedWith !== null;
  const own = layer.certificates[0];
  const reader = { sha256: layer.openedWith, notAfterAt: iso(own?.notAfter), recipientCount: layer.recipientCount };
  if (!opened) return [line('encrypted-to-you', 'failed', reader)];
  const { malleable } = claim.encryption;
  const protection = layer.authenticated ? 'tag' : malleable ? 'none' : 'signature';
  const weak = layer.reasons[0];
  return [
    line('encrypted-to-you', 'passed', reader),
    line('content-untouched', malleable ? 'failed' : 'passed', { algorithm: layer.algorithm, protection }),
    line('key-transport', weak === undefined ? 'passed' : 'failed', {
      keyTransport: layer.keyTransport,
      keyLabel: own?.keyLabel ?? null,
      ...(weak === undefined ? {} : { reason: weak }),
    }),
  ];
}

function line(id: CheckId, outcome: CheckOutcome, data: Check['data']): Check {
  return { id, outcome, data };
}

function iso(date: Date | null | undefined): string | null {
  return date && !Number.isNaN(date.getTime()) ? date.toISOString() : null;
}
