import type { Expectation } from "@estafette/framing";
import type { Modulation } from "./modulation.js";

/** What a board says. */
export type ModuleEvent =
  | { readonly type: "heard"; readonly payload: Uint8Array }
  /** It could not take the last packet. */
  | { readonly type: "full" }
  | { readonly type: "failed"; readonly why: string }
  /** An answer in the driver's own numbers. */
  | { readonly type: "answer"; readonly command: number; readonly data: Uint8Array };

/** A board that can be spoken to. */
export interface Module {
  /** False: it is gone. */
  write(bytes: Uint8Array): Promise<boolean>;
  expect(matches: (event: ModuleEvent) => boolean, withinMs: number): Expectation<ModuleEvent>;
  pause(durationMs: number): Promise<void>;
}

/**
 * One make of LoRa board. A driver knows its commands and nothing of parcels, budgets or neighbours, so that others
 * (MeshCore companions, AT-command modules) can stand beside the RNode.
 */
export interface LoraDriver {
  /** Bytes of the LoRa packets that a payload becomes, headers included. */
  packetSizes(payloadBytes: number): readonly number[];
  /** A fresh reader for each opening of the port. Never throws: what is no frame is skipped. */
  reader(): { push(bytes: Uint8Array): readonly ModuleEvent[] };
  /** Makes the board ready with these settings. Null, or why it is not. */
  start(module: Module, modulation: Modulation, airtimeMsPerHourMax: number): Promise<string | null>;
  /** The bytes that send one payload. */
  encode(payload: Uint8Array): Uint8Array;
  /** How many payloads the board has sent since it started; null: it does not say. */
  sentCount(module: Module): Promise<number | null>;
  /** Whether the board is there and its radio on. */
  isAlive(module: Module): Promise<boolean>;
  /** Switches the radio off. */
  farewell(): Uint8Array;
}
