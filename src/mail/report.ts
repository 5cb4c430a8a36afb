/** What a server reports of a message, in whatever form it says it. */

/**
 * RFC 3464 section 2.3.3. `relayed`: passed on to a server that sends no reports of success; `expanded`: to the members of a
 * list.
 */
export type DeliveryAction = 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';

export interface RecipientReport {
  /** As the sender named the recipient, where the server passed that on */
  readonly originalRecipient: string | null;
  readonly finalRecipient: string | null;
  readonly action: DeliveryAction;
  /** RFC 3463, such as 5.1.1 */
  readonly status: string | null;
  /** The server that gave the answer */
  readonly remoteMta: string | null;
  readonly diagnostic: string | null;
  readonly lastAttemptAt: Date | null;
  readonly willRetryUntil: Date | null;
}

export interface DeliveryReport {
  /** `standard`: RFC 3464; `text`: words of a server for people, which name no envelope */
  readonly form: 'standard' | 'text';
  /** ENVID of the message, as the sender gave it (RFC 3461) */
  readonly envelopeId: string | null;
  readonly reportingMta: string | null;
  readonly arrivedAt: Date | null;
  readonly recipients: readonly RecipientReport[];
  /** Message-ID of the message that came back, or of its header, with its brackets */
  readonly messageId: string | null;
}
