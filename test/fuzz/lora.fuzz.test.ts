import { rnodeDriver } from "@estafette/bearer-lora";
import { toHex } from "@estafette/protocol";
import { describe, expect, it } from "vitest";

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

/** A frame of a board, written by hand. */
function frame(command: number, data: readonly number[]): number[] {
  const escaped = data.flatMap((byte) =>
    byte === 0xc0 ? [0xdb, 0xdc] : byte === 0xdb ? [0xdb, 0xdd] : [byte],
  );
  return [0xc0, command, ...escaped, 0xc0];
}

/** To gateway 1 from gateway 2; the rest recognisable by `number`. */
function parcel(number: number, byteCount: number): number[] {
  const mark = [1, 2, number >>> 16, (number >>> 8) & 0xff, number & 0xff];
  return [...mark, ...Array.from({ length: byteCount }, (_, at) => (at * 7 + number) & 0xff)];
}

describe("what an RNode says", () => {
  it(`${CASES} mutated streams in any pieces: nothing is thrown, and the next whole frame comes through`, () => {
    for (let number = 0; number < CASES; number++) {
      const roll = chance(number * 40_503 + 1);
      const reader = rnodeDriver.reader();
      const commands = [0, 1, 6, 8, 0x22, 0x23, 0x50, 0x90];
      let stream = Array.from({ length: roll(6) }, () =>
        frame(commands[roll(commands.length)] ?? 0, parcel(roll(1_000), roll(60))),
      ).flat();
      for (let change = roll(6); change > 0; change--) {
        const at = roll(stream.length + 1);
        const noise = Array.from({ length: roll(9) }, () => [0xc0, 0xdb, 0, 0x90, roll(256)][roll(5)] ?? 0);
        stream.splice(at, roll(20), ...noise);
      }
      if (roll(5) === 0) stream = Array.from({ length: roll(1_500) }, () => roll(256));
      for (let at = 0; at < stream.length; ) {
        const piece = 1 + roll(50);
        reader.push(Uint8Array.from(stream.slice(at, at + piece)));
        at += piece;
      }
      const payload = Uint8Array.from(parcel(number, 40));
      const heard = reader.push(Uint8Array.from(frame(0, [...payload])));
      expect(heard.at(-1), `case ${number}`).toEqual({ type: "heard", payload });
    }
  });

  it("10 MB of noise, boot text and frames: at least 99.9 % of the frames, nothing else for us", () => {
    const roll = chance(11);
    const reader = rnodeDriver.reader();
    const counts = { sent: 0, heard: 0, false: 0, bytes: 0 };
    const take = (bytes: readonly number[], wanted: string): void => {
      for (const event of reader.push(Uint8Array.from(bytes))) {
        if (event.type !== "heard") continue;
        if (toHex(event.payload) === wanted) counts.heard++;
        else if (event.payload[0] === 1 && event.payload[1] === 2) counts.false++;
      }
      counts.bytes += bytes.length;
    };
    while (counts.bytes < STREAM_BYTES) {
      const payload = parcel(counts.sent, roll(250));
      const noise = Array.from({ length: roll(400) }, () =>
        roll(3) === 0 ? ([0xc0, 0xdb, 0xdc, 0x00, 0x90][roll(5)] ?? 0) : roll(256),
      );
      take(noise, "");
      if (roll(20) === 0) take([...Buffer.from("ets Jul 29 2019 12:21:46\r\nrst:0x1\r\n")], "");
      const signal = [...frame(0x23, [80]), ...frame(0x24, [20])];
      take([...signal, ...frame(0, payload)], toHex(Uint8Array.from(payload)));
      counts.sent++;
    }
    console.log(`rnode noise: ${JSON.stringify(counts)}`);
    expect(counts.sent).toBeGreaterThan(20_000);
    expect(counts.heard).toBeGreaterThanOrEqual(counts.sent * 0.999);
    expect(counts.heard).toBeLessThanOrEqual(counts.sent);
    expect(counts.false).toBe(0);
  });
});
