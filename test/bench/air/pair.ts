import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import memory, { createMemoryMedium, type MemoryMedium, type MemoryProfile } from "@estafette/bearer-memory";
import type { BearerHost, Bridge, Clock, Delivery, Rng } from "@estafette/contract";
import { createIdentity, type Identity } from "@estafette/protocol";
import { createRelay, type Relay } from "@estafette/relay";
import { type Chance, Kernel } from "@estafette/simulation";
import { openSpool } from "@estafette/spool";

/** Two production gateways on one medium in virtual time; the medium counts the bytes, not the sender. */
export class AirPair {
  readonly kernel: Kernel;
  readonly air: MemoryMedium;
  readonly delivered: { readonly delivery: Delivery; readonly atMs: number }[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), "est-air-"));
  readonly #stops: (() => Promise<void>)[] = [];
  readonly #identities: readonly [Identity, Identity];
  readonly #chance: Chance;
  #lives = 0;
  ship: Relay | null = null;
  shore: Relay | null = null;

  constructor(seed: string, profile: MemoryProfile) {
    this.kernel = new Kernel(seed);
    this.#chance = this.kernel.chance.fork("air");
    this.#identities = [
      createIdentity(this.#chance.fork("ship").bytes(32)),
      createIdentity(this.#chance.fork("shore").bytes(32)),
    ];
    this.air = createMemoryMedium({
      clock: this.#clock(() => true),
      rng: this.#chance.fork("medium"),
      profile,
    });
  }

  /** Bytes clocked onto the link so far, both directions, framing included. */
  get bytesOnLink(): number {
    return this.air.counters().bytesOnAir;
  }

  /** Both stations find the medium cut when they come up. */
  cutFromTheStart(): void {
    for (const name of ["ship", "shore"]) this.air.station(name, []);
    this.air.cut();
  }

  async start(): Promise<void> {
    this.#lives++;
    this.ship = await this.#startNode("ship", 0);
    this.shore = await this.#startNode("shore", 1);
    await this.runFor(1);
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0)) await this.during(stop());
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Lets virtual time go on until the promise is settled. */
  async during<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const watched = promise.finally(() => {
      settled = true;
    });
    watched.catch(() => undefined);
    for (let turns = 0; !settled && turns < 1_000_000; turns++) await this.runFor(1);
    return await watched;
  }

  async runFor(durationMs: number): Promise<void> {
    await this.kernel.run(this.kernel.nowMs + durationMs);
  }

  /** Runs until `count` messages were delivered ashore, at most `withinMs` of virtual time. */
  async untilDelivered(count: number, withinMs: number): Promise<boolean> {
    const endMs = this.kernel.nowMs + withinMs;
    while (this.delivered.length < count && this.kernel.nowMs < endMs) await this.runFor(100);
    return this.delivered.length >= count;
  }

  async #startNode(name: "ship" | "shore", index: 0 | 1): Promise<Relay> {
    let alive = true;
    const clock = this.#clock(() => alive);
    const rng: Rng = this.#chance.fork(`${name} ${this.#lives}`);
    const far = index === 0 ? "shore" : "ship";
    const spool = await this.during(
      openSpool({ directory: join(this.#folder, name), clock, ballastBytes: 0 }),
    );
    const relay = createRelay({
      identity: this.#identities[index],
      atRestKey: new Uint8Array(32).fill(index + 1),
      spool,
      clock,
      rng,
      authenticate: async () => null,
      log: () => undefined,
      settings: {
        name,
        domains: [`${name}.example`],
        accounts: [{ name: "crew", addresses: [`*@${name}.example`] }],
        peers: [
          {
            name: far,
            root: this.#identities[index === 0 ? 1 : 0].keys.root,
            domains: [`${far}.example`],
            links: ["air"],
            exitFrom: [],
            transit: true,
          },
        ],
        exit: null,
        routes: [],
        lifetimeS: 2_592_000,
        hopMax: 16,
        messageBytesMax: 10_000_000,
        receipts: false,
        retryS: [10, 30, 60],
      },
    });
    const host: BearerHost = { clock, rng, log: () => undefined, open: unused, listen: unused };
    relay.addLink(memory.create(memory.parse({ medium: this.air, station: name }), host), {
      name: "air",
      peers: [far],
      chain: "digest", // the links measured here are the ones where a byte is dear
    });
    relay.addBridge("mailbox", () => this.#mailbox());
    this.#stops.push(async () => {
      await relay.stop();
      await spool.close();
      alive = false;
    });
    await this.during(relay.start());
    return relay;
  }

  #mailbox(): Bridge {
    return {
      delivers: ["mailbox"],
      start: async () => ({}),
      deliver: async (delivery) => {
        this.delivered.push({ delivery, atMs: this.kernel.nowMs });
        return { recipients: delivery.to.map(() => ({ outcome: "delivered", detail: "" })) };
      },
    };
  }

  #clock(alive: () => boolean): Clock {
    const beganUnixMs = 1_767_225_600_000; // 2026-01-01, any would do
    return {
      monotonicMs: () => this.kernel.nowMs,
      bootId: () => "air",
      unixMs: () => beganUnixMs + this.kernel.nowMs,
      trust: () => "trusted",
      timer: (delayMs, onElapsed) =>
        this.kernel.after(delayMs, "timer", () => {
          if (alive()) onElapsed();
        }),
    };
  }
}

function unused(): never {
  throw new Error("a memory bearer opens nothing");
}
