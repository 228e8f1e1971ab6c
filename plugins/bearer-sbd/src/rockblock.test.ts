import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { type Bearer, type BearerEvent, sleep } from "@estafette/contract";
import {
  deliverByWebHook,
  type RockBlockSite,
  SbdGateway,
  SbdModem,
  sbdOnTerminal,
  startRockBlockSite,
} from "@estafette/emulators";
import { bearerHost, systemClock, systemRng } from "@estafette/runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import sbdPlugin from "./index.js";

/* A modem on a real pseudo-terminal, and the reseller's web service on real sockets; the sky runs a hundred times faster. */
const IMEI = "300434060000001";
const PYTHON_IS_MISSING = spawnSync("python3", ["-c", "import pty"]).status !== 0;
const clock = systemClock();
const host = bearerHost({ clock, rng: systemRng(), log() {} });
const closing: (() => void | Promise<void>)[] = [];
let gateway: SbdGateway;
let service: RockBlockSite;
let hookPort = 0;

beforeEach(async () => {
  hookPort = await freePort();
  const deliver = deliverByWebHook(`http://127.0.0.1:${hookPort}/secret-hook`);
  gateway = new SbdGateway({ clock, deliver, timeScale: 100, copies: 2 });
  service = await startRockBlockSite(gateway, { username: "crew", password: "p&q" });
  closing.push(
    () => gateway.close(),
    () => service.close(),
  );
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof bound === "object" && bound ? bound.port : 0;
}

function run(bearer: Bearer, verdict: "accepted" | "later" = "accepted") {
  const events: BearerEvent[] = [];
  const stop = new AbortController();
  const over = (async () => {
    for await (const event of bearer.run(stop.signal)) {
      events.push(event);
      if (event.type === "heard") await bearer.settle(event.parcelId, verdict);
    }
  })();
  closing.push(async () => {
    stop.abort();
    await over;
  });
  return {
    heard: () =>
      events.flatMap((event) => (event.type === "heard" ? [Buffer.from(event.bytes).toString()] : [])),
    events,
  };
}

async function until(ready: () => boolean): Promise<void> {
  for (let step = 0; step < 500 && !ready(); step++) await sleep(clock, 20);
  expect(ready()).toBe(true);
}

function ashore(more: object = {}): Bearer {
  const login = { username: "crew", password: "p&q" };
  const listen = `127.0.0.1:${hookPort}`;
  const raw = {
    role: "rockblock",
    imeis: [IMEI],
    listen,
    path: "/secret-hook",
    service: service.url,
    ...login,
    ...more,
  };
  return sbdPlugin.create(sbdPlugin.parse(raw), host);
}

const { signal } = new AbortController();

describe("the RockBLOCK web service", () => {
  it.skipIf(PYTHON_IS_MISSING)(
    "carries parcels between a modem on a pseudo-terminal and the shore, each once",
    async () => {
      const modem = new SbdModem({ clock, gateway, timeScale: 100, imei: IMEI });
      const terminal = await sbdOnTerminal(modem);
      closing.push(
        () => terminal.close(),
        () => modem.close(),
      );
      const ship = sbdPlugin.create(sbdPlugin.parse({ port: terminal.path, sessionGapMs: 10 }), host);
      const shore = ashore();
      const [aboard, land] = [run(ship), run(shore)];
      await until(() => aboard.events.length > 0 && land.events.length > 0);
      for (const words of ["one", "two"]) {
        const contact = await ship.contact({ to: "", purpose: "send", maxMs: 60_000 }, signal);
        expect(contact.outcome).toBe("open");
        const sent = await ship.send({ to: "", bytes: new TextEncoder().encode(words) }, signal);
        expect(sent).toEqual({ outcome: "acknowledged" });
      }
      await until(() => land.heard().length === 2 && gateway.undelivered === 0);
      expect(land.heard()).toEqual(["one", "two"]); // the service posted each twice
      const sent = await shore.send({ to: IMEI, bytes: new TextEncoder().encode("down") }, signal);
      expect(sent).toEqual({ outcome: "acknowledged" });
      await until(() => aboard.heard().length === 1); // by ring alert
      expect(aboard.heard()).toEqual(["down"]);
    },
  );

  it("is posted again what was not committed", async () => {
    const shore = ashore();
    const land = run(shore, "later");
    await until(() => land.events.length > 0);
    gateway.subscribe(IMEI, () => {});
    gateway.session(IMEI, 3, new TextEncoder().encode("again"), false);
    await until(() => land.heard().length >= 3);
    expect(gateway.undelivered).toBe(2);
  });

  it("says who is not on the account, and waits when the login is wrong", async () => {
    const shore = ashore();
    const land = run(shore);
    await until(() => land.events.length > 0);
    const parcel = { to: IMEI, bytes: Uint8Array.of(1) };
    expect(await shore.send(parcel, signal)).toEqual({ outcome: "refused", why: "unknown-neighbour" });
    const stranger = ashore({ password: "wrong", listen: `127.0.0.1:${await freePort()}` });
    const other = run(stranger);
    await until(() => other.events.length > 0);
    expect(await stranger.send(parcel, signal)).toMatchObject({ outcome: "deferred", why: "budget" });
  });
});
