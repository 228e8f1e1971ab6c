import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MemoryProfile } from "@estafette/bearer-memory";
import { seededRng, VirtualClock } from "@estafette/conformance";
import type { Bearer, BearerEvent, Bridge } from "@estafette/contract";
import type { DiskSpool } from "@estafette/spool";
import { medium, type NodePlan, startNode, TestMailbox, type TestNode } from "./node.js";

/** The power of one node: when it is gone, nothing goes in or out any more, and nobody is told. */
class Power {
  readonly #controller = new AbortController();

  get isOn(): boolean {
    return !this.#controller.signal.aborted;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  cut(): void {
    this.#controller.abort();
  }
}

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

async function* eventsWhilePowered(
  bearer: Bearer,
  power: Power,
  signal: AbortSignal,
): AsyncIterable<BearerEvent> {
  if (!power.isOn) await never();
  for await (const event of bearer.run(AbortSignal.any([signal, power.signal]))) {
    if (!power.isOn) break;
    yield event;
  }
  if (!power.isOn) await never();
}

function poweredBearer(bearer: Bearer, power: Power): Bearer {
  return {
    get capabilities() {
      return bearer.capabilities;
    },
    run: (signal) => eventsWhilePowered(bearer, power, signal),
    send: (parcel, signal) => (power.isOn ? bearer.send(parcel, signal) : never()),
    settle: (parcelId, verdict) => (power.isOn ? bearer.settle(parcelId, verdict) : never()),
    contact: (request, signal) => (power.isOn ? bearer.contact(request, signal) : never()),
    airtimeMs: (byteCount) => bearer.airtimeMs(byteCount),
  };
}

function poweredMailbox(mailbox: TestMailbox, power: Power): Bridge {
  return {
    delivers: mailbox.delivers,
    start: () => mailbox.start(),
    deliver: (delivery) => (power.isOn ? mailbox.deliver(delivery) : never()),
  };
}

/** Each life of a node has bearers of its own. */
export interface WorldPlan extends Omit<NodePlan, "links"> {
  readonly links: readonly {
    readonly bearer: () => Bearer;
    readonly settings: NodePlan["links"][number]["settings"];
  }[];
}

/** A gateway whose power can be cut, also at a named point of its code, and that starts again on the same disk. */
export class WorldNode {
  readonly mailbox: TestMailbox;
  readonly folder = mkdtempSync(join(tmpdir(), "est-world-"));
  node!: TestNode;
  crashes = 0;
  #power = new Power();
  /** Fault point to lose the power at, and how many times it is passed before. */
  #crashAt: { readonly name: string; passes: number } | null = null;

  constructor(
    readonly world: VirtualWorld,
    readonly plan: WorldPlan,
  ) {
    this.mailbox = new TestMailbox(plan.delivers ?? ["mailbox", "internet"]);
  }

  get relay(): TestNode["relay"] {
    return this.node.relay;
  }

  get spool(): TestNode["spool"] {
    return this.node.spool;
  }

  get isOn(): boolean {
    return this.#power.isOn;
  }

  async start(): Promise<void> {
    const power = new Power();
    this.#power = power;
    const { clock, rng } = this.world;
    const links = this.plan.links.map((l) => ({ ...l, bearer: poweredBearer(l.bearer(), power) }));
    const faultPoint = (name: string): void => this.#pass(name, power);
    const aroundMailbox = (mailbox: TestMailbox): Bridge => poweredMailbox(mailbox, power);
    const plan = { ...this.plan, links, clock, rng, faultPoint, aroundMailbox, mailbox: this.mailbox };
    this.node = await this.world.settle(startNode(plan, this.folder));
  }

  crashAt(name: string, passes = 0): void {
    this.#crashAt = { name, passes };
  }

  #pass(name: string, power: Power): void {
    if (!power.isOn) throw new Error("no power");
    if (this.#crashAt?.name !== name || this.#crashAt.passes-- > 0) return;
    this.#crashAt = null;
    this.crash();
    throw new Error(`power cut at ${name}`);
  }

  crash(): void {
    this.crashes++;
    this.#power.cut();
    (this.node.spool as DiskSpool).abandon();
  }

  /** Nobody is left who could say more; the files go. */
  dismantle(): void {
    if (this.#power.isOn) this.crash();
    rmSync(this.folder, { recursive: true, force: true });
  }

  texts(): string[] {
    return this.mailbox.texts();
  }

  /** Notices in this node's mailboxes. */
  notices(): string[] {
    return this.texts().filter((text) => text.includes("multipart/report"));
  }
}

/** Gateways of production parts in virtual time: an hour passes in the time its work takes. */
export class VirtualWorld {
  readonly clock = new VirtualClock();
  readonly rng;
  readonly nodes: WorldNode[] = [];

  constructor(seed = 1) {
    this.rng = seededRng(seed);
  }

  medium(profile?: MemoryProfile): ReturnType<typeof medium> {
    return medium(profile, { clock: this.clock, rng: this.rng });
  }

  async node(plan: WorldPlan): Promise<WorldNode> {
    const node = new WorldNode(this, plan);
    this.nodes.push(node);
    await node.start();
    return node;
  }

  /** The promise's value; time passes meanwhile, as little as it needs. */
  async settle<T>(promise: Promise<T>, withinMs = 60_000): Promise<T> {
    let isOver = false;
    const mark = (): void => {
      isOver = true;
    };
    promise.then(mark, mark);
    for (let waitedMs = 0; !isOver && waitedMs < withinMs; waitedMs++) await this.clock.advance(1);
    if (!isOver) throw new Error(`not settled within ${withinMs} ms`);
    return promise;
  }

  /** Lets time pass until `ready` holds, looked at every `everyMs`; returns the virtual milliseconds it took. */
  async until(
    ready: () => boolean | Promise<boolean>,
    what: string,
    { withinMs = 3_600_000, everyMs = 1_000 } = {},
  ): Promise<number> {
    const startMs = this.clock.monotonicMs();
    while (!(await this.ask(ready))) {
      if (this.clock.monotonicMs() - startMs > withinMs)
        throw new Error(`not within ${withinMs} ms: ${what}`);
      await this.clock.advance(everyMs);
    }
    return this.clock.monotonicMs() - startMs;
  }

  /** An answer that may need the store, which needs time. */
  async ask<T>(question: () => T | Promise<T>): Promise<T> {
    const answer = question();
    return answer instanceof Promise ? await this.settle(answer) : answer;
  }

  dismantle(): void {
    for (const node of this.nodes.splice(0)) node.dismantle();
  }
}
