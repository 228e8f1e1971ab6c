import type { ConfigError } from "@estafette/contract";
import type { Path } from "./document.js";

/** One gateway as its owner described it: names, units and defaults settled, cross-references checked. */
export interface Config {
  readonly file: string;
  readonly node: { readonly name: string; readonly domains: readonly string[] };
  /** null: judged at start. */
  readonly clockTrust: "untrusted" | "plausible" | "trusted" | null;
  readonly state: { readonly directory: string; readonly quotaBytes: number };
  readonly peers: readonly PeerConfig[];
  readonly exit: string | null;
  readonly links: readonly LinkConfig[];
  readonly routes: readonly { readonly match: string; readonly via: readonly string[] }[];
  readonly mail: MailConfig;
  readonly users: readonly UserConfig[];
  /** Seconds [3 600…2 592 000], default 604 800. */
  readonly lifetimeS: number;
  /** Seconds between attempts; the last one repeats. */
  readonly retryS: readonly number[];
  /** [1…16], default 16. */
  readonly hopMax: number;
  /** Copies of a flash message over different links [1…4]. */
  readonly flashCopies: number;
  /** Milliseconds from acceptance to the next gateway, by class: flash, priority, normal, bulk; never falling. */
  readonly deadlinesMs: readonly [number, number, number, number];
  readonly receipts: boolean;
  /** null: `api.sock` in the state directory. */
  readonly apiSocket: string | null;
  /** An error at a place of this file, for what only a plugin or the system can judge. */
  errorAt(
    path: Path,
    error: { readonly problem: string; readonly fix?: string; readonly key?: string },
  ): ConfigError;
}

export interface PeerConfig {
  readonly name: string;
  /** Root public key, 32 bytes, not yet admitted by the gate of the protocol. null: `peer accept` supplies it. */
  readonly root: Uint8Array | null;
  readonly domains: readonly string[];
  readonly links: readonly string[];
  readonly exitFrom: readonly string[];
  readonly transit: boolean;
}

export interface LinkConfig {
  readonly name: string;
  /** The part of the plugin's name after `bearer-`. */
  readonly driver: string;
  /** Peers that may be at the far end; empty: any. */
  readonly peers: readonly string[];
  readonly chain: "full" | "digest" | "auto";
  readonly neighbours: Readonly<Record<string, string>>;
  readonly policy: LinkPolicyConfig;
  readonly budget: LinkBudgetConfig;
  /** For the plugin's `parse`: keys in camelCase, secrets as text, values with units as base units. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** What the law of its band allows on a link. */
export interface LinkPolicyConfig {
  /** null: not said. */
  readonly service: "amateur" | "ism" | "satellite" | "wired" | null;
  /** `clear-signed`: nothing sealed, ever. */
  readonly content: "any" | "clear-signed";
  /** It transmits only in its windows, also while the clock cannot be believed: an operator must be there. */
  readonly attended: boolean;
}

/** What a link may use, beyond what its driver bounds. */
export interface LinkBudgetConfig {
  /** Bytes per second; null: as fast as it goes. */
  readonly drainBytesPerS: number | null;
  /** Milliseconds in any 24 hours; null: no bound. */
  readonly airtimeMsPerDayMax: number | null;
  /** In units of the owner's choice; null: it costs what its driver says, without a bound. */
  readonly credits: {
    readonly perContact: number;
    readonly perKilobyte: number;
    /** In any 24 hours, and in any 30 days; null: no bound. */
    readonly perDay: number | null;
    readonly perMonth: number | null;
  } | null;
  /** Fraction [0…0.9] kept for flash and priority. */
  readonly urgentShare: number;
  /** As written; empty: always open. The router reads them. */
  readonly windows: readonly string[];
}

export interface MailConfig {
  readonly submission: { readonly listen: string; readonly tls: TlsFiles | null } | null;
  readonly lmtpIn: string | null;
  readonly smtpIn: string | null;
  readonly mailbox: { readonly lmtp: string } | { readonly maildir: string } | null;
  readonly smarthost: {
    readonly host: string;
    readonly port: number;
    readonly tls: "none" | "starttls" | "implicit";
    readonly login: { readonly user: string; readonly password: string } | null;
  } | null;
  /** Bytes, default 10 000 000. */
  readonly messageBytesMax: number;
}

/** Paths of PEM files. */
export interface TlsFiles {
  readonly key: string;
  readonly cert: string;
}

export interface UserConfig {
  readonly name: string;
  /** null: nobody can log in as this user. */
  readonly password: string | null;
  readonly addresses: readonly string[];
}
