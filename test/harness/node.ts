import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createMemoryMedium,
  type MemoryMedium,
  type MemoryProfile,
  default as memory,
  memoryProfiles,
} from "@estafette/bearer-memory";
import type {
  Bearer,
  Bridge,
  BridgeHost,
  Clock,
  Delivery,
  DeliveryKind,
  DeliveryResult,
  RecipientResult,
  Rng,
  Submission,
} from "@estafette/contract";
import { createIdentity, type Identity } from "@estafette/protocol";
import {
  createRelay,
  type LinkSettings,
  type PeerSettings,
  type Relay,
  type RelaySettings,
  type Telemetry,
} from "@estafette/relay";
import { bearerHost, systemClock, systemRng } from "@estafette/runtime";
import { openSpool, type Spool } from "@estafette/spool";

export const clock = systemClock();
export const rng = systemRng();

/** A gateway of the production parts in this process, with a mailbox that remembers what was handed to it. */
export interface TestNode {
  readonly name: string;
  readonly identity: Identity;
  readonly relay: Relay;
  readonly spool: Spool;
  readonly mailbox: TestMailbox;
  readonly events: readonly Telemetry[];
  readonly folder: string;
  stop(): Promise<void>;
}

export interface NodePlan {
  readonly name: string;
  readonly domain?: string;
  readonly peers: readonly (Partial<PeerSettings> & { readonly name: string; readonly root: Uint8Array })[];
  readonly links: readonly {
    readonly bearer: Bearer;
    readonly settings: Partial<LinkSettings> & { readonly name: string };
  }[];
  readonly settings?: Partial<RelaySettings>;
  readonly delivers?: readonly DeliveryKind[];
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly rng?: Rng;
  readonly quotaBytes?: number;
  readonly faultPoint?: (name: string) => void;
  /** What really reaches the mailbox; default: everything. */
  readonly aroundMailbox?: (mailbox: TestMailbox) => Bridge;
  /** A mailbox kept over restarts of the node; default: a new one. */
  readonly mailbox?: TestMailbox;
}

export function identityOf(name: string): Identity {
  return createIdentity(new TextEncoder().encode(name.padEnd(32, "-")).slice(0, 32));
}

/** Hand-overs in the order they came; `answer` may be changed to refuse. */
export class TestMailbox implements Bridge {
  readonly handed: Delivery[] = [];
  answer: (delivery: Delivery, recipient: string) => RecipientResult = () => ({
    outcome: "delivered",
    detail: "kept",
  });

  constructor(readonly delivers: readonly DeliveryKind[]) {}

  async start(): Promise<Record<string, string>> {
    return {};
  }

  async deliver(delivery: Delivery): Promise<DeliveryResult> {
    this.handed.push(delivery);
    return { recipients: delivery.to.map((to) => this.answer(delivery, to)) };
  }

  texts(): string[] {
    return this.handed.map((d) => new TextDecoder().decode(d.rfc5322));
  }
}

export async function startNode(
  plan: NodePlan,
  folder = mkdtempSync(join(tmpdir(), `est-${plan.name}-`)),
): Promise<TestNode> {
  const identity = identityOf(plan.name);
  const { faultPoint, quotaBytes } = plan;
  const nodeClock = plan.clock ?? clock;
  const quota = quotaBytes === undefined ? {} : { quotaBytes, ballastBytes: 0 };
  const spool = await openSpool({ directory: folder, clock: nodeClock, ...quota });
  const domains = plan.domain ? [plan.domain] : [];
  const relay = createRelay({
    identity,
    atRestKey: new Uint8Array(32).fill(7),
    spool,
    clock: nodeClock,
    rng: plan.rng ?? rng,
    ...(faultPoint ? { faultPoint } : {}),
    authenticate: async () => null,
    log: () => undefined,
    settings: {
      name: plan.name,
      domains,
      accounts: domains.map((d) => ({ name: "crew", addresses: [`*@${d}`] })),
      exit: null,
      routes: [],
      lifetimeS: 86_400,
      hopMax: 16,
      messageBytesMax: 10_000_000,
      receipts: true,
      retryS: [1, 2, 5],
      ...plan.settings,
      peers: plan.peers.map((p) => ({ domains: [], links: [], exitFrom: [], transit: true, ...p })),
    },
  });
  for (const { bearer, settings } of plan.links)
    relay.addLink(bearer, { peers: [], chain: "auto", ...settings });
  const mailbox = plan.mailbox ?? new TestMailbox(plan.delivers ?? ["mailbox", "internet"]);
  relay.addBridge("test", (_host: BridgeHost) => plan.aroundMailbox?.(mailbox) ?? mailbox);
  const events: Telemetry[] = [];
  relay.listen((event) => events.push(event));
  await relay.start();
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await relay.stop();
    await spool.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { name: plan.name, identity, relay, spool, mailbox, events, folder, stop };
}

/** A medium between two stations of this process. */
export function medium(
  profile: MemoryProfile = memoryProfiles.stream,
  on: { readonly clock: Clock; readonly rng: Rng } = { clock, rng },
): {
  readonly air: MemoryMedium;
  bearer(station: string): Bearer;
} {
  const air = createMemoryMedium({ ...on, profile });
  const host = bearerHost({ ...on, log: () => undefined });
  return { air, bearer: (station) => memory.create(memory.parse({ medium: air, station }), host) };
}

export function mail(
  from: string,
  to: string,
  subject: string,
  body = "All is well on board.\r\n",
): Uint8Array {
  return new TextEncoder().encode(
    `From: <${from}>\r\nTo: <${to}>\r\nSubject: ${subject}\r\nDate: Sat, 21 Nov 2026 11:00:00 +0000\r\nMessage-ID: <${subject.replace(/\W/g, "-")}@test.example>\r\n\r\n${body}`,
  );
}

export function submission(
  from: string,
  to: readonly string[],
  subject: string,
  more: Partial<Submission> = {},
): Submission {
  return {
    account: "crew",
    from,
    to,
    content: { kind: "mail", rfc5322: mail(from, to[0] ?? "", subject) },
    class: "normal",
    lifetimeS: null,
    receipt: false,
    ...more,
  };
}

/** Waits until `ready` says something; fails with `what` when it does not within `withinMs`. */
export async function until<T>(
  ready: () => T | Promise<T>,
  what: string,
  withinMs = 15_000,
): Promise<Exclude<NonNullable<T>, false>> {
  const endMs = Date.now() + withinMs;
  for (;;) {
    const value = await ready();
    if (value) return value as Exclude<NonNullable<T>, false>;
    if (Date.now() > endMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
