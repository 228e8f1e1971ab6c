import type {
  Account,
  Bearer,
  Bridge,
  BridgeAddresses,
  BridgeHost,
  Clock,
  MessageClass,
  RecipientCheck,
  Rng,
  Submission,
  SubmissionRefusal,
  SubmissionResult,
} from "@estafette/contract";
import type { Identity } from "@estafette/protocol";
import type { BudgetReason, BudgetWindowStatus, Deadlines, EtaBasis } from "@estafette/router";
import type { DeliveryRecord, EnvelopeRecord, Leg, MessageRecord, Spool, SpoolStats } from "@estafette/spool";

/** Everything the core is given. It reaches nothing else. */
export interface RelayOptions {
  readonly identity: Identity;
  /** 32 bytes: what users' messages are sealed with while they rest here. */
  readonly atRestKey: Uint8Array;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly settings: RelaySettings;
  /** Checks a password in constant time; null: no such account. */
  readonly authenticate: (user: string, password: string) => Promise<Account | null>;
  readonly log: BridgeHost["log"];
  /** Named no-op in production; a simulated world cuts the power there. */
  readonly faultPoint?: (name: string) => void;
}

export interface RelaySettings {
  /** Short name of this node, in trace headers and on screens: `aurora`. */
  readonly name: string;
  /** Mail domains whose mailboxes are here, lower case. */
  readonly domains: readonly string[];
  /** Mailboxes here. `*@domain` as the only address of an account means: every local part. */
  readonly accounts: readonly LocalAccount[];
  readonly peers: readonly PeerSettings[];
  /** Name of the peer that carries mail for the wide internet for us, or null. */
  readonly exit: string | null;
  /** First match wins; without a match the peer that serves the domain is its own next hop. */
  readonly routes: readonly RouteSettings[];
  /** Default lifetime of a message in seconds [3 600…2 592 000], default 604 800 (7 days). */
  readonly lifetimeS: number;
  /** Hop limit we sign, and the most we carry for others [1…16], default 16. */
  readonly hopMax: number;
  /** Largest message we accept, in bytes, default 10 000 000. */
  readonly messageBytesMax: number;
  /** Ask for an end-to-end receipt for every message of ours, default true. */
  readonly receipts: boolean;
  /** Copies of a flash message over different links, default 1. */
  readonly flashCopies?: number;
  /** Milliseconds by class within which a message ought to be at the next gateway; default 1 min, 10 min, 6 h, 72 h. */
  readonly deadlinesMs?: Deadlines;
  /** Retry schedule of legs and deliveries in seconds; the last one repeats. */
  readonly retryS: readonly number[];
}

/** A mailbox here. */
export interface LocalAccount extends Account {
  /**
   * Whether it hands in its mail here with a login, default true; then nothing from outside may bear its addresses.
   * False: its mail comes through the mail server beside us, which has checked who writes.
   */
  readonly logsIn?: boolean;
}

export interface PeerSettings {
  readonly name: string;
  /** Root key, 32 bytes. */
  readonly root: Uint8Array;
  /** Domains whose mailboxes are at this peer; `example.org` also serves `sub.example.org`. */
  readonly domains: readonly string[];
  /** Links on which this peer is a direct neighbour. Empty: it is reached through others. */
  readonly links: readonly string[];
  /** As exit gateway we put mail of this origin on the internet, written by these addresses (`@domain`: all of it). */
  readonly exitFrom: readonly string[];
  /** Whether we carry for this neighbour what is not for us. Default true for configured peers. */
  readonly transit: boolean;
}

export interface RouteSettings {
  /** A peer's name, a node address `est1…`, a domain suffix `.example.org`, or `*`. */
  readonly match: string;
  /** Explicit relay list: names of peers to pass in this order, destination excluded; 8 at most. */
  readonly via: readonly string[];
}

/** What the core must know about a link beyond what its bearer says. */
export interface LinkSettings {
  readonly name: string;
  /** Peers that may be at the other end, by name; the conversation admits nobody else. Empty: any configured peer. */
  readonly peers: readonly string[];
  /** Chain entries are carried in full where a byte is cheap, else as a digest. Default: by bit rate (≥ 64 kbit/s full). */
  readonly chain: "full" | "digest" | "auto";
  /** Which neighbour names of the bearer mean which peer (bearers with many neighbours); else learnt by handshake. */
  readonly neighbours?: Readonly<Record<string, string>>;
  /** Bytes of a chunk of a batch before it is sealed. Default: 4 096, or 60 s of airtime where that is less. */
  readonly chunkBytesMax?: number;
  /** `clear-signed`: nothing sealed is put on it, whatever its bearer could carry. Default: as the bearer says. */
  readonly content?: "any" | "clear-signed";
  /** What the link may use beyond what its bearer bounds. Default: everything. */
  readonly budget?: LinkBudgetSettings;
}

