import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { type Bearer, type BearerEvent, type ConfigError, sleep } from "@estafette/contract";
import { MqttBroker, type MqttBrokerOptions } from "@estafette/emulators";
import { bearerHost, systemClock, systemRng } from "@estafette/runtime";
import { afterEach, describe, expect, it } from "vitest";
import mqttPlugin from "./index.js";

const clock = systemClock();
const logs: string[] = [];
const host = bearerHost({
  clock,
  rng: systemRng(),
  log: (_, message, fields) => logs.push(`${message} ${JSON.stringify(fields)}`),
});
const closing: (() => unknown)[] = [];
afterEach(async () => {
  logs.length = 0;
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(options: Partial<MqttBrokerOptions> = {}) {
  const broker = new MqttBroker({ clock, ...options });
  const url = await broker.start();
  closing.push(() => broker.stop(true));
  return { broker, url };
}

function make(broker: string, name: string, other: string, more: object = {}): Bearer {
  return mqttPlugin.create(mqttPlugin.parse({ broker, name, with: [other], willDelayS: 0, ...more }), host);
}

function run(bearer: Bearer) {
  const events: BearerEvent[] = [];
  const stop = new AbortController();
  const state: { error: unknown } = { error: null };
  const over = (async () => {
    try {
      for await (const event of bearer.run(stop.signal)) {
        events.push(event);
        if (event.type === "heard") await bearer.settle(event.parcelId, "accepted");
      }
    } catch (error) {
      state.error = error;
    }
  })();
  const end = async () => {
    stop.abort();
    await over;
  };
  closing.push(end);
  const types = () => events.map((event) => event.type);
  return { events, types, state, over, end };
}

async function until(ready: () => boolean): Promise<void> {
  for (let step = 0; step < 500 && !ready(); step++) await sleep(clock, 10);
  expect(ready()).toBe(true);
}

const { signal } = new AbortController();
const parcel = (to: string, byteCount = 50) => ({ to, bytes: new Uint8Array(byteCount).fill(7) });

describe("a broker", () => {
  it("tells the others when one leaves, by its goodbye and by its last will, and when it is back", async () => {
    const { broker, url } = await start();
    const ship = run(make(url, "ship", "shore"));
    const shoreBearer = make(url, "shore", "ship");
    const shore = run(shoreBearer);
    await until(() => ship.types().includes("up") && shore.types().includes("up"));
    await shore.end();
    await until(() => ship.events.at(-1)?.type === "down");
    const again = run(shoreBearer);
    await until(() => ship.events.at(-1)?.type === "up" && again.types().includes("up"));
    broker.drop("estafette-shore");
    await until(() => ship.events.at(-1)?.type === "down");
    await again.over;
    const third = run(shoreBearer);
    await until(() => ship.events.at(-1)?.type === "up" && third.types().includes("up"));
    await until(() => broker.waitingFor("estafette-ship") === 0);
  });

  it("keeps parcels for one who is away", async () => {
    const { broker, url } = await start();
    const shoreBearer = make(url, "shore", "ship");
    const shore = run(shoreBearer);
    await until(() => shore.types().includes("up"));
    await shore.end();
    for (const message of ["one", "two"])
      broker.inject("estafette/parcel/shore/ship", new TextEncoder().encode(message));
    expect(broker.waitingFor("estafette-shore")).toBe(2);
    const again = run(shoreBearer);
    await until(() => again.types().filter((type) => type === "heard").length === 2);
    await until(() => broker.waitingFor("estafette-shore") === 0);
  });

  it("says that nobody reads a topic: the parcel is not taken for sent", async () => {
    const { url } = await start();
    const ship = make(url, "ship", "shore");
    const running = run(ship);
    await until(() => running.types().includes("up"));
    expect(await ship.send(parcel("shore"), signal)).toMatchObject({
      outcome: "deferred",
      why: "no-contact",
    });
  });

  it("refuses a wrong login", async () => {
    const { url } = await start({ login: { username: "crew", password: "secret" } });
    const stranger = run(make(url, "ship", "shore", { username: "crew", password: "guess" }));
    await stranger.over;
    expect(stranger.state.error).toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
    const crew = run(make(url, "ship", "shore", { username: "crew", password: "secret" }));
    await until(() => crew.types().includes("up"));
  });

  it("with a small packet limit makes parcels smaller, and says so before anybody is up", async () => {
    const { url } = await start({ packetBytesMax: 1_256 });
    const ship = make(url, "ship", "shore");
    const running = run(ship);
    await until(() => running.types().includes("up"));
    expect(running.types()).toEqual(["capabilities", "up"]);
    expect(ship.capabilities.parcelBytesMax).toBe(1_000);
    expect(await ship.send(parcel("shore", 1_001), signal)).toEqual({ outcome: "refused", why: "too-large" });
    const shore = run(make(url, "shore", "ship"));
    await until(() => shore.types().includes("up"));
    expect(await ship.send(parcel("shore", 1_000), signal)).toEqual({ outcome: "acknowledged" });
    await until(() => shore.types().includes("heard"));
  });

  it("throws out the earlier of two clients of one name, and the log says why", async () => {
    const { url } = await start();
    const first = run(make(url, "ship", "shore"));
    await until(() => first.types().includes("up"));
    const second = run(make(url, "ship", "shore"));
    await until(() => second.types().includes("up"));
    await first.over;
    expect(first.state.error).toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
    expect(logs.join()).toContain("another client took our name");
  });

  it("gets what was answered `later` again on the next connection", async () => {
    const { broker, url } = await start();
    const bearer = make(url, "shore", "ship");
    const verdicts = ["later", "accepted"] as const;
    const heard: string[] = [];
    for (const verdict of verdicts) {
      const attempt = (async () => {
        for await (const event of bearer.run(signal)) {
          if (event.type === "up") broker.inject("estafette/parcel/shore/ship", Uint8Array.of(1, 2));
          if (event.type !== "heard") continue;
          heard.push(verdict);
          await bearer.settle(event.parcelId, verdict);
          if (verdict === "accepted") return;
        }
      })();
      if (verdict === "later")
        await expect(attempt).rejects.toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
      else await attempt;
    }
    expect(heard).toEqual(["later", "accepted"]);
  });

  it.skipIf(spawnSync("openssl", ["version"]).status !== 0)(
    "is spoken to through TLS, and only when its certificate is the right one",
    async () => {
      const { url } = await start();
      const folder = mkdtempSync(join(tmpdir(), "est-mqtt-"));
      closing.push(() => rmSync(folder, { recursive: true, force: true }));
      const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
      const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
      execFileSync(
        "openssl",
        [
          "req",
          "-x509",
          "-newkey",
          "rsa:2048",
          "-nodes",
          "-days",
          "2",
          "-keyout",
          keyFile,
          "-out",
          certFile,
          ...subject,
        ],
        { stdio: "ignore" },
      );
      const cert = readFileSync(certFile, "utf8");
      const tls = createServer({ key: readFileSync(keyFile), cert }, (socket) => {
        const behind = connect(Number(url.split(":").at(-1)), "127.0.0.1");
        for (const one of [socket, behind]) one.on("error", () => one.destroy());
        socket.pipe(behind).pipe(socket);
      });
      await new Promise<void>((resolve) => tls.listen(0, "127.0.0.1", resolve));
      closing.push(() => new Promise((resolve) => tls.close(resolve)));
      const bound = tls.address();
      const secure = `mqtts://localhost:${typeof bound === "object" && bound ? bound.port : 0}`;
      const trusting = run(make(secure, "ship", "shore", { ca: cert }));
      await until(() => trusting.types().includes("up"));
      const doubting = run(make(secure, "shore", "ship"));
      await doubting.over;
      expect(doubting.types()).toEqual([]);
      await trusting.end();
    },
  );
});

describe("the configuration", () => {
  it.each([
    [{}, "name"],
    [{ name: "ship" }, "with"],
    [{ name: "ship", with: "shore", broker: "http://x" }, "broker"],
    [{ name: "ship", with: "shore", broker: "mqtt://user:pass@host" }, "broker"],
    [{ name: "ship", with: "shore", prefix: "a/b" }, "prefix"],
    [{ name: "ship", with: "shore", keepaliveS: 1 }, "keepaliveS"],
    [{ name: "ship", with: "shore", ca: "PEM" }, "ca"],
    [{ name: "ship", with: "shore", broker: "mqtts://host", cert: "PEM" }, "key"],
    [{ name: "ship", with: "shore", topic: "x" }, "topic"],
  ])("%j is refused at %s", (raw, key) => {
    try {
      mqttPlugin.parse({ broker: "mqtt://127.0.0.1:1883", ...raw });
      expect.fail("accepted");
    } catch (error) {
      expect((error as ConfigError).place?.key).toBe(key);
    }
  });
});
