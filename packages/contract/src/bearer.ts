import type { Clock, Rng } from "./clock.js";

/** One way to move bytes to another place. The default export of a plugin package. */
export interface BearerPlugin<Config = unknown> {
  /** Equals the folder name after `bearer-`, for example `serial`. */
  readonly kind: string;
  /** Contract generation this plugin was written for; the gateway refuses any other. */
  readonly contract: 1;
  /** It sends the station's call sign on the air itself, as amateur radio demands: its configuration takes `stationId`
   *  and `idIntervalMs`. Such a link must say under which rules it transmits; no other may serve amateur radio. */
  readonly identifies?: true;
  /** Turns untrusted configuration into `Config`, or throws a ConfigError naming the key. */
  parse(raw: unknown): Config;
  /** Builds the bearer. Touches no hardware; that begins with {@link Bearer.run}. */
  create(config: Config, host: BearerHost): Bearer;
}

/** Plain data goes in and out, so that a bearer can live in another process. */
export interface Bearer {
  /** What this link can do now. May change while running: a `capabilities` event announces it. */
  readonly capabilities: BearerCapabilities;
  /** The whole life of the link: iterating opens it, aborting closes it, throwing means broken. Restartable. */
  run(signal: AbortSignal): AsyncIterable<BearerEvent>;
  /** Resolves when the channel took the parcel and is free for the next. One at a time. Weather is a
   *  {@link SendResult}; a throw is breakage. */
  send(parcel: Parcel, signal: AbortSignal): Promise<SendResult>;
  /** Tells the channel what became of a heard parcel. Nothing is confirmed on the wire before this. */
  settle(parcelId: string, verdict: Verdict): Promise<void>;
  /** Opens a dialled or paid session with `to`; a link that is always open answers at once. */
  contact(request: ContactRequest, signal: AbortSignal): Promise<ContactResult>;
  /** Time `byteCount` payload bytes occupy the channel, in milliseconds. Pure; 0 when it does not matter. */
  airtimeMs(byteCount: number): number;
}

export interface BearerCapabilities {
  /** Largest `Parcel.bytes` now, in bytes [48…65 535]. May depend on the link's state. */
  readonly parcelBytesMax: number;
  /** `half`: only one side may speak at a time. */
  readonly duplex: "full" | "half";
  /** What a positive answer from the channel proves. Custody is never released on it. */
  readonly acknowledges: "nobody" | "channel" | "next-hop";
  /** Whether parcels arrive in the order sent, and whether a sent parcel can vanish without a `down`. */
  readonly ordered: boolean;
  readonly lossy: boolean;
  /** `always`: send when you like. `dialled`: {@link Bearer.contact} first; a session ends by itself. */
  readonly contact: "always" | "dialled";
  /** Neighbours one parcel can reach: `one` fixed far end, or `many` named by `Parcel.to`. */
  readonly neighbours: "one" | "many";
  /** `clear-signed`: law or policy forbids obscured content here (amateur radio). */
  readonly content: "any" | "clear-signed";
  /** Nominal rate in bits per second while sending; `null` when it does not matter. */
  readonly bitsPerSecond: number | null;
  /** Time to change from receiving to sending, plus propagation one way, in milliseconds. */
  readonly turnaroundMs: number;
  /** Typical time until an answer can be here, beyond airtime, in milliseconds. Hours for a store buffer. */
  readonly answerMs: number;
  /** Channel time we may occupy per sliding hour, in milliseconds; `null` is unlimited. */
  readonly airtimeMsPerHourMax: number | null;
  /** Money or credits, in units of the link's own `creditName`; zero is free. */
  readonly cost: { readonly perContact: number; readonly perByte: number };
}

export interface Parcel {
  /** The neighbour's address in this bearer's own notation; "" is the fixed far end. */
  readonly to: string;
  readonly bytes: Uint8Array;
}

export type SendResult =
  | { readonly outcome: "sent" } // left us; nobody confirmed
  | { readonly outcome: "acknowledged" } // as far as `capabilities.acknowledges` reaches
  | {
      readonly outcome: "deferred";
      readonly why: "no-contact" | "busy" | "timeout" | "budget";
      readonly retryAfterMs: number;
    }
  | { readonly outcome: "refused"; readonly why: "too-large" | "unknown-neighbour" };

/** Our answer to a heard parcel. `later` asks the channel to keep it, where it can. */
export type Verdict = "accepted" | "later" | "never";

export interface ContactRequest {
  readonly to: string;
  readonly purpose: "send" | "collect";
  readonly maxMs: number;
}

export type ContactResult =
  | { readonly outcome: "open"; readonly paid: number }
  | {
      readonly outcome: "deferred";
      readonly why: "no-contact" | "busy" | "timeout" | "budget";
      readonly retryAfterMs: number;
    }
  | { readonly outcome: "refused"; readonly why: "unknown-neighbour" };

export type BearerEvent =
  | { readonly type: "up"; readonly neighbour: string } // this neighbour can be reached now
  | { readonly type: "down"; readonly neighbour: string; readonly why: string }
  | { readonly type: "heard"; readonly parcelId: string; readonly from: string; readonly bytes: Uint8Array }
  | { readonly type: "capabilities"; readonly capabilities: BearerCapabilities };

/** All a bearer gets. There is no other way to reach time, chance or a port. */
export interface BearerHost {
  readonly clock: Clock;
  readonly rng: Rng;
  log(level: "debug" | "info" | "warn", message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** `serial:/dev/serial/by-id/…?baud=9600`, `tcp:host:port`, `pty:/dev/pts/3`, or a name of the simulated world. */
  open(url: string, signal: AbortSignal): Promise<ByteLink>;
  /** `tcp:address:port`. Yields one link per caller until the signal aborts. */
  listen(url: string, signal: AbortSignal): Promise<ByteListener>;
}

/** Two directions of bytes. */
export interface ByteLink {
  /** Who is at the other end, for logs and for `neighbour` names. */
  readonly remote: string;
  /** Bytes as they arrive. Ends when the far end closed; throws OperatingError when broken. Iterate once. */
  readonly readable: AsyncIterable<Uint8Array>;
  /** Resolves when the device below took the bytes (backpressure). Rejects with OperatingError when broken. */
  write(bytes: Uint8Array): Promise<void>;
  /** Idempotent; ends `readable`. */
  close(): void;
}

export interface ByteListener {
  /** The address really bound, for example `tcp:127.0.0.1:40123`. */
  readonly url: string;
  readonly links: AsyncIterable<ByteLink>;
  close(): void;
}