export interface LinkBudgetSettings {
  /** Bytes per second we send in the long run, and ask neighbours to keep to; null: as fast as it goes. */
  readonly drainBytesPerS: number | null;
  /** Milliseconds of airtime in any 24 hours; null: no bound. The bearer bounds the hour. */
  readonly airtimeMsPerDayMax: number | null;
  /** Prices and bounds in units of the owner's choice; a price of 0: the bearer's; null: the bearer's, no bound. */
  readonly credits: {
    readonly perContact: number;
    readonly perKilobyte: number;
    /** In any 24 hours, and in any 30 days; null: no bound. */
    readonly perDay: number | null;
    readonly perMonth: number | null;
  } | null;
  /** Fraction [0…1) of airtime and credits that only flash and priority messages may use. */
  readonly urgentShare: number;
  /** Contact windows as the router reads them; empty: always open. Not enforced while the clock is untrusted, … */
  readonly windows: readonly string[];
  /** … unless somebody must be there when it transmits: then nobody knows, and it stays silent. Default false. */
  readonly attended?: boolean;
}

/** Why nothing goes out on a link for a while. */
export type PauseReason = BudgetReason | "window";

export interface BudgetStatus {
  readonly drainBytesPerS: number | null;
  readonly urgentShare: number;
  /** Milliseconds of airtime, or credits, each in its last window. */
  readonly limits: readonly BudgetWindowStatus[];
  readonly window: "always" | "open" | "closed" | "not-enforced";
  readonly pause: { readonly why: PauseReason; readonly waitMs: number } | null;
}

export interface Relay extends Pick<BridgeHost, "submit" | "checkRecipient" | "authenticate"> {
  addLink(bearer: Bearer, settings: LinkSettings): void;
  addBridge(name: string, create: (host: BridgeHost) => Bridge): void;
  /** Opens links and bridges; resolves when every bridge accepts. Broken links are retried for ever. */
  start(): Promise<ReadonlyMap<string, BridgeAddresses>>;
  /** Stops accepting, lets the group in hand commit, closes links and bridges. The spool stays open. */
  stop(): Promise<void>;
  submit(submission: Submission): Promise<SubmissionResult>;
  checkRecipient(request: RecipientCheck): Promise<SubmissionRefusal | null>;
  authenticate(user: string, password: string): Promise<Account | null>;
  /** Which ways lead to an address now, and which one a message of this size and class would take. */
  explainRoute(request: RouteRequest): Promise<RouteExplanation | SubmissionRefusal>;
  /** What this submission would cost: it is compressed and weighed, and not kept. */
  estimate(submission: Submission): Promise<Estimate | SubmissionRefusal>;
  /** Live events; the returned function ends it. A listener that throws is removed. */
  listen(listener: (event: Telemetry) => void): () => void;
  /** Replaces the peers (after `peer accept`); conversations with removed peers end. */
  setPeers(peers: readonly PeerSettings[]): Promise<void>;
  status(): Promise<RelayStatus>;
  /** All that is known here about one message: by submission id (`4F2K-M2QX`) or envelope id in hex. */
  trace(id: string): Promise<readonly TraceEntry[]>;
  queue(limit: number): Promise<QueueView>;
  /** The mail itself, while it is still here: own waiting messages and deliveries not handed over yet. */
  content(
    id: string,
  ): Promise<{ readonly from: string; readonly to: readonly string[]; readonly rfc5322: Uint8Array } | null>;
  /** Ends a waiting message of our own; its state becomes `deleted`. */
  remove(submissionId: string): Promise<number>;
}

export interface RouteRequest {
  /** A mail address, a node address `est1…`, or the name of a peer. */
  readonly to: string;
  /** Of the envelope. */
  readonly bytes: number;
  readonly class: MessageClass;
}

/** One way to the next gateway, and what speaks for it. */
export interface Way {
  /** Name of the neighbour. */
  readonly neighbour: string;
  readonly link: string;
  /** Why this neighbour: `destination`, `relay list`, `route`. */
  readonly target: string;
  readonly inConversation: boolean;
  /** On the channel, both directions: with the meeting where there is no conversation, and with what the bearer adds. */
  readonly airBytes: number;
  /** Money or credits in the link's own unit. */
  readonly cost: number;
  /** Milliseconds until the neighbour has it; null: unknown. */
  readonly etaMs: number | null;
  readonly basis: EtaBasis;
  readonly meetsDeadline: boolean;
  readonly chosen: boolean;
}

