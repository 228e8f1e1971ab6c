import { spawnSync } from "node:child_process";
import {
  type BearerWorld,
  countingClock,
  describeBearer,
  seededRng,
  VirtualClock,
} from "@estafette/conformance";
import { type BearerHost, type Clock, sleep } from "@estafette/contract";
import {
  createPacketRadio,
  type KissPortsOptions,
  PACKET_DEFECTS,
  type PacketOptions,
  startKissOnPorts,
} from "@estafette/emulators";
import { kissEncode } from "@estafette/framing";
import { bearerHost, systemClock, systemRng } from "@estafette/runtime";
import { encodeUi } from "./ax25.js";
import kissPlugin from "./index.js";

const PYTHON_IS_MISSING = spawnSync("python3", ["-c", "import pty"]).status !== 0;
const CALLS = ["N0AAA-1", "N0BBB"] as const;

describeBearer("kiss over emulated TNCs", () => emulated({}));
describeBearer("kiss over a channel that loses frames, and TNCs with every fault", () =>
  emulated({ frameLoss: 0.1, bitErrorRate: 0.00002, defects: PACKET_DEFECTS }),
);
describeBearer("kiss with an airtime budget and an identification", () =>
  emulated({}, { airtimeMsPerHourMax: 60_000, idIntervalMs: 60_000 }),
);
describeBearer("kiss over sockets", () => onPorts({ tcpPorts: [0, 0] }));
describeBearer(
  "kiss over pseudo-terminals",
  () => onPorts({ terminalPaths: ["", ""] }),
  PYTHON_IS_MISSING ? "python3 is missing" : null,
);

async function emulated(options: Partial<PacketOptions>, config: object = {}): Promise<BearerWorld> {
  const airClock = new VirtualClock();
  const clock = countingClock(airClock);
  const radio = createPacketRadio({ seed: 5, ...options, clock: airClock });
  const end = (station: 0 | 1) => {
    const host: BearerHost = {
      clock,
      rng: seededRng(3),
      log() {},
      open: async () => radio.open(station),
      listen: () => Promise.reject(new Error("a TNC is not listened for")),
    };
    return kissPlugin.create(parse(station, { connect: "tnc:8001", ...config }), host);
  };
  return {
    a: end(0),
    b: end(1),
    patienceMs: 240_000,
    advance: (durationMs) => airClock.advance(durationMs),
    pendingTimers: () => clock.pendingTimers,
    cut: () => radio.setCut(true),
    restore: () => radio.setCut(false),
    injectTowardsA: (bytes) => radio.inject(0, bytes),
    frame: frameForA,
    checksFrames: false,
    async close() {
      radio.close();
    },
  };
}

/** The air runs a hundred times faster than 1 200 bit/s; the computers pace themselves to that. */
async function onPorts(ports: Partial<KissPortsOptions>): Promise<BearerWorld> {
  const clock: Clock & { readonly pendingTimers: number } = countingClock(systemClock());
  const host = bearerHost({ clock, rng: systemRng(), log() {} });
  const bench = await startKissOnPorts({ ...ports, seed: 5, timeScale: 100, clock: systemClock() });
  const paced = { bitsPerSecond: 120_000, txDelayMs: 10, txTailMs: 0, slotTimeMs: 10 };
  const end = (station: 0 | 1) => {
    const socket = bench.sockets[station];
    const place = socket ? { connect: socket } : { port: bench.terminals[station] };
    return kissPlugin.create(parse(station, { ...paced, ...place }), host);
  };
  return {
    a: end(0),
    b: end(1),
    patienceMs: 12_000,
    advance: (durationMs) => sleep(systemClock(), Math.min(durationMs, 250)),
    pendingTimers: () => clock.pendingTimers,
    cut: () => bench.radio.setCut(true),
    restore: () => bench.radio.setCut(false),
    injectTowardsA: (bytes) => bench.radio.inject(0, bytes),
    frame: frameForA,
    checksFrames: false,
    close: () => bench.close(),
  };
}

function parse(station: 0 | 1, config: object) {
  return kissPlugin.parse({ stationId: CALLS[station], stations: [CALLS[1 - station]], ...config });
}

function frameForA(info: Uint8Array): Uint8Array {
  const [destination, source] = [
    { call: "N0AAA", ssid: 1 },
    { call: "N0BBB", ssid: 0 },
  ];
  return kissEncode({ port: 0, command: 0, data: encodeUi({ destination, source, via: [], info }) });
}
