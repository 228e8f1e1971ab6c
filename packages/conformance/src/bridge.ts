import { type Bridge, type BridgeHost, type Delivery, InvariantError } from "@estafette/contract";
import { afterEach, describe, expect, it } from "vitest";
import { MemoryCore } from "./bridge-core.js";
import { describeDelivery } from "./bridge-delivery.js";
import { describeDoors } from "./bridge-doors.js";
import { OutsideServer } from "./bridge-talk.js";

/** What a bridge under test is given. */
export interface BridgeWorld {
  readonly host: BridgeHost;
  /** `host:port` of a mail server (SMTP or LMTP, as greeted) that stands for the mail store, and for the internet. */
  readonly mailbox: string;
  readonly internet: string;
}

/** A bridge made for one test, configured to serve the cast of {@link MemoryCore}, every listener on port 0. */
export interface BridgeUnderTest {
  readonly bridge: Bridge;
  /** Names, in the answer of `start`, of listeners that speak mail; missing: this bridge has none. */
  readonly submission?: string;
  readonly inbound?: { readonly name: string; readonly protocol: "smtp" | "lmtp" };
  /** How it reaches the mail store: LMTP answers per recipient. Missing: it delivers to no mailbox server. */
  readonly mailbox?: "smtp" | "lmtp";
  /** Bytes of the largest mail it takes. */
  readonly sizeBytesMax: number;
}

/** Makes a bridge; `without` names a capability its configuration shall leave out. */
export type BridgeSetup = (world: BridgeWorld, without?: "internet" | "mailbox") => BridgeUnderTest;

/** One running bridge and everything around it. */
export interface Running extends BridgeUnderTest {
  readonly core: MemoryCore;
  readonly mailboxServer: OutsideServer;
  readonly internetServer: OutsideServer;
  readonly addresses: Readonly<Record<string, string>>;
  stop(): void;
}

export type Start = (without?: "internet" | "mailbox") => Promise<Running>;

/**
 * The suite every bridge must pass: it keeps before it confirms, refuses with the codes of the refusal table, cannot
 * be used as a relay or to smuggle, hands over what it was given, and is honest about what it could not do.
 */
export function describeBridge(name: string, setup: BridgeSetup): void {
  describe(`bridge ${name}`, () => {
    const running: Running[] = [];
    const start: Start = async (without) => {
      const one = await begin(setup, without);
      running.push(one);
      return one;
    };
    afterEach(() => {
      for (const one of running.splice(0)) one.stop();
    });
    describeLife(start);
    describeDoors(start);
    describeDelivery(start);
  });
}

async function begin(setup: BridgeSetup, without?: "internet" | "mailbox"): Promise<Running> {
  const core = new MemoryCore();
  const mailboxServer = await OutsideServer.open();
  const internetServer = await OutsideServer.open();
  const world = { host: core, mailbox: mailboxServer.address, internet: internetServer.address };
  const made = setup(world, without);
  const life = new AbortController();
  const addresses = await made.bridge.start(life.signal);
  const stop = (): void => {
    life.abort();
    mailboxServer.close();
    internetServer.close();
  };
  return { ...made, core, mailboxServer, internetServer, addresses, stop };
}

function describeLife(start: Start): void {
  it("names what it bound, and lets go when told", async () => {
    const { addresses, stop } = await start();
    for (const address of Object.values(addresses))
      expect(address).toMatch(/^(?:\[[0-9a-f:]+\]|[0-9.]+):[1-9]\d*$/);
    stop();
    const { Talk } = await import("./bridge-talk.js");
    for (const address of Object.values(addresses)) {
      const talk = await Talk.open(address);
      expect(await talk.rest()).toBe("");
    }
  });

  it.each(["internet", "mailbox"] as const)(
    "does not offer %s when it cannot, and refuses to be asked",
    async (kind) => {
      const { bridge, mailboxServer, internetServer } = await start(kind);
      expect(bridge.delivers).not.toContain(kind);
      const asked = bridge.deliver(deliveryOf({ kind }), new AbortController().signal);
      await expect(asked).rejects.toThrow(InvariantError);
      expect([...mailboxServer.mails, ...internetServer.mails]).toEqual([]);
    },
  );
}

/** A delivery with everything usual but what a test is about. */
export function deliveryOf(about: Partial<Delivery>): Delivery {
  const text = "From: ben@shore.example\r\nTo: anna@ship.example\r\nSubject: hello\r\n\r\nHello.\r\n";
  return {
    deliveryId: "K3J7-0001",
    kind: "mailbox",
    from: "ben@shore.example",
    to: ["anna@ship.example"],
    rfc5322: new TextEncoder().encode(text),
    possibleDuplicate: false,
    ...about,
  };
}
