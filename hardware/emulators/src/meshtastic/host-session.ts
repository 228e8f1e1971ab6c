import type { Clock } from "@estafette/contract";
import { EMULATOR_LIMITS } from "../limits.js";
import type { ModemPort } from "../modem-port.js";
import { FieldWriter } from "./fields.js";
import { handshakeFrames, NONCE_CONFIG_ONLY, NONCE_NODES_ONLY, type NodeFacts } from "./handshake.js";
import {
  decodeToRadio,
  encodeFromRadioPacket,
  encodeNotification,
  encodeQueueStatus,
  encodeRebooted,
  type MeshPacket,
} from "./messages.js";
import type { MeshtasticOptions } from "./options.js";
import type { HeardHow, MeshRouting } from "./routing.js";
import { FirmwareReader, frame } from "./stream.js";
import type { MeshTransmitter } from "./transmitter.js";

export interface SessionParts {
  readonly clock: Clock;
  readonly options: MeshtasticOptions;
  readonly facts: NodeFacts;
  readonly routing: MeshRouting;
  readonly transmitter: MeshTransmitter;
}

/** What one radio says to its host: handshake, packets, queue status. Nothing is kept for a host beyond one queue. */
export class HostSession {
  readonly #reader = new FirmwareReader();
  #port: ModemPort | null = null;
  #isStreaming = false;
  #waiting: Uint8Array[] = [];
  #held: Uint8Array | null = null;
  #lastHeardMs = 0;
  /** Packets dropped because the host was away. */
  overflowCount = 0;

  constructor(private readonly parts: SessionParts) {}

  attach(port: ModemPort): void {
    this.#port = port;
    this.#reader.reset();
    this.#isStreaming = false;
  }

  reset(): void {
    this.#reader.reset();
    this.#isStreaming = false;
    this.#waiting = [];
    this.#held = null;
  }

  /** Boot text, as a serial console shows it, and the announcement. */
  announceRestart(): void {
    this.#port?.feed(new TextEncoder().encode("\r\nINFO  | ??:??:?? 1 Booted, wake cause 0\r\n"));
    if (!this.parts.options.defects.restartsSilently) this.#port?.feed(frame(encodeRebooted()));
  }

  fromHost(bytes: Uint8Array): void {
    this.#lastHeardMs = this.parts.clock.monotonicMs();
    for (const message of this.#reader.push(bytes)) this.#obey(message);
  }

  giveHost = (packet: MeshPacket, how: HeardHow): void => {
    const { defects, toHostPacketsMax } = this.parts.options;
    const message = encodeFromRadioPacket(packet, how);
    const copies = defects.givesTwice ? [message, message] : [message];
    for (const one of this.#ordered(copies)) this.#waiting.push(one);
    while (this.#waiting.length > toHostPacketsMax) {
      this.#waiting.shift();
      this.overflowCount++;
    }
    this.#flush();
  };

  notifyHost = (text: string): void => {
    if (this.#isStreaming) this.#write(encodeNotification(text));
  };

  #ordered(messages: Uint8Array[]): Uint8Array[] {
    if (!this.parts.options.defects.reorders) return messages;
    const held = this.#held;
    this.#held = held ? null : (messages[0] ?? null);
    return held ? [...messages, held] : messages.slice(1);
  }

  #flush(): void {
    const silentMs = this.parts.clock.monotonicMs() - this.#lastHeardMs;
    if (silentMs > EMULATOR_LIMITS.meshHostSilentMsMax) this.#isStreaming = false;
    if (!this.#isStreaming || !this.#port) return;
    for (const message of this.#waiting.splice(0)) this.#write(message);
  }

  #obey(message: Uint8Array): void {
    const asked = decodeToRadio(message);
    if (asked?.type === "want-config") this.#handshake(asked.nonce);
    else if (asked?.type === "heartbeat") this.#heartbeat(asked.nonce);
    else if (asked?.type === "disconnect") this.#isStreaming = false;
    else if (asked?.type === "packet") this.#send(asked.packet);
  }

  #handshake(nonce: number): void {
    const { facts, options } = this.parts;
    const part = nonce === NONCE_CONFIG_ONLY ? "config" : nonce === NONCE_NODES_ONLY ? "nodes" : "all";
    for (const one of handshakeFrames(facts, part)) this.#write(one);
    if (options.defects.neverCompletes) return;
    this.#write(new FieldWriter().varint(7, nonce).finish());
    this.#isStreaming = true;
    this.#flush();
  }

  /** Nonce 1 asks the radio to broadcast its NodeInfo; anything else is a sign of life. */
  #heartbeat(nonce: number): void {
    if (nonce !== 1) this.#queueStatus(0, 0);
  }

  #send(packet: MeshPacket): void {
    const result = this.parts.routing.fromHost(packet);
    if (result && !this.parts.options.defects.noQueueStatus) this.#queueStatus(result.res, result.id);
  }

  #queueStatus(res: number, packetId: number): void {
    const maxlen = EMULATOR_LIMITS.meshTransmitQueueMax;
    this.#write(encodeQueueStatus({ res, free: this.parts.transmitter.free, maxlen, packetId }));
  }

  #write(message: Uint8Array): void {
    if (this.parts.options.defects.textBetweenFrames)
      this.#port?.feed(new TextEncoder().encode("DEBUG | 12:00:00 7 [Router] \u001b[0m\r\n"));
    this.#port?.feed(frame(message));
  }
}
