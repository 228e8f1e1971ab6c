import { type ByteLink, type Clock, invariant, OperatingError } from "@estafette/contract";
import { EMULATOR_LIMITS } from "../limits.js";
import { type AirEvent, type AirLedger, LoraAir } from "../lora-air.js";
import { ModemPort } from "../modem-port.js";
import { scaledClock } from "../scaled-clock.js";
import { SeededChance } from "../seeded-chance.js";
import type { SerialDevices } from "../terminal-face.js";
import { RnodeDevice, type RnodeSettings } from "./device.js";
import { type RnodeOptions, rnodeOptions } from "./options.js";
import { RnodeRadio } from "./radio.js";

/** RNodes in this process, all within earshot. They hear each other while their settings are the same. */
export interface Rnodes extends SerialDevices {
  readonly count: number;
  /** Opening the port restarts the board. Throws OperatingError EST_OPERATING_PORT_GONE while unplugged. */
  open(node: number): ByteLink;
  unplug(node: number): void;
  plug(node: number): void;
  setCut(isCut: boolean): void;
  /** Lets the host of `node` read bytes that came from nowhere. */
  inject(node: number, bytes: Uint8Array): void;
  settings(node: number): Readonly<RnodeSettings>;
  /** What a radio has sent, in milliseconds of air, not scaled. */
  ledger(node: number): AirLedger;
  observe(listener: (event: AirEvent) => void): () => void;
  close(): void;
}

export function createRnodes(given: Partial<RnodeOptions> & { readonly clock: Clock }): Rnodes {
  const { clock, ...options } = given;
  return new InProcessRnodes(rnodeOptions(options), clock);
}

interface Board {
  readonly device: RnodeDevice;
  readonly radio: RnodeRadio;
  port: ModemPort | null;
  isUnplugged: boolean;
}

class InProcessRnodes implements Rnodes {
  readonly #boards: Board[];
  readonly #air: LoraAir;
  readonly #listeners = new Set<(event: AirEvent) => void>();
  #isClosed = false;

  constructor(options: RnodeOptions, givenClock: Clock) {
    const clock = scaledClock(givenClock, options.timeScale);
    const chance = new SeededChance(options.seed);
    const isDeaf = (from: number, to: number): boolean => !this.#areTuned(from, to);
    this.#air = new LoraAir(clock, chance, { loss: options.loss, noticeMs: NOTICE_MS, isDeaf });
    this.#air.onEvent = (event) => {
      for (const listener of this.#listeners) listener(event);
    };
    this.#boards = Array.from({ length: options.nodeCount }, () => {
      const radio = new RnodeRadio(clock, chance, this.#air, options);
      const device = new RnodeDevice(clock, options, radio);
      radio.node = this.#air.attach((bytes) => radio.heard(bytes));
      return { device, radio, port: null, isUnplugged: false };
    });
  }

  get count(): number {
    return this.#boards.length;
  }

  open(node: number): ByteLink {
    const board = this.#board(node);
    if (this.#isClosed || board.isUnplugged)
      throw new OperatingError("EST_OPERATING_PORT_GONE", "the board is not there");
    board.port?.close();
    const take = (bytes: Uint8Array): boolean => {
      if (board.port === port) board.device.fromHost(bytes);
      return true;
    };
    const port = new ModemPort(`rnode ${node}`, take, EMULATOR_LIMITS.terminalReadBytesMax);
    board.port = port;
    board.device.attach(port);
    return port;
  }

  unplug(node: number): void {
    const board = this.#board(node);
    board.isUnplugged = true;
    board.port?.unplug();
    board.port = null;
    board.device.stop();
  }

  plug(node: number): void {
    this.#board(node).isUnplugged = false;
  }

  setCut(isCut: boolean): void {
    this.#air.setCut(isCut);
  }

  inject(node: number, bytes: Uint8Array): void {
    this.#board(node).port?.feed(bytes.slice());
  }

  settings(node: number): Readonly<RnodeSettings> {
    return this.#board(node).device.settings;
  }

  ledger(node: number): AirLedger {
    return this.#air.ledger(node);
  }

  observe(listener: (event: AirEvent) => void): () => void {
    invariant(this.#listeners.size < EMULATOR_LIMITS.listenersMax, "too many listeners on these radios");
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#isClosed = true;
    for (const board of this.#boards) {
      board.device.stop();
      board.port?.close();
    }
  }

  #areTuned(from: number, to: number): boolean {
    const [a, b] = [this.settings(from), this.settings(to)];
    return (
      b.isOn &&
      Math.abs(a.frequencyHz - b.frequencyHz) < a.bandwidthHz / 4 &&
      a.bandwidthHz === b.bandwidthHz &&
      a.spreadingFactor === b.spreadingFactor
    );
  }

  #board(node: number): Board {
    const board = this.#boards[node];
    invariant(board, "there is no board of that index");
    return board;
  }
}

/** How long a packet is on the air before others notice it. Our choice: four symbols of a usual setting. */
const NOTICE_MS = 10;
