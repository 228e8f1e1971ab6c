import type { BearerHost } from "./bearer.js";

/** Lets programs of today reach the gateway: mail, or an application. Default export of a plugin package. */
export interface BridgePlugin<Config = unknown> {
  readonly kind: string;
  readonly contract: 1;
  parse(raw: unknown): Config;
  create(config: Config, host: BridgeHost): Bridge;
}

export interface Bridge {
  /** Which kinds of delivery this bridge can hand over; the core offers it nothing else. */
  readonly delivers: readonly DeliveryKind[];
  /** Opens listeners; resolves when ready to accept; `addresses` names what was bound. */
  start(signal: AbortSignal): Promise<BridgeAddresses>;
  /** Hands one delivery to the outside. Resolves when the outside took responsibility, or said why not. */
  deliver(delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult>;
}

/** Name of the listener (`submission`, `lmtp`) → `host:port` really bound. */
export type BridgeAddresses = Readonly<Record<string, string>>;

export interface BridgeHost extends Pick<BearerHost, "clock" | "rng" | "log"> {
  /** Resolves after the commit: `accepted` means that nothing can lose the message any more. */
  submit(submission: Submission): Promise<SubmissionResult>;
  /** May this recipient be written to at all? Asked at RCPT time, before any body was carried. */
  checkRecipient(request: RecipientCheck): Promise<SubmissionRefusal | null>;
  /** The account whose credentials these are, or `null`. Takes the same time either way. */
  authenticate(user: string, password: string): Promise<Account | null>;
}

/** Somebody who may submit, and the addresses they may write as. */
export interface Account {
  readonly name: string;
  /** Lower-case addresses; mail From and envelope sender must be one of these. */
  readonly addresses: readonly string[];
}

export type MessageClass = "flash" | "priority" | "normal" | "bulk";
export type DeliveryKind = "mailbox" | "internet";

/** One message that somebody hands to the gateway. */
export interface Submission {
  /** `null`: it came from outside (a mail server ashore), not from a local account. */
  readonly account: string | null;
  /** Envelope sender, an address, or "" for notices that must not be answered. */
  readonly from: string;
  /** Envelope recipients, 1…50 addresses; Bcc are simply here and in no header. */
  readonly to: readonly string[];
  readonly content: SubmissionContent;
  readonly class: MessageClass;
  /** Seconds [3 600…2 592 000]. `null` takes the gateway's default. */
  readonly lifetimeS: number | null;
  /** Ask the far gateway for a signed receipt. */
  readonly receipt: boolean;
  /** Sign it, and do not seal it: anybody on the way may read it, so it may go over links that carry nothing sealed
   *  (amateur radio). Only somebody who writes says so, never the gateway. It asks for no receipt, whatever `receipt`
   *  says: the word that proves one would lie open on the way. Default false. */
  readonly clear?: boolean;
}

export type SubmissionContent =
  | { readonly kind: "mail" /** RFC 5322, CRLF, no bare CR or LF. */; readonly rfc5322: Uint8Array }
  | { readonly kind: "text"; readonly text: string };

export interface RecipientCheck {
  readonly account: string | null;
  readonly from: string;
  readonly to: string;
}

export type SubmissionResult =
  | {
      readonly outcome: "accepted" /** What the user is told, for example `4F2K-M2QX`. */;
      readonly id: string;
    }
  | SubmissionRefusal;

/** The situations of the refusal table; a bridge turns them into the codes of its own protocol. */
export interface SubmissionRefusal {
  readonly outcome: "refused";
  readonly why:
    | "no-route" // no peer, route or exit serves this recipient
    | "unknown-user" // our own domain, no such mailbox
    | "relay-denied" // outsider writing to an outsider
    | "sender-not-owned" // account writes as somebody else
    | "too-large" // larger than the limit
    | "never-carried" // no configured link may ever carry it
    | "over-share" // this principal is above its fair share now
    | "full" // the spool takes no new messages now
    | "fault" // the store failed; try again later
    | "malformed" // the mail itself is broken
    | "loop" // it has been here before
    | "stopping";
  readonly text: string;
  /** `true`: worth trying again later. */
  readonly temporary: boolean;
}

/** One message for one place outside, possibly for several recipients there. */
export interface Delivery {
  readonly deliveryId: string;
  readonly kind: DeliveryKind;
  readonly from: string;
  readonly to: readonly string[];
  /** Complete mail, CRLF, with trace headers; the same bytes at each attempt. */
  readonly rfc5322: Uint8Array;
  /** Earlier attempts whose outcome is unknown: the outside may already have it. */
  readonly possibleDuplicate: boolean;
}

export interface DeliveryResult {
  /** One verdict per entry of `Delivery.to`, same order. */
  readonly recipients: readonly RecipientResult[];
}

export type RecipientResult =
  | { readonly outcome: "delivered"; readonly detail: string }
  | { readonly outcome: "deferred"; readonly detail: string; readonly retryAfterMs: number }
  | {
      readonly outcome: "refused";
      readonly detail: string /** RFC 3463, for example `5.1.1`. */;
      readonly status: string;
    };
