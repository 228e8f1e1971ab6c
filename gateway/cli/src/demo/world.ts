import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatKey, parseConfig } from "@estafette/config";
import { type Clock, invariant } from "@estafette/contract";
import { createLog, type Gateway, openState, startGateway } from "@estafette/daemon";
import { createRadioPair, type RadioPair, type Side } from "@estafette/emulators";
import { systemClock, systemRng } from "@estafette/runtime";

/*
 *   mail program ─SMTP─► aurora ═serial═ modem )))  ((( modem ═serial═ shore ─► maildir
 *
 * The gateways are the real ones; only the two modems and the air between them are emulated.
 */
export interface DemoOptions {
  readonly seed: number;
  /** Part of the frames that is lost [0…0.6]. */
  readonly frameLoss: number;
  /** The air runs so many times faster than at sea [1…100]. */
  readonly speed: number;
  /** First choice for the submission port of aurora; another one when it is taken. */
  readonly port: number;
}

export interface DemoWorld {
  readonly directory: string;
  readonly clock: Clock;
  readonly radio: RadioPair;
  readonly aurora: Party;
  readonly shore: Party;
  /** Stops everything and removes the folder. */
  close(): Promise<void>;
}

/** One gateway and the person at it. */
export interface Party {
  readonly gateway: Gateway;
  readonly user: string;
  readonly password: string;
  readonly address: string;
  /** `host:port` where its mail program hands in mail. */
  readonly submission: { readonly host: string; readonly port: number };
  /** Maildir of `user`. */
  readonly mailbox: string;
}

const RADIO = { bitsPerSecond: 1_200, turnaroundMs: 200 } as const;

interface PartyPlan {
  readonly name: "aurora" | "shore";
  readonly domain: string;
  readonly user: string;
  readonly side: Side;
  readonly port: number;
  readonly directory: string;
}

/** Starts both gateways in a temporary folder. What was started before a failure is stopped again. */
export async function createDemoWorld(options: DemoOptions): Promise<DemoWorld> {
  const clock = systemClock();
  const directory = await mkdtemp(join(tmpdir(), "estafette-demo-"));
  const radio = createRadioPair({
    clock,
    ...RADIO,
    frameLoss: options.frameLoss,
    seed: options.seed,
    timeScale: options.speed,
  });
  const started: Gateway[] = [];
  const close = async (): Promise<void> => {
    await Promise.allSettled(started.map((gateway) => gateway.stop()));
    radio.close();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const plans: readonly PartyPlan[] = [
      {
        name: "aurora",
        domain: "aurora.example",
        user: "anna",
        side: "a",
        port: await freePort(options.port),
        directory,
      },
      {
        name: "shore",
        domain: "shore.example",
        user: "office",
        side: "b",
        port: await freePort(options.port + 1),
        directory,
      },
    ];
    const keys = await Promise.all(plans.map((plan) => rootKeyOf(plan)));
    const parties: Party[] = [];
    for (const [i, plan] of plans.entries()) {
      const [other, key] = [plans[1 - i], keys[1 - i]];
      invariant(other !== undefined && key !== undefined, "the demo has two parties");
      const party = await startParty({ plan, other, key, radio, clock, speed: options.speed });
      started.push(party.gateway);
      parties.push(party);
    }
    const [aurora, shore] = parties;
    invariant(aurora !== undefined && shore !== undefined, "the demo has two parties");
    return { directory, clock, radio, aurora, shore, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function rootKeyOf(plan: PartyPlan): Promise<string> {
  const { identity } = await openState(join(plan.directory, plan.name), systemRng());
  return formatKey(identity.keys.root);
}

async function startParty(parts: {
  plan: PartyPlan;
  other: PartyPlan;
  key: string;
  radio: RadioPair;
  clock: Clock;
  speed: number;
}): Promise<Party> {
  const { plan, other, key, radio, clock, speed } = parts;
  const password = Buffer.from(systemRng().bytes(9)).toString("base64url");
  const text = configText({ plan, other, key, speed });
  const config = parseConfig(text, join(plan.directory, `${plan.name}.yaml`), { secrets: () => password });
  const gateway = await startGateway({
    config,
    clock,
    log: createLog({ clock, debug: false, write: () => {} }),
    open: async () => radio.open(plan.side),
  });
  const bound = gateway.addresses.get("smtp")?.submission ?? "";
  const at = bound.lastIndexOf(":");
  return {
    gateway,
    user: plan.user,
    password,
    address: `${plan.user}@${plan.domain}`,
    submission: { host: bound.slice(0, at), port: Number(bound.slice(at + 1)) },
    mailbox: join(plan.directory, `${plan.name}-mail`, plan.user),
  };
}

function configText(parts: { plan: PartyPlan; other: PartyPlan; key: string; speed: number }): string {
  const { plan, other, key, speed } = parts;
  return `version: 1
node: {name: ${plan.name}, mail_domain: ${plan.domain}}
state: {directory: ${plan.name}, quota: 64 MB}
peers:
  ${other.name}: {key: ${key}, domains: [${other.domain}]}
links:
  radio:
    driver: serial
    peer: ${other.name}
    port: /dev/demo-radio-${plan.side}
    baud: 115200
    rate: ${RADIO.bitsPerSecond * speed} bit/s
    turnaround: ${Math.max(1, Math.round(RADIO.turnaroundMs / speed))} ms
    answer: ${Math.max(1, Math.round(250 / speed))} ms
    duplex: half
mail:
  submission: {listen: "127.0.0.1:${plan.port}", tls: none}
  mailbox: {maildir: "${plan.name}-mail/{user}"}
  size_max: 1 MB
users:
  ${plan.user}: {password: !secret demo}
retry: [1s, 2s, 5s]
`;
}

/** The wanted port, or one the system chooses when it is taken. */
function freePort(wanted: number): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(0));
    probe.listen({ host: "127.0.0.1", port: wanted, exclusive: true }, () =>
      probe.close(() => resolve(wanted)),
    );
  });
}
