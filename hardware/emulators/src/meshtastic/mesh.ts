import { type ByteLink, type Clock, invariant, OperatingError } from "@estafette/contract";
import { EMULATOR_LIMITS } from "../limits.js";
import { type AirEvent, type AirLedger, LoraAir } from "../lora-air.js";
import { ModemPort } from "../modem-port.js";
import { scaledClock } from "../scaled-clock.js";
import { SeededChance } from "../seeded-chance.js";
import { nodeKeys } from "./crypto.js";
import { HostSession } from "./host-session.js";
import { type MeshtasticOptions, meshtasticOptions } from "./options.js";
import { slotMs } from "./presets.js";
import { MeshRouting } from "./routing.js";
import { MeshTransmitter } from "./transmitter.js";

/** How a host is joined to its radio. A TCP connection ends when the radio restarts or another host calls. */
export type HostCable = "serial" | "tcp";

/** Radios on one simulated frequency, in this process. */
export interface MeshtasticMesh {
  /** Node numbers, by index. */
  readonly nums: readonly number[];
  /** Joins a host to radio `node`. Throws OperatingError EST_OPERATING_PORT_GONE while it is unplugged, or over TCP
   *  while it restarts. */
  open(node: number, cable?: HostCable): ByteLink;
  /** Restarts a radio: what it was to send, and what it kept for its host, is gone. */
  reboot(node: number): void;
  unplug(node: number): void;
  plug(node: number): void;
  /** Nobody hears anybody. */
  setCut(isCut: boolean): void;
  /** Lets the host of `node` read bytes that came from nowhere. */
  inject(node: number, bytes: Uint8Array): void;
  /** What a radio has sent, in milliseconds of air, not scaled. */
  ledger(node: number): AirLedger;
  /** Packets that were lost for a host that was away. */
  overflowCount(node: number): number;
  /** Calls `listener` for every packet on the air; the returned function ends that. */
  observe(listener: (event: AirEvent) => void): () => void;
  close(): void;
}

/** The in-process face, on whatever clock it is given. */
export function createMeshtasticMesh(
  given: Partial<MeshtasticOptions> & { readonly clock: Clock },
): MeshtasticMesh {
  const { clock, ...options } = given;
  return new InProcessMesh(meshtasticOptions(options), clock);
}

interface Node {
  readonly session: HostSession;
  readonly routing: MeshRouting;
  readonly transmitter: MeshTransmitter;
  port: ModemPort | null;
  cable: HostCable;
  rebootCount: number;
  /** Null: it runs. */
  cancelBoot: (() => void) | null;
  isUnplugged: boolean;
}

class InProcessMesh implements MeshtasticMesh {
  readonly nums: readonly number[];
  readonly #nodes: Node[];
  readonly #air: LoraAir;
  readonly #clock: Clock;
  readonly #listeners = new Set<(event: AirEvent) => void>();
  #isClosed = false;

  constructor(
    private readonly options: MeshtasticOptions,
    clock: Clock,
  ) {
    this.#clock = scaledClock(clock, options.timeScale);
    const chance = new SeededChance(options.seed);
    const isDeaf = (from: number, to: number): boolean =>
      options.deaf.some(([a, b]) => (a === from && b === to) || (a === to && b === from));
    const noticeMs = slotMs(options.preset);
    this.#air = new LoraAir(this.#clock, chance, { loss: options.loss, noticeMs, isDeaf });
    this.#air.onEvent = (event) => {
      for (const listener of this.#listeners) listener(event);
    };
    this.nums = Array.from({ length: options.nodeCount }, (_, index) => FIRST_NUM + index);
    this.#nodes = this.#build(chance);
  }

  #build(chance: SeededChance): Node[] {
    const { options } = this;
    const clock = this.#clock;
    const keys = new Map(this.nums.map((num) => [num, nodeKeys(new Uint8Array(32).fill(num & 0xff))]));
    const publics = [...keys].map(([num, { publicBytes }]) => ({ num, publicBytes }));
    return [...keys].map(([num, own]) => {
      const isStuck = options.defects.stuckTransmitter ?? false;
      const transmitter = new MeshTransmitter(clock, chance, this.#air, { preset: options.preset, isStuck });
      let session: HostSession | null = null;
      const routing = new MeshRouting({
        ...{
          num,
          keys: own,
          keysOf: (other) => keys.get(other) ?? null,
          options,
          clock,
          chance,
          transmitter,
        },
        giveHost: (packet, how) => session?.giveHost(packet, how),
        notifyHost: (text) => session?.notifyHost(text),
      });
      const facts = { num, options, nodes: publics, rebootCount: () => node.rebootCount };
      session = new HostSession({ clock, options, facts, routing, transmitter });
      const node: Node = {
        ...{ session, routing, transmitter, port: null, cable: "serial", rebootCount: 0 },
        ...{ cancelBoot: null, isUnplugged: false },
      };
      transmitter.node = this.#air.attach((bytes) => {
        if (!node.cancelBoot) routing.heard(bytes);
      });
      return node;
    });
  }

  open(index: number, cable: HostCable = "serial"): ByteLink {
    const node = this.#node(index);
    const isAway = node.isUnplugged || (cable === "tcp" && node.cancelBoot !== null);
    if (this.#isClosed || isAway)
      throw new OperatingError("EST_OPERATING_PORT_GONE", "the radio is not there");
    node.port?.close();
    const take = (bytes: Uint8Array): boolean => {
      if (!node.cancelBoot && node.port === port) node.session.fromHost(bytes);
      return true;
    };
    const port = new ModemPort(`radio ${index}`, take, EMULATOR_LIMITS.terminalReadBytesMax);
    node.port = port;
    node.cable = cable;
    node.session.attach(port);
    return port;
  }

  reboot(index: number): void {
    const node = this.#node(index);
    node.cancelBoot?.();
    node.rebootCount++;
    node.routing.reset();
    node.transmitter.reset();
    node.session.reset();
    if (node.cable === "tcp") node.port?.close();
    node.cancelBoot = this.#clock.timer(this.options.bootMs, () => {
      node.cancelBoot = null;
      if (node.cable === "serial") node.session.announceRestart();
    });
  }

  unplug(index: number): void {
    const node = this.#node(index);
    node.isUnplugged = true;
    node.port?.unplug();
    node.port = null;
  }

  plug(index: number): void {
    this.#node(index).isUnplugged = false;
  }

  setCut(isCut: boolean): void {
    this.#air.setCut(isCut);
  }

  inject(index: number, bytes: Uint8Array): void {
    this.#node(index).port?.feed(bytes.slice());
  }

  ledger(index: number): AirLedger {
    return this.#air.ledger(index);
  }

  overflowCount(index: number): number {
    return this.#node(index).session.overflowCount;
  }

  observe(listener: (event: AirEvent) => void): () => void {
    invariant(this.#listeners.size < EMULATOR_LIMITS.listenersMax, "too many listeners on one mesh");
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#isClosed = true;
    for (const node of this.#nodes) {
      node.cancelBoot?.();
      node.routing.reset();
      node.transmitter.reset();
      node.port?.close();
    }
  }

  #node(index: number): Node {
    const node = this.#nodes[index];
    invariant(node, "there is no radio of that index");
    return node;
  }
}

/** Our choice: a number no real radio has, as those are made from MAC addresses. */
const FIRST_NUM = 0x0e570001;
