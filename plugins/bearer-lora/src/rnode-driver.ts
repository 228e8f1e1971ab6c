import { SlipReader, slipEncode } from "@estafette/framing";
import type { LoraDriver, Module, ModuleEvent } from "./driver.js";
import { LORA_LIMITS } from "./limits.js";
import type { Modulation } from "./modulation.js";

/*
 *   C0 command data… C0        escapes as in KISS: C0 → DB DC, DB → DB DD
 *
 * RNode firmware, 115200 bit/s. Each frame has a C0 of its own at both ends: after a data frame the firmware does not
 * take its closing C0 for the next one's opening.
 */

const COMMANDS = {
  data: 0x00,
  frequency: 0x01,
  bandwidth: 0x02,
  txPower: 0x03,
  spreadingFactor: 0x04,
  codingRate: 0x05,
  radioState: 0x06,
  detect: 0x08,
  leave: 0x0a,
  longAirtimeLock: 0x0c,
  sentCount: 0x22,
  firmware: 0x50,
  error: 0x90,
} as const;

/** Errors by their number. */
const ERRORS: Readonly<Record<number, string>> = {
  1: "the board cannot start its radio",
  2: "a transmission failed",
  3: "the board's settings are locked",
  5: "the board is short of memory",
  6: "the board's modem does not answer",
};

export const rnodeDriver: LoraDriver = {
  packetSizes(payloadBytes) {
    if (payloadBytes <= HALF_BYTES) return [payloadBytes + 1];
    return [HALF_BYTES + 1, payloadBytes - HALF_BYTES + 1];
  },

  reader() {
    const slip = new SlipReader(LORA_LIMITS.frameBytesMax);
    return { push: (bytes) => slip.push(bytes).flatMap(eventOf) };
  },

  async start(module, modulation, airtimeMsPerHourMax) {
    await module.pause(LORA_LIMITS.bootMs);
    if (!(await ask(module, COMMANDS.detect, [0x73], ([value]) => value === 0x46)))
      return "no RNode answers on this port";
    const firmware = await asked(module, COMMANDS.firmware, [0]);
    const [major = 0, minor = 0] = firmware ?? [];
    if (major < 1 || (major === 1 && minor < FIRMWARE_MINOR_MIN))
      return `the RNode's firmware is ${major}.${minor}; it must be 1.${FIRMWARE_MINOR_MIN} or later`;
    for (const [name, command, bytes, isEcho] of settingsOf(modulation, airtimeMsPerHourMax)) {
      if (!(await ask(module, command, bytes, isEcho))) return `the board does not take our ${name}`;
    }
    const isOn = await ask(module, COMMANDS.radioState, [1], ([state]) => state === 1);
    return isOn ? null : "the board cannot start its radio";
  },

  encode: (payload) => frame(COMMANDS.data, payload),

  async sentCount(module) {
    const data = await asked(module, COMMANDS.sentCount, [0]);
    return data?.length === 4 ? numberOf(data) : null;
  },

  isAlive: (module) => ask(module, COMMANDS.radioState, [QUERY], ([state]) => state === 1),

  farewell: () => Uint8Array.of(...frame(COMMANDS.radioState, [0]), ...frame(COMMANDS.leave, [QUERY])),
};

type Setting = readonly [
  name: string,
  command: number,
  bytes: readonly number[],
  isEcho: (data: Uint8Array) => boolean,
];

/** What is set, in the order the board wants it, and how its echo is judged: it echoes what it really took. */
function settingsOf(modulation: Modulation, airtimeMsPerHourMax: number): readonly Setting[] {
  const { frequencyHz, bandwidthHz, txPowerDbm, spreadingFactor, codingRate } = modulation;
  const near = (data: Uint8Array): boolean =>
    data.length === 4 && Math.abs(numberOf(data) - frequencyHz) <= FREQUENCY_TOLERANCE_HZ;
  const equals =
    (value: number) =>
    (data: Uint8Array): boolean =>
      numberOf(data) === value;
  // Hundredths of a percent, rounded up: ours is the budget, the board's is behind it.
  const lock = Math.min(10_000, Math.ceil(airtimeMsPerHourMax / 360));
  return [
    [`frequency of ${frequencyHz} Hz`, COMMANDS.frequency, bigEndian(frequencyHz, 4), near],
    [`bandwidth of ${bandwidthHz} Hz`, COMMANDS.bandwidth, bigEndian(bandwidthHz, 4), equals(bandwidthHz)],
    [`power of ${txPowerDbm} dBm`, COMMANDS.txPower, [txPowerDbm], equals(txPowerDbm)],
    [
      `spreading factor ${spreadingFactor}`,
      COMMANDS.spreadingFactor,
      [spreadingFactor],
      equals(spreadingFactor),
    ],
    [`coding rate ${codingRate}`, COMMANDS.codingRate, [codingRate], equals(codingRate)],
    ["airtime limit", COMMANDS.longAirtimeLock, bigEndian(lock, 2), equals(lock)],
  ];
}

/** Asks up to three times; false when no answer, or the last one, does not satisfy. */
async function ask(
  module: Module,
  command: number,
  bytes: readonly number[],
  satisfies: (data: Uint8Array) => boolean,
): Promise<boolean> {
  const data = await asked(module, command, bytes);
  return data !== null && satisfies(data);
}

/** The data of the answer; null: there was none. */
async function asked(module: Module, command: number, bytes: readonly number[]): Promise<Uint8Array | null> {
  for (let attempt = 0; attempt < LORA_LIMITS.questionsMax; attempt++) {
    const expectation = module.expect(
      (event) => event.type === "answer" && event.command === command,
      LORA_LIMITS.answerMsMax,
    );
    if (!(await module.write(frame(command, bytes)))) expectation.cancel();
    const answer = await expectation.answer;
    if (answer === "gone") return null;
    if (answer !== "silent" && answer.type === "answer") return answer.data;
  }
  return null;
}

function eventOf(body: Uint8Array): readonly ModuleEvent[] {
  const [command, first = 0] = body;
  const data = body.slice(1);
  if (command === undefined || data.length === 0) return [];
  if (command === COMMANDS.data)
    return data.length <= LORA_LIMITS.rnodePayloadBytesMax ? [{ type: "heard", payload: data }] : [];
  if (command !== COMMANDS.error) return [{ type: "answer", command, data }];
  if (first === QUEUE_FULL) return [{ type: "full" }];
  return [{ type: "failed", why: ERRORS[first] ?? `the board reports error ${first}` }];
}

function frame(command: number, data: ArrayLike<number>): Uint8Array {
  return slipEncode(Uint8Array.of(command, ...Array.from(data)));
}

function bigEndian(value: number, byteCount: number): number[] {
  return Array.from({ length: byteCount }, (_, at) => (value >>> (8 * (byteCount - 1 - at))) & 0xff);
}

function numberOf(data: Uint8Array): number {
  return data.reduce((sum, byte) => sum * 256 + byte, 0);
}

const QUERY = 0xff;
const QUEUE_FULL = 4;
/** What one LoRa packet carries, beside a header byte. */
const HALF_BYTES = 254;
const FREQUENCY_TOLERANCE_HZ = 100;
const FIRMWARE_MINOR_MIN = 52;
