import type { Account, Bearer, SubmissionResult } from "@estafette/contract";
import { createIdentity, type Identity } from "@estafette/protocol";
import {
  createRelay,
  type LinkBudgetSettings,
  type PeerSettings,
  type Relay,
  type RelaySettings,
  type RouteSettings,
} from "@estafette/relay";
import { openSpool, type Spool } from "@estafette/spool";
import type { Chance } from "./chance.js";
import { createNodeClock, type MachineClock, WORLD_BEGINS_UNIX_MS } from "./clock.js";
import { Ledger } from "./ledger.js";
import { bearerOfLife, bridgeOfLife, Life, never, PowerCut, spoolOfLife } from "./life.js";
import { LIMITS } from "./limits.js";
import { drawWallErrorMs } from "./parameters.js";
import { slowSpool } from "./slow-spool.js";
import { domainOfNode, usersOfNode } from "./workload.js";
import type { World } from "./world.js";
import type { NodeParameters } from "./world-parameters.js";

/** A production store that can lose its power: `abandon` closes its files and writes nothing more. */
type OpenedSpool = Awaited<ReturnType<typeof openSpool>>;

/** How a node is connected; made by the world before the first boot. */
export interface Wiring {
  readonly peers: readonly PeerSettings[];
  readonly routes: readonly RouteSettings[];
  readonly exit: string | null;
  readonly links: readonly {
    readonly name: string;
    readonly peers: readonly string[];
    readonly budget: LinkBudgetSettings | null;
    bearer(): Bearer;
  }[];
}

/** One gateway with everything of production in it, and the machine it runs on. */
export class SimulatedNode {
  readonly identity: Identity;
  readonly ledger: Ledger;
  readonly machine: MachineClock;
  readonly users: readonly string[];
  wiring: Wiring = { peers: [], routes: [], exit: null, links: [] };
  /** The store of the present life without any wrapper, for checkers only; null while there is no power. */
  store: OpenedSpool | null = null;
  relay: Relay | null = null;
  lives = 0;
  cuts = 0;
  #life = new Life();
  readonly #chance: Chance;

  constructor(
    readonly world: World,
    readonly index: number,
    readonly parameters: NodeParameters,
    hasUsers: boolean,
  ) {
    this.#chance = world.kernel.chance.fork(`node ${parameters.name}`);
    this.identity = createIdentity(this.#chance.fork("root seed").bytes(32));
    this.users = hasUsers ? usersOfNode(parameters.name) : [];
    this.machine = {
      bootId: "",
      bootedAtMs: 0,
      wallErrorMs: parameters.wallErrorMs,
      trust: parameters.trust,
    };
    this.ledger = new Ledger(parameters.name, this.identity.address, world.kernel, {
      custodyClaimed: (address, id) => world.custodyClaimed(this.name, address, id),
      violation: (text) => world.violation(text),
    });
    this.#life.end();
  }

  get name(): string {
    return this.parameters.name;
  }

  get up(): boolean {
    return this.#life.alive && this.relay !== null;
  }

  /** What the machine's wall clock shows, in unix milliseconds; null when it may not be believed. */
  get believedUnixMs(): number | null {
    const { trust, wallErrorMs } = this.machine;
    return trust === "trusted" ? WORLD_BEGINS_UNIX_MS + this.world.kernel.nowMs + wallErrorMs : null;
  }

  /** Starts a new life. `machineToo`: the machine booted as well, so its clocks begin anew. */
  async boot(machineToo: boolean): Promise<void> {
    const { kernel } = this.world;
    const life = new Life();
    this.#life = life;
    this.lives++;
    if (machineToo) {
      this.machine.bootId = `${this.name} boot ${this.lives}`;
      this.machine.bootedAtMs = kernel.nowMs;
    }
    kernel.note(`${this.name} boots, life ${this.lives}`);
    try {
      await this.#start(life);
    } catch (error) {
      if (error instanceof PowerCut || !life.alive) return;
      this.world.violation(`${this.name} does not start: ${String(error)}`);
    }
  }

  async #start(life: Life): Promise<void> {
    const { kernel, plant } = this.world;
    const lifeName = `${this.name} life ${this.lives}`;
    const honest = createNodeClock(kernel, this.name, this.machine, () => life.alive);
    const clock = plant.clock?.(honest, this.name) ?? honest;
    const faultPoint = (name: string): void => this.#faultPoint(life, name);
    const directory = this.world.disk.directoryOf(this.name);
    const store = await openSpool({
      directory,
      clock,
      faultPoint,
      quotaBytes: LIMITS.spoolQuotaBytes,
      ballastBytes: 0,
    });
    if (!life.alive) {
      store.abandon();
      return never();
    }
    this.store = store;
    await this.world.storeOpened(this, store);
    const recorded = this.ledger.around(store);
    const slow = slowSpool(recorded, clock, this.#chance.fork(`${lifeName} disk`), () =>
      this.world.healed ? 0 : this.parameters.diskMsMax,
    );
    const planted = plant.spool?.(slow, { node: this.name, life: this.lives, clock }) ?? slow;
    const made = createRelay({
      identity: this.identity,
      atRestKey: this.#chance.fork("at rest").bytes(32),
      spool: spoolOfLife(planted as Spool, life),
      clock,
      rng: this.#chance.fork(lifeName),
      settings: this.#settings(),
      authenticate: async (): Promise<Account | null> => null,
      log: (level, message, fields) => this.world.logged(this.name, level, message, fields),
      faultPoint,
    });
    const relay = plant.relay?.(made) ?? made;
    for (const link of this.wiring.links) {
      const honestBearer = link.bearer();
      const plantedBearer = plant.bearer?.(honestBearer) ?? honestBearer;
      const bearer = bearerOfLife(plantedBearer, life, (bytes) => this.world.parcelSent(this.name, bytes));
      const { name, peers, budget } = link;
      relay.addLink(bearer, { name, peers, chain: "auto", ...(budget ? { budget } : {}) });
    }
    relay.addBridge("outside", () => {
      const honestBridge = this.world.outside.bridge(this.name, this.lives, () => life.alive);
      return bridgeOfLife(plant.bridge?.(honestBridge, clock) ?? honestBridge, life);
    });
    relay.listen((event) => {
      if (life.alive && event.type === "fault")
        this.world.violation(`${this.name} reports a fault: ${event.detail}`);
    });
    await life.only(relay.start());
    this.relay = relay;
    kernel.note(`${this.name} is ready`);
  }

