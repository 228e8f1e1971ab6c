import { writeFileSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { join } from "node:path";
import mqtt from "@estafette/bearer-mqtt";
import { type BearerWorld, countingClock, describeBearer } from "@estafette/conformance";
import { sleep } from "@estafette/contract";
import { bearerHost, systemClock, systemRng } from "@estafette/runtime";
import { needs } from "../report/require.js";
import { type Child, PATIENCE_MS, shortFolder, startChild, whenReady } from "./child.js";
import { freePorts } from "./ports.js";

/* The bearer suite on Debian's Mosquitto, which is not ours: sessions, expiry, manual acknowledgement, wills. */
const isMissing = needs("mosquitto").skip;

describeBearer("mqtt over Mosquitto", onMosquitto, isMissing ? "mosquitto is not installed" : null);

async function onMosquitto(): Promise<BearerWorld> {
  const { child, port } = await startMosquitto();
  const line = await startLine(port);
  const clock = countingClock(systemClock());
  const host = bearerHost({ clock, rng: systemRng(), log() {} });
  const end = (name: string, other: string) => {
    const raw = { broker: `mqtt://127.0.0.1:${line.port}`, name, with: [other], willDelayS: 0 };
    return mqtt.create(mqtt.parse(raw), host);
  };
  return {
    a: end("ship", "shore"),
    b: end("shore", "ship"),
    patienceMs: 12_000,
    advance: (durationMs) => sleep(systemClock(), Math.min(durationMs, 100)),
    pendingTimers: () => clock.pendingTimers,
    cut: () => line.setCut(true),
    restore: () => line.setCut(false),
    keepsUnsettled: true,
    async close() {
      await line.close();
      await child.stop();
    },
  };
}

async function startMosquitto(): Promise<{ readonly child: Child; readonly port: number }> {
  const [port = 0] = await freePorts(1);
  const folder = shortFolder("mosquitto");
  const config = join(folder, "mosquitto.conf");
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
  const command = ["mosquitto", "-c", config] as const;
  const child = startChild({ command, folder, logFile: join(folder, "none") });
  await whenReady(child, connects(port));
  return { child, port };
}

async function connects(port: number): Promise<void> {
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; ) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = createConnection({ host: "127.0.0.1", port }, () => resolve(true));
      socket.once("error", () => resolve(false));
      socket.once("connect", () => socket.end());
    });
    if (isOpen) return;
    await sleep(systemClock(), 50);
  }
  throw new Error(`nothing listens on port ${port}`);
}

/** A cable to the broker that can be cut. */
async function startLine(brokerPort: number) {
  const sockets = new Set<Socket>();
  let cut = false;
  const server = createServer((near) => {
    if (cut) {
      near.destroy();
      return;
    }
    const far = createConnection({ host: "127.0.0.1", port: brokerPort });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("error", () => one.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  const dropAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: typeof bound === "object" && bound ? bound.port : 0,
    setCut(isCut: boolean): void {
      cut = isCut;
      if (cut) dropAll();
    },
    async close(): Promise<void> {
      dropAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
