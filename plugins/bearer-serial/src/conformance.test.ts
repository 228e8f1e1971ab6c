import { spawnSync } from "node:child_process";
import {
  type BearerWorld,
  countingClock,
  describeBearer,
  seededRng,
  VirtualClock,
} from "@estafette/conformance";
import { type BearerHost, type Clock, sleep } from "@estafette/contract";
import { createRadioPair, type RadioOptions, type Side, startRadioOnTerminals } from "@estafette/emulators";
import { encodeSerialFrame } from "@estafette/framing";
import { bearerHost, systemClock, systemRng } from "@estafette/runtime";
import serialPlugin from "./index.js";

const RADIO: Partial<RadioOptions> = { bitsPerSecond: 1_200, turnaroundMs: 100, seed: 5 };
const PYTHON_IS_MISSING = spawnSync("python3", ["-c", "import pty"]).status !== 0;

describeBearer("serial over an emulated radio", () => emulated({}));
describeBearer("serial over a radio that loses and damages frames", () =>
  emulated({ frameLoss: 0.15, bitErrorRate: 0.0001 }),
);
describeBearer("serial with an airtime budget", () => emulated({}, { airtimeMsPerHourMax: 36_000 }));
describeBearer("serial over pseudo-terminals", onTerminals, PYTHON_IS_MISSING ? "python3 is missing" : null);

async function emulated(radioOptions: Partial<RadioOptions>, config: object = {}): Promise<BearerWorld> {
  const airClock = new VirtualClock();
  const clock = countingClock(airClock);
  const radio = createRadioPair({ ...RADIO, ...radioOptions, clock: airClock });
  const end = (side: Side) => {
    const host: BearerHost = {
      clock,
      rng: seededRng(3),
      log() {},
      open: async () => radio.open(side),
      listen: () => Promise.reject(new Error("a serial bearer does not listen")),
    };
    return serialPlugin.create(parse(`/dev/modem-${side}`, config), host);
  };
  return {
    a: end("a"),
    b: end("b"),
    patienceMs: 120_000,
    advance: (durationMs) => airClock.advance(durationMs),
    pendingTimers: () => clock.pendingTimers,
    cut: () => radio.setCut(true),
    restore: () => radio.setCut(false),
    injectTowardsA: (bytes) => radio.inject("a", bytes),
    frame: encodeSerialFrame,
    async close() {
      radio.close();
    },
  };
}

/** The air runs a hundred times faster than the 1 200 bit/s it emulates; the computers pace themselves to that. */
async function onTerminals(): Promise<BearerWorld> {
  const clock: Clock & { readonly pendingTimers: number } = countingClock(systemClock());
  const host = bearerHost({ clock, rng: systemRng(), log() {} });
  const modems = await startRadioOnTerminals({ ...RADIO, timeScale: 100, clock: systemClock() });
  const paced = { bitsPerSecond: 120_000, turnaroundMs: 1 };
  const make = (side: Side) => serialPlugin.create(parse(modems.paths[side], paced), host);
  return {
    a: make("a"),
    b: make("b"),
    patienceMs: 12_000,
    advance: (durationMs) => sleep(systemClock(), Math.min(durationMs, 250)),
    pendingTimers: () => clock.pendingTimers,
    cut: () => modems.radio.setCut(true),
    restore: () => modems.radio.setCut(false),
    injectTowardsA: (bytes) => modems.radio.inject("a", bytes),
    frame: encodeSerialFrame,
    async close() {
      modems.close();
    },
  };
}

function parse(port: string, config: object) {
  const raw = { port, bitsPerSecond: 1_200, turnaroundMs: 100, ...config };
  return serialPlugin.parse(raw);
}
