import type { BridgeHost, Clock, Rng } from "@estafette/contract";
import { type Identity, openAtRest, sealAtRest, toHex } from "@estafette/protocol";
import type { Plan } from "@estafette/router";
import type { EnvelopeId, Hop, Spool } from "@estafette/spool";
import type { Admission } from "./admission.js";
import type { RelaySettings, Telemetry } from "./api.js";
import type { Directory } from "./directory.js";

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
  readonly log: BridgeHost["log"];
  readonly faultPoint: (name: string) => void;
  emit(event: Telemetry): void;
  /** Something is due for this hop. */
  wake(hop: Hop): void;
  wakeDeliveries(): void;
  /** A copy is no longer to be sent: links that carry it now leave off. */
  withdraw(id: EnvelopeId): void;
  /** Where something goes next; relays and destination as addresses. */
  plan(request: PlanRequest): Plan;
  /** The next sequence number of this start of the node. */
  nextKey(): { readonly origin: Uint8Array; readonly epoch: number; readonly sequence: number };
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