  #settings(): RelaySettings {
    const { parameters: world } = this.world;
    return {
      name: this.name,
      domains: [domainOfNode(this.name)],
      accounts: this.users.map((address) => ({ name: address, addresses: [address] })),
      peers: this.wiring.peers,
      exit: this.wiring.exit,
      routes: this.wiring.routes,
      lifetimeS: 604_800,
      hopMax: 16,
      messageBytesMax: 1_000_000,
      receipts: world.receipts,
      retryS: world.retryS,
    };
  }

  /** What a named no-op of production becomes here: the microscope for power cuts. */
  #faultPoint(life: Life, name: string): void {
    if (!life.alive) throw new PowerCut(name);
    this.world.pointPassed(name);
    if (this.world.healed || this.cuts >= LIMITS.cutsPerNodeMax) return;
    if (!this.#chance.happens(this.parameters.cutAtPoint)) return;
    this.cutPower(`point ${name}`, this.#chance.happens(0.5));
    throw new PowerCut(name);
  }

  /** The process stops at this instant; `machineToo`: the machine under it as well (power cut), else only it (kill). */
  cutPower(where: string, machineToo: boolean): void {
    if (!this.#life.alive) return;
    this.cuts++;
    this.#life.end();
    this.relay = null;
    const store = this.store;
    this.store = null;
    this.world.kernel.note(`${this.name} ${machineToo ? "loses power" : "is killed"} at ${where}`);
    void Promise.resolve().then(() => store?.abandon());
    if (machineToo && this.#chance.happens(0.5)) {
      this.machine.wallErrorMs = drawWallErrorMs(this.#chance);
      this.machine.trust = "untrusted";
    }
    const darkMs = this.#chance.between(50, this.parameters.darkMsMax);
    this.world.kernel.after(darkMs, `${this.name} power`, () => void this.boot(machineToo));
  }

  /** An orderly stop and start of the process. */
  async restart(): Promise<void> {
    const { relay, store } = this;
    const life = this.#life;
    if (relay === null || store === null || !life.alive) return;
    this.relay = null;
    this.world.kernel.note(`${this.name} stops`);
    await relay.stop();
    if (!life.alive) return;
    await store.close();
    if (!life.alive) return;
    life.end();
    this.store = null;
    this.world.kernel.after(1_000, `${this.name} start`, () => void this.boot(false));
  }

  /** The run is over: lets go of files, without another word to anybody. */
  dismantle(): void {
    this.#life.end();
    this.relay = null;
    this.store?.abandon();
    this.store = null;
  }

  stepWall(): void {
    this.machine.wallErrorMs = this.#chance.happens(0.5) ? 0 : drawWallErrorMs(this.#chance);
    this.machine.trust = this.machine.wallErrorMs === 0 ? "trusted" : "untrusted";
    this.world.kernel.note(`${this.name} wall clock is now ${this.machine.wallErrorMs} ms wrong`);
  }

  /** Hands in one message; never answers when the power goes first. */
  async submit(...[submission]: Parameters<Relay["submit"]>): Promise<SubmissionResult | "no-power"> {
    const { relay } = this;
    const life = this.#life;
    if (relay === null || !life.alive) return "no-power";
    return life.only(relay.submit(submission));
  }
}
