import { describe, expect, it } from "vitest";
import { LINK_LIMITS } from "./limits.js";
import { ASK, OVER, SESSION_SECRET_BYTES, Session, sessionTraits } from "./session.js";

const secrets = Uint8Array.from({ length: SESSION_SECRET_BYTES }, (_, index) => index * 3 + 1);
const records = new TextEncoder().encode("records");

const greeting = new Uint8Array(0);

function pair(
  parcelBytesMax = 128,
  encrypt = true,
  channel = { ordered: false, lossless: false },
): readonly [Session, Session] {
  const facts = { clear: !encrypt, greeting, ...channel };
  const traits = sessionTraits(
    { ...facts, parcelBytesMax },
    { ...facts, parcelBytesMax: 65_535, ordered: true, lossless: true },
  );
  return [new Session(secrets, true, traits), new Session(secrets, false, traits)];
}

describe("a session", () => {
  for (const encrypt of [true, false]) {
    it(`seals in one direction and opens in the other (${encrypt ? "encrypted" : "clear"})`, () => {
      for (const [parcelBytesMax, overhead, ordered, lossless] of [
        [128, 12, false, false],
        [128, 12, true, false],
        [128, 12, false, true],
        [16_384, 10, true, true],
      ] as const) {
        const [a, b] = pair(parcelBytesMax, encrypt, { ordered, lossless });
        const there = a.seal(OVER | ASK, records);
        expect(there.length).toBe(records.length + overhead);
        expect(a.roomBytes()).toBe(parcelBytesMax - overhead);
        expect(b.open(there)).toEqual({ outcome: "ok", flags: OVER | ASK, records });
        expect(a.open(b.seal(0, new Uint8Array(0)))).toMatchObject({ outcome: "ok", flags: 0 });
        expect(a.open(there).outcome).not.toBe("ok");
      }
    });

    it(`refuses every change of every bit (${encrypt ? "encrypted" : "clear"})`, () => {
      const [a, b] = pair(128, encrypt);
      const parcel = a.seal(OVER, records);
      for (let bit = 8; bit < parcel.length * 8; bit++) {
        const changed = parcel.slice();
        changed[bit >>> 3]! ^= 1 << (bit & 7);
        expect(b.open(changed).outcome).not.toBe("ok");
      }
      for (const flags of [0, ASK, OVER | ASK, 4, 8, 16]) {
        expect(b.open(Uint8Array.of((6 << 5) | flags, ...parcel.subarray(1))).outcome).toBe("forged");
      }
      for (let length = 0; length < parcel.length; length++) {
        expect(b.open(parcel.subarray(0, length)).outcome).not.toBe("ok");
      }
      expect(b.open(parcel).outcome).toBe("ok");
    });
  }

  it("opens each parcel once, in any order within the window, and none behind it", () => {
    const [a, b] = pair();
    const window = LINK_LIMITS.replayWindowParcels;
    const parcels = Array.from({ length: window * 3 }, () => a.seal(0, records));
    const newest = parcels.length - 1;
    expect(b.open(parcels[newest]!).outcome).toBe("ok");
    parcels.forEach((parcel, index) => {
      expect(b.open(parcel).outcome).toBe(index > newest - window && index < newest ? "ok" : "replayed");
    });
    for (const parcel of parcels) expect(b.open(parcel).outcome).toBe("replayed");
  });

  it("opens nothing that comes late on an ordered channel, and nothing after a gap on one that loses nothing", () => {
    const [a, b] = pair(128, true, { ordered: true, lossless: false });
    const [first, second, third] = [a.seal(0, records), a.seal(0, records), a.seal(0, records)];
    expect([b.open(second), b.open(first), b.open(third)].map(({ outcome }) => outcome)).toEqual([
      "ok",
      "replayed",
      "ok",
    ]);
    const [c, d] = pair(128, true, { ordered: true, lossless: true });
    const parcels = [c.seal(0, records), c.seal(0, records), c.seal(0, records)] as const;
    const said = [parcels[0], parcels[0], parcels[2], parcels[1], parcels[2]];
    expect(said.map((parcel) => d.open(parcel).outcome)).toEqual(["ok", "forged", "forged", "ok", "ok"]);
  });

  it("knows what a reset answers, as long as the parcel is among the last 256", () => {
    const [a] = pair(128, true, { ordered: true, lossless: true });
    const echo = (parcel: Uint8Array): number => parcel.at(-2)! * 256 + parcel.at(-1)!;
    const old = a.seal(0, records);
    expect(a.echoed(echo(old))).toBe(0);
    const known = new Set(Array.from({ length: 256 }, () => echo(a.seal(0, records))));
    const unknown = Array.from({ length: 65_536 }, (_, value) => value).filter((value) => !known.has(value));
    expect(unknown.every((value) => a.echoed(value) === null)).toBe(true);
    expect([...known].every((value) => a.echoed(value) !== null)).toBe(true);
  });

  it("opens nothing more once too many have guessed", () => {
    const [a, far] = pair(128, true, { ordered: true, lossless: true });
    const b = new Session(secrets, false, far.traits, 1000);
    const first = a.seal(0, records);
    const forged = Uint8Array.of(6 << 5, first[1]!, ...new Uint8Array(9));
    for (let guess = 1; guess < 1000; guess++) b.open(forged);
    expect(b.guessedAt).toBe(false);
    expect(b.open(first).outcome).toBe("ok");
    expect(b.open(forged).outcome).toBe("forged");
    expect(b.guessedAt).toBe(true);
    expect(b.open(a.seal(0, records)).outcome).toBe("not-mine");
  });

  it("follows the counter beyond 16 bits, over gaps, and never uses one twice", () => {
    const [a, b] = pair();
    let kept: Uint8Array | null = null;
    for (let count = 0; count < 66_000; count++) {
      const parcel = a.seal(0, records);
      if (count === 65_500) kept = parcel;
      if (count % 16_411 === 0 || count > 65_990) expect(b.open(parcel).outcome).toBe("ok");
    }
    expect(b.open(kept!).outcome).not.toBe("ok");
    expect(b.heardCounter16).toBe(65_999 % 65_536);
  });
});
