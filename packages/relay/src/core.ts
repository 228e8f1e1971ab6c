import type { BridgeHost, Clock, MessageClass, Rng } from "@estafette/contract";
import { type Identity, openAtRest, sealAtRest, toHex } from "@estafette/protocol";
import type { PlanInput } from "@estafette/router";
import type { EnvelopeId, Hop, MessageKey, Spool } from "@estafette/spool";
import type { Admission } from "./admission.js";
import type { RelaySettings, Telemetry } from "./api.js";
import type { Asking } from "./asking.js";
import type { Backlogs } from "./backlogs.js";
import type { Directory } from "./directory.js";
import type { Goodputs } from "./goodputs.js";
import type { Greeting } from "./greeting.js";
import type { TemplateBook } from "./head-templates.js";
import type { HeldContexts } from "./held-contexts.js";
import type { SentContexts } from "./sent-contexts.js";

/** What the parts of the core share. One object, made once in relay.ts; no part knows another part's insides. */
export interface Core {
  readonly identity: Identity;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly settings: RelaySettings;
  readonly directory: Directory;
  readonly vault: Vault;
  readonly admission: Admission;
  readonly sentContexts: SentContexts;
  readonly heldContexts: HeldContexts;
  readonly templates: TemplateBook;
  readonly asking: Asking;
  /** Messages that are not joined with others, because an envelope that held them was refused; by key as text. */
  readonly alone: BoundedSet;
  /** What peers told in the last handshake with them, by address in hex. */
  readonly greetings: Map<string, Greeting>;
  readonly goodputs: Goodputs;
  readonly backlogs: Backlogs;
  readonly log: BridgeHost["log"];
  readonly faultPoint: (name: string) => void;
  emit(event: Telemetry): void;
  /** Something is due for this hop. */
  wake(hop: Hop): void;
  wakeDeliveries(): void;
  /** A copy is no longer to be sent: links that carry it now leave off. */
  withdraw(id: EnvelopeId): void;
  /** What the router must know to plan this, links as they are now. */
  planInput(request: PlanRequest): PlanInput;
  /** The next sequence number of this start of the node; it is used up. */
  nextKey(): MessageKey;
  /** The same, and it is not. */
  likelyKey(): MessageKey;
  /** The store failed or our own code is wrong: stop the node. */
  fail(error: unknown, where: string): void;
}

export interface PlanRequest {
  readonly destination: Uint8Array;
  readonly relays: readonly Uint8Array[];
  readonly relayIndex: number;
  readonly sealed: boolean;
  readonly from: Uint8Array | null;
  readonly listStalled: boolean;
  /** Of the envelope; default: what the router assumes. */
  readonly bytes?: number;
  /** Default: normal. */
  readonly class?: MessageClass;
  /** Milliseconds since it was accepted, and it may live altogether; default 0, and no end. */
  readonly ageMs?: number;
  readonly lifetimeMs?: number;
  /** It goes in one envelope with others that wait; default: alone. */
  readonly joined?: boolean;
  /** Bytes on the channel of beginning a conversation; default 0. */
  readonly meetingBytes?: number;
}

/** Remembers so many texts; the oldest is forgotten. */
export class BoundedSet {
  readonly #texts = new Set<string>();

  constructor(readonly countMax: number) {}

  has(text: string): boolean {
    return this.#texts.has(text);
  }

  add(text: string): void {
    const [oldest] = this.#texts;
    if (this.#texts.size >= this.countMax && oldest !== undefined) this.#texts.delete(oldest);
    this.#texts.add(text);
  }
}

/** Seals what rests here. The context binds a record to its place, so that records cannot be swapped. */
export class Vault {
  readonly #key: Uint8Array;
  readonly #rng: Rng;

  constructor(key: Uint8Array, rng: Rng) {
    this.#key = key;
    this.#rng = rng;
  }

  seal(plaintext: Uint8Array, context: string): Uint8Array {
    return sealAtRest(this.#key, plaintext, this.#rng, new TextEncoder().encode(context));
  }

  /** @throws ProtocolError EST_PROTOCOL_SIGNATURE when the record was altered or belongs elsewhere. */
  open(sealed: Uint8Array, context: string): Uint8Array {
    return openAtRest(this.#key, sealed, new TextEncoder().encode(context));
  }
}

export function keyText(key: {
  readonly origin: Uint8Array;
  readonly epoch: number;
  readonly sequence: number;
}): string {
  return `${toHex(key.origin)}/${key.epoch}/${key.sequence}`;
}

/** The wall clock in seconds since 1970, or null while it may not be believed at all. */
export function unixSecondsOrNull(clock: Clock): number | null {
  return clock.trust() === "untrusted" ? null : Math.floor(clock.unixMs() / 1000);
}
