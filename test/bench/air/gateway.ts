import memory, { type MemoryMedium } from "@estafette/bearer-memory";
import type { Bearer, BearerEvent, BearerHost, Bridge, Clock, Delivery, Rng } from "@estafette/contract";
import { createIdentity, type Identity } from "@estafette/protocol";
import { createRelay, type Relay, type RelaySettings, type Telemetry } from "@estafette/relay";
import { bearerOfLife, bridgeOfLife, Life, spoolOfLife } from "@estafette/simulation";
import { openSpool } from "@estafette/spool";
import type { AirWorld } from "./world.js";

export interface AirLink {
  readonly name: string;
  readonly medium: MemoryMedium;
  /** The gateway at the other end. */
  readonly peer: string;
}

export interface Arrival {
  readonly delivery: Delivery;
  readonly atMs: number;
}

/** What one gateway did on one link, by parcel: framing included. */
export interface Tally {
  parcelsSent: number;
  parcelsHeard: number;
  bytesHeard: number;
}

/** A gateway of production parts: it starts, stops, is killed, and starts again on the same disk. */
export class AirGateway {
  relay: Relay | null = null;
  /** What its users have in their mailboxes. A mailbox drops a second hand-over of one delivery, as Dovecot does. */
  readonly delivered: Arrival[] = [];
  readonly events: Telemetry[] = [];
  readonly #tallies = new Map<string, Tally>();
  #life = new Life();
  #lives = 0;
  #end: { stop(): Promise<void>; abandon(): void } | null = null;

  constructor(
    readonly world: AirWorld,
    readonly name: string,
    private readonly links: readonly AirLink[],
    private readonly settings: Partial<RelaySettings> = {},
  ) {}

  tally(link: string): Tally {
    const tally = this.#tallies.get(link) ?? { parcelsSent: 0, parcelsHeard: 0, bytesHeard: 0 };
    this.#tallies.set(link, tally);
    return tally;
  }

  async start(): Promise<void> {
    const { world, name } = this;
    this.#lives++;
    const life = new Life();
    this.#life = life;
    const clock = world.clock(life);
    const rng = world.chance.fork(`${name} ${this.#lives}`);
    const spool = await world.during(
      openSpool({ directory: world.directoryOf(name), clock, ballastBytes: 0 }),
    );
    const relay = createRelay({
      identity: identityOf(world, name),
      atRestKey: world.chance.fork(`${name} at rest`).bytes(32),
      spool: spoolOfLife(spool, life),
      clock,
      rng,
      authenticate: async () => null,
      log: () => undefined,
      settings: this.#settings(),
    });
    for (const link of this.links) {
      relay.addLink(this.#bearer(link, life, clock, rng), {
        name: link.name,
        peers: [link.peer],
        chain: "digest", // the links measured here are the ones where a byte is dear
      });
    }
    relay.addBridge("mailbox", () => bridgeOfLife(this.#mailbox(), life));
    relay.listen((event) => this.events.push(event));
    this.#end = {
      stop: async () => {
        await relay.stop();
        await spool.close();
      },
      abandon: () => spool.abandon(),
    };
    await world.during(relay.start());
    this.relay = relay;
  }

  async stop(): Promise<void> {
    const end = this.#end;
    this.#end = null;
    this.relay = null;
    if (end) await this.world.during(end.stop());
    this.#life.end();
  }

  /** As `kill -9`: nothing is finished, nothing is flushed, nobody is told. */
  kill(): void {
    this.#life.end();
    this.#end?.abandon();
    this.#end = null;
    this.relay = null;
  }

  #settings(): RelaySettings {
    const peers = [...new Set(this.links.map((link) => link.peer))];
    return {
      name: this.name,
      domains: [`${this.name}.example`],
      accounts: [{ name: "crew", addresses: [`*@${this.name}.example`] }],
      peers: peers.map((peer) => ({
        name: peer,
        root: identityOf(this.world, peer).keys.root,
        domains: [`${peer}.example`],
        links: this.links.filter((link) => link.peer === peer).map((link) => link.name),
        exitFrom: [],
        transit: true,
      })),
      exit: null,
      routes: [],
      lifetimeS: 2_592_000,
      hopMax: 16,
      messageBytesMax: 10_000_000,
      receipts: false,
      retryS: [10, 30, 60],
      ...this.settings,
    };
  }

  #bearer(link: AirLink, life: Life, clock: Clock, rng: Rng): Bearer {
    const host: BearerHost = { clock, rng, log: () => undefined, open: unused, listen: unused };
    const bearer = memory.create(memory.parse({ medium: link.medium, station: this.name }), host);
    const tally = this.tally(link.name);
    const counted: Bearer = {
      get capabilities() {
        return bearer.capabilities;
      },
      run: (signal) => counting(bearer.run(signal), tally, link.medium.profile.overheadBytes),
      send: (parcel, signal) => bearer.send(parcel, signal),
      settle: (parcelId, verdict) => bearer.settle(parcelId, verdict),
      contact: (request, signal) => bearer.contact(request, signal),
      airtimeMs: (byteCount) => bearer.airtimeMs(byteCount),
    };
    return bearerOfLife(counted, life, () => {
      tally.parcelsSent++;
    });
  }

  #mailbox(): Bridge {
    return {
      delivers: ["mailbox"],
      start: async () => ({}),
      deliver: async (delivery) => {
        const known = this.delivered.some((one) => one.delivery.deliveryId === delivery.deliveryId);
        if (!known) this.delivered.push({ delivery, atMs: this.world.kernel.nowMs });
        return { recipients: delivery.to.map(() => ({ outcome: "delivered", detail: "" })) };
      },
    };
  }
}

async function* counting(
  events: AsyncIterable<BearerEvent>,
  tally: Tally,
  overheadBytes: number,
): AsyncIterable<BearerEvent> {
  for await (const event of events) {
    if (event.type === "heard") {
      tally.parcelsHeard++;
      tally.bytesHeard += event.bytes.length + overheadBytes;
    }
    yield event;
  }
}

function identityOf(world: AirWorld, name: string): Identity {
  return createIdentity(world.chance.fork(name).bytes(32));
}

function unused(): never {
  throw new Error("a memory bearer opens nothing");
}
