import { decodeFromRadio, type FromRadio, StreamReader } from "@estafette/bearer-meshtastic";
import { VirtualClock } from "@estafette/conformance";
import { ProtocolError } from "@estafette/contract";
import { createMeshtasticMesh } from "@estafette/emulators";
import { toHex } from "@estafette/protocol";
import { beforeAll, describe, expect, it } from "vitest";

/** Cases; CI takes the default, a long run sets the variable. */
const CASES = Number(process.env.FUZZ_CASES ?? 2_000);
/** Noise and frames together, in bytes. */
const STREAM_BYTES = 10_000_000;

/** A small seeded generator (SplitMix32): a failing case is named by its number alone. */
function chance(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % bound;
  };
}

/** Messages as the emulated radio says them: a handshake, queue states, packets of 1 to 219 bytes. */
async function recordMessages(): Promise<Uint8Array[]> {
  const clock = new VirtualClock();
  const mesh = createMeshtasticMesh({ clock, preset: "ShortTurbo", region: "US", strangerCount: 5 });
  const [a, b] = [mesh.open(0), mesh.open(1)];
  let said: Uint8Array = new Uint8Array(0);
  void (async () => {
    for await (const bytes of b.readable) said = Uint8Array.of(...said, ...bytes);
  })();
  await b.write(Uint8Array.of(0x94, 0xc3, 0, 2, 0x18, 9));
  for (let size = 1; size <= 219; size += 7) {
    const payload = Array.from({ length: size }, (_, at) => (at * 31 + size) & 0xff);
    await a.write(packetTo(mesh.nums[1] ?? 0, size, payload));
    await b.write(Uint8Array.of(0x94, 0xc3, 0, 2, 0x3a, 0));
    await clock.advance(2_000);
  }
  mesh.close();
  const messages: Uint8Array[] = [];
  for (let at = 0; at < said.length; ) {
    const length = (said[at + 2] ?? 0) * 256 + (said[at + 3] ?? 0);
    messages.push(said.slice(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return messages;
}

/** ToRadio{packet{to, decoded{256, payload}, id}}, written by hand. */
function packetTo(num: number, id: number, payload: readonly number[]): Uint8Array {
  const u32 = (value: number) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
  const length = (count: number) => (count < 128 ? [count] : [(count & 0x7f) | 0x80, count >> 7]);
  const data = [0x08, 0x80, 0x02, 0x12, ...length(payload.length), ...payload];
  const packet = [0x15, ...u32(num), 0x22, ...length(data.length), ...data, 0x35, ...u32(id)];
  return framed([0x0a, ...length(packet.length), ...packet]);
}

function framed(message: ArrayLike<number>): Uint8Array {
  return Uint8Array.of(0x94, 0xc3, message.length >> 8, message.length & 0xff, ...Array.from(message));
}

function mutate(samples: readonly Uint8Array[], roll: (bound: number) => number): Uint8Array {
  if (roll(10) === 0) return Uint8Array.from({ length: roll(300) }, () => roll(256));
  const bytes = [...(samples[roll(samples.length)] ?? [])];
  for (let change = roll(4); change >= 0; change--) {
    const at = roll(bytes.length + 1);
    const kind = roll(5);
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << roll(8));
    else if (kind === 1) bytes[at] = [0, 1, 0x7f, 0x80, 0xff][roll(5)] ?? 0;
    else if (kind === 2) bytes.splice(at, roll(20));
    else if (kind === 3) bytes.splice(at, 0, ...Array.from({ length: 1 + roll(12) }, () => 0x80 + roll(128)));
    else bytes.splice(at, 0, ...(samples[roll(samples.length)]?.slice(0, roll(60)) ?? []));
  }
  return Uint8Array.from(bytes);
}

const payloadsOf = (messages: readonly FromRadio[]): string[] =>
  messages.flatMap((one) =>
    one.type === "packet" && one.packet.data ? [toHex(one.packet.data.payload)] : [],
  );

describe("what a Meshtastic radio says", () => {
  let samples: Uint8Array[] = [];
  beforeAll(async () => {
    samples = await recordMessages();
  });

  it(`${CASES} mutants: a message, or a ProtocolError`, () => {
    const kinds = new Set(samples.map((bytes) => decodeFromRadio(bytes).type));
    expect([...kinds].sort()).toEqual(
      [
        "channel",
        "config-complete",
        "lora",
        "metadata",
        "my-info",
        "node",
        "other",
        "packet",
        "queue-status",
      ].sort(),
    );
    let accepted = 0;
    for (let number = 0; number < CASES; number++) {
      const bytes = mutate(samples, chance(number * 2_654_435_761));
      const given = bytes.slice();
      try {
        decodeFromRadio(bytes);
        accepted++;
      } catch (error) {
        if (!(error instanceof ProtocolError))
          throw new Error(`case ${number}, input ${toHex(given)}`, { cause: error });
      }
      expect(bytes, `case ${number} changed its input`).toEqual(given);
    }
    expect(accepted).toBeGreaterThan(CASES / 100);
    expect(accepted).toBeLessThan(CASES);
  });

  it(`${CASES} mutated streams in any pieces: nothing is thrown, and a whole message comes through again`, () => {
    const packet = samples.findLast((bytes) => decodeFromRadio(bytes).type === "packet") ?? new Uint8Array(0);
    const wanted = payloadsOf([decodeFromRadio(packet)]);
    for (let number = 0; number < CASES; number++) {
      const roll = chance(number * 40_503 + 1);
      const reader = new StreamReader();
      const stream = mutate(samples.map(framed), roll);
      for (let at = 0; at < stream.length; ) {
        const piece = 1 + roll(50);
        reader.push(stream.slice(at, at + piece));
        at += piece;
      }
      // What was cut inside a payload may take the bytes it lacks from the next messages: 512 at most.
      const quiet = framed(new Uint8Array(0));
      let heard = reader.push(
        Uint8Array.of(...framed(packet), ...framed(packet), ...framed(packet), ...quiet),
      );
      while (reader.isWaiting) heard = [...heard, ...reader.giveUpWaiting()];
      expect(payloadsOf(heard), `case ${number}`).toEqual(expect.arrayContaining(wanted));
    }
  });

  it("10 MB of noise, text, cut frames and frames: at least 99.9 % of the whole ones, nothing else", () => {
    const roll = chance(7);
    const packets = samples.filter((bytes) => decodeFromRadio(bytes).type === "packet");
    const known = new Set(payloadsOf(packets.map(decodeFromRadio)));
    const reader = new StreamReader();
    const counts = { sent: 0, heard: 0, false: 0, bytes: 0, cut: 0 };
    const take = (messages: readonly FromRadio[]): void => {
      for (const payload of payloadsOf(messages)) {
        if (known.has(payload)) counts.heard++;
        else counts.false++;
      }
    };
    while (counts.bytes < STREAM_BYTES) {
      const frame = framed(packets[roll(packets.length)] ?? []);
      const noise = noiseOf(frame, roll);
      if (noise.kind === "cut") counts.cut++;
      take(reader.push(noise.bytes));
      take(reader.push(frame));
      counts.sent++;
      counts.bytes += noise.bytes.length + frame.length;
    }
    while (reader.isWaiting) take(reader.giveUpWaiting());
    console.log(`meshtastic noise: ${JSON.stringify({ ...counts, ...reader.counters() })}`);
    expect(counts.sent).toBeGreaterThan(20_000);
    expect(counts.heard).toBeGreaterThanOrEqual(counts.sent * 0.999);
    expect(counts.heard).toBeLessThanOrEqual(counts.sent);
    expect(counts.false).toBe(0);
  });
});

/** What may come between two frames: random bytes, bytes full of false headers, debug text, a frame that was cut inside
 *  its payload. */
function noiseOf(frame: Uint8Array, roll: (bound: number) => number): { kind: string; bytes: Uint8Array } {
  const length = roll(400);
  switch (roll(4)) {
    case 0:
      return { kind: "random", bytes: Uint8Array.from({ length }, () => roll(256)) };
    case 1: {
      const nasty = [0x94, 0xc3, 0, 1, 2, 0x12, 0x0a, roll(256)];
      return { kind: "nasty", bytes: Uint8Array.from({ length }, () => nasty[roll(nasty.length)] ?? 0) };
    }
    case 2: {
      const text = `DEBUG | 12:00:${roll(60)} ${roll(9_999)} [Router] Rx id=0x${roll(2 ** 31).toString(16)}\r\n`;
      return { kind: "text", bytes: new TextEncoder().encode(text) };
    }
    default:
      return { kind: "cut", bytes: frame.slice(0, Math.min(frame.length - 24, 4 + roll(60))) };
  }
}