export interface RouteExplanation {
  /** `here`: a mailbox of this gateway, no way is needed. */
  readonly by: "here" | "peer" | "exit";
  /** Name of the gateway that serves it. */
  readonly destination: string;
  readonly bytes: number;
  readonly class: MessageClass;
  /** Milliseconds within which a message of this class ought to be at the next gateway. */
  readonly deadlineMs: number;
  /** Best first. */
  readonly ways: readonly Way[];
  /** Why the chosen one, in words. */
  readonly why: string;
}

/** What one submission would cost. One part per gateway it goes to. */
export interface Estimate {
  readonly parts: readonly EstimatePart[];
}

export interface EstimatePart {
  readonly to: readonly string[];
  /** As handed in, shrunk: what is kept here. */
  readonly bodyBytes: number;
  /** What it adds to what is compressed, sealed and told to the next gateway. 0 for a mailbox here. */
  readonly envelopeBytes: number;
  /** Of the chosen way, and of the receipt that comes back, where one is asked for. */
  readonly airBytes: number;
  /** Messages that wait for the same gateway and will share an envelope with it, as far as they were looked at. */
  readonly joinedWith: number;
  readonly route: RouteExplanation;
}

export interface RelayStatus {
  readonly name: string;
  readonly address: string;
  readonly domains: readonly string[];
  readonly links: readonly LinkStatus[];
  readonly spool: SpoolStats;
  readonly clockTrust: "untrusted" | "plausible" | "trusted";
}

export interface LinkStatus {
  readonly name: string;
  readonly state: "down" | "up" | "broken";
  readonly detail: string;
  readonly neighbours: readonly {
    readonly neighbour: string;
    readonly peer: string | null;
    readonly state: "idle" | "handshake" | "established" | "lost";
    readonly outgoingCount: number;
    readonly incomingCount: number;
  }[];
  readonly bytesSent: number;
  readonly bytesHeard: number;
  readonly parcelsSent: number;
  readonly parcelsHeard: number;
  readonly parcelsRefused: number;
  readonly segmentsRepeated: number;
  readonly budget: BudgetStatus;
}

export interface QueueView {
  readonly messages: readonly MessageRecord[];
  readonly envelopes: readonly EnvelopeRecord[];
  readonly deliveries: readonly DeliveryRecord[];
  /** Next hop, link and why, in words, of the first messages and envelopes: by message key as text, or id in hex. */
  readonly ways: ReadonlyMap<string, string>;
}

export interface TraceEntry {
  /** Spool time in milliseconds; unix time where the clock could be read then. */
  readonly what: "message" | "envelope" | "delivery" | "leg";
  readonly text: string;
  readonly message?: MessageRecord;
  readonly envelope?: EnvelopeRecord;
  readonly delivery?: DeliveryRecord;
  readonly leg?: Leg;
  /** Path as verified here. */
  readonly path?: string;
}

export type Telemetry =
  | {
      readonly type: "link";
      readonly link: string;
      readonly state: "up" | "down" | "broken";
      readonly detail: string;
    }
  | {
      /** Nothing goes out before `waitMs` have passed. Short pauses are not told. */
      readonly type: "paused";
      readonly link: string;
      readonly why: PauseReason;
      readonly waitMs: number;
    }
  | {
      readonly type: "neighbour";
      readonly link: string;
      readonly peer: string;
      readonly state: "established" | "lost";
      readonly detail: string;
    }
  | {
      readonly type: "accepted";
      readonly submissionId: string;
      readonly from: string;
      readonly to: readonly string[];
      readonly class: MessageClass;
      readonly bytes: number;
    }
  | {
      readonly type: "composed";
      readonly submissionIds: readonly string[];
      readonly envelopeId: string;
      readonly mailBytes: number;
      readonly envelopeBytes: number;
    }
  | {
      readonly type: "progress";
      readonly link: string;
      readonly peer: string;
      readonly direction: "out" | "in";
      readonly envelopeId: string;
      readonly bytes: number;
      readonly totalBytes: number;
    }
  | { readonly type: "forwarded"; readonly link: string; readonly peer: string; readonly envelopeId: string }
  | {
      readonly type: "arrived";
      readonly envelopeId: string;
      readonly from: string;
      readonly to: readonly string[];
      readonly path: string;
      readonly verified: boolean;
      readonly ageMs: number;
    }
  | { readonly type: "relayed"; readonly envelopeId: string; readonly from: string; readonly path: string }
  | {
      readonly type: "delivered";
      readonly bridge: string;
      readonly from: string;
      readonly to: readonly string[];
      readonly messageId: string;
      readonly detail: string;
    }
  | { readonly type: "receipt"; readonly submissionId: string; readonly detail: string }
  | { readonly type: "ended"; readonly submissionId: string; readonly end: string; readonly detail: string }
  | {
      readonly type: "refused";
      readonly link: string;
      readonly peer: string;
      readonly envelopeId: string;
      readonly why: string;
    }
  | { readonly type: "fault"; readonly where: string; readonly detail: string };
