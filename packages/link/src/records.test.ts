import { ProtocolError } from "@estafette/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter, varintBytes } from "./bytes.js";
import { missingUnits, spanOf, unitBytesFor, unitCountOf } from "./cut.js";
import { HelloReader, parseFacts } from "./hello.js";
import { ParcelFill } from "./parcel-fill.js";
import {
  CLASSES,
  encodeAccepted,
  encodeNote,
  encodeOffer,
  encodeTagged,
  encodeVerdict,
  encodeWant,
  parseRecords,
  pushRecord,
  RECORD,
  segmentOverheadBytes,
  segmentRecord,
  type Verdict,
  wantBitmapRoom,
} from "./records.js";
import { applyWindow, UnitSet, windowOf } from "./units.js";

const FUZZ_CASES = Number(process.env.FUZZ_CASES ?? 2000);
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const tags = fc.oneof(fc.integer({ min: 0, max: 40 }), u32);
const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });

const verdicts = fc.oneof<fc.Arbitrary<Verdict>[]>(
  fc.constant({ result: "accepted" }),
  fc.constant({ result: "already-held" }),
  fc.record({
    result: fc.constant("not-now" as const),
    retryAfterS: u32,
    reason: fc.constantFrom("busy", "share", "full", "fault", "untrusted-clock"),
  }),
  fc.record({
    result: fc.constant("never" as const),
    reason: fc.constantFrom(
      "expired",
      "denied",
      "too-large",
      "no-route",
      "hop-limit",
      "invalid",
      "loop",
      "policy",
    ),
  }),
);
const offers = fc.record({
  tag: tags,
  id: bytes(16, 16),
  class: fc.constantFrom(...CLASSES),
  headBytes: fc.integer({ min: 1, max: 0xffff_ffff }),
  payloadBytes: u32,
  unitBytes: fc.integer({ min: 1, max: 65_535 }),
  eager: fc.boolean(),
  short: fc.boolean(),
});

describe("records", () => {
  it("come back as they were written", () => {
    fc.assert(
      fc.property(tags, verdicts, offers, bytes(0, 200), (tag, verdict, offer, note) => {
        const fill = new ParcelFill(1000);
        const want = { asOf: tag % 65_536, base: 7, bitmap: Uint8Array.of(1, 2), tail: tag % 2 === 0 };
        for (const record of [
          encodeOffer(offer),
          encodeVerdict(tag, verdict),
          encodeWant(tag, want.asOf, want),
          encodeTagged("poll", tag),
          encodeTagged("noteOk", tag),
          encodeNote({ tag, part: 3, partCount: 16, bytes: note }),
          encodeAccepted(tag),
        ]) {
          expect(fill.add(record)).toBe(true);
        }
        const data = note.length > 0 ? note : Uint8Array.of(1);
        for (const record of [
          pushRecord(tag, true, data),
          pushRecord(tag, false, data),
          segmentRecord({ tag, unit: 1, poll: false, bytes: Uint8Array.of(5) }),
          segmentRecord({ tag: 1, unit: tag, poll: true, bytes: data }),
        ]) {
          expect(fill.addOpen(record)).toBe(true);
        }
        expect(parseRecords(fill.done())).toEqual([
          { type: "offer", ...offer },
          { type: "verdict", tag, verdict },
          { type: "want", tag, ...want },
          { type: "poll", tag },
          { type: "note-ok", tag },
          { type: "note", tag, part: 3, partCount: 16, bytes: note },
          { type: "accepted", low: tag % 32 },
          { type: "push", tag: tag % 32, short: true, bytes: data },
          { type: "push", tag, short: false, bytes: data },
          { type: "segment", tag, unit: 1, poll: false, bytes: Uint8Array.of(5) },
          { type: "segment", tag: 1, unit: tag, poll: true, bytes: data },
        ]);
        for (const short of [true, false]) {
          const alone = new ParcelFill(1000);
          alone.addOpen(pushRecord(tag, short, data));
          expect(alone.done().length).toBe(data.length + 1 + (short ? 0 : varintBytes(tag)));
          const low = short ? tag % 32 : tag;
          expect(parseRecords(alone.done())).toEqual([{ type: "push", tag: low, short, bytes: data }]);
        }
      }),
      { seed: 1 },
    );
  });

  it("are refused as a ProtocolError or parsed, whatever the bytes", () => {
    const starts = fc.constantFrom(
      ...Object.values(RECORD),
      0x0d,
      0x17,
      0x1f,
      0x3f,
      0x40,
      0x7f,
      0x80,
      0xa0,
      0xdf,
      0xff,
      0x00,
      0x0e,
    );
    const inputs = fc.tuple(starts, bytes(0, 90)).map(([first, rest]) => Uint8Array.of(first, ...rest));
    let parsed = 0;
    fc.assert(
      fc.property(fc.oneof(inputs, bytes(0, 400)), (input) => {
        try {
          expect(parseRecords(input).length).toBeLessThanOrEqual(input.length);
          parsed++;
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: FUZZ_CASES, seed: 2 },
    );
    expect(parsed).toBeGreaterThan(0);
  });

  it("refuse each unknown, truncated, overlong or contradictory form", () => {
    const offer = encodeOffer({
      tag: 1,
      id: new Uint8Array(16),
      class: "bulk",
      headBytes: 1,
      payloadBytes: 0,
      unitBytes: 1,
      eager: true,
      short: false,
    });
    expect(offer.length).toBe(21);
    for (let length = 1; length < offer.length; length++) {
      expect(() => parseRecords(offer.subarray(0, length))).toThrow(ProtocolError);
    }
    for (const wrong of [
      [0x00, 1],
      [0x01, 1],
      [0x0e, 1],
      [0x1f, 0],
      [0x40],
      [0x60],
      [0x7f],
      [RECORD.push, 1, 0],
      [RECORD.push | 1, 1],
      [RECORD.push, 1, 2, 1],
      [RECORD.poll, 0x81, 0x00],
      [RECORD.poll, 0xff, 0xff, 0xff, 0xff, 0x7f],
      [RECORD.notNow, 1, 5, 1],
      [RECORD.never, 1, 10],
      [RECORD.want, 1, 0, 0, 0, 65],
      [RECORD.note, 1, 0x10, 0],
      [RECORD.note, 1, 0x00, 0x81, 0x02],
      [0x80 | 0x20 | 31, 30, 0, 1],
      [0x80 | 0x20 | 1, 0],
    ]) {
      expect(() => parseRecords(Uint8Array.from(wrong)), wrong.join(" ")).toThrow(ProtocolError);
    }
    const unknown = offer.slice();
    unknown[0] = 0x1b | 0x04;
    expect(() => parseRecords(unknown)).not.toThrow();
    unknown[0] = 0x0f;
    expect(() => parseRecords(unknown)).toThrow(/unknown/);
  });
});

describe("numbers, facts and handshake pieces", () => {
  it("read any bytes or refuse them", () => {
    fc.assert(
      fc.property(u32, (value) => {
        const written = new ByteWriter(5).varint(value).done();
        expect(written.length).toBe(varintBytes(value));
        expect(new ByteReader(written).varint()).toBe(value);
      }),
      { seed: 3 },
    );
    const reader = new HelloReader();
    fc.assert(
      fc.property(bytes(0, 60), fc.integer({ min: 1, max: 3 }), (input, kind) => {
        for (const attempt of [
          () => parseFacts(input),
          () => reader.heard(Uint8Array.of(kind << 5, ...input)),
        ]) {
          try {
            attempt();
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        }
      }),
      { numRuns: FUZZ_CASES, seed: 4 },
    );
    expect(() => parseFacts(Uint8Array.of(0x10, 0, 47))).toThrow(/small/);
    expect(() => parseFacts(Uint8Array.of(0x20, 1, 0))).toThrow(/version/);
    expect(() => parseFacts(Uint8Array.of(0x10, 1, 0, ...new Uint8Array(25)))).toThrow(/greeting/);
    const greeting = Uint8Array.of(7, 8, 9);
    expect(parseFacts(Uint8Array.of(0x1b, 1, 0, ...greeting))).toEqual({
      clear: true,
      ordered: true,
      lossless: false,
      parcelBytesMax: 256,
      greeting,
    });
  });
});

describe("units", () => {
  const sets = fc
    .tuple(fc.integer({ min: 1, max: 3000 }), fc.array(fc.tuple(fc.nat(3000), fc.nat(400)), { maxLength: 6 }))
    .map(([count, runs]) => {
      const set = new UnitSet(count);
      for (const [start, length] of runs) for (let u = start; u < start + length; u++) set.add(u);
      return set;
    });

  it("a window never asks for what is not missing, asks for the first missing, and repair ends", () => {
    fc.assert(
      fc.property(sets, fc.integer({ min: 1, max: 64 }), (missing, bitmapBytesMax) => {
        for (let round = 0; missing.size > 0; round++) {
          expect(round).toBeLessThan(3001);
          const window = windowOf(missing, bitmapBytesMax);
          expect(window.bitmap.length).toBeLessThanOrEqual(bitmapBytesMax);
          const asked = new UnitSet(missing.count);
          applyWindow(asked, window);
          expect(asked.next(0)).toBe(missing.next(0));
          for (let unit = asked.next(0); unit >= 0; unit = asked.next(unit + 1)) {
            expect(missing.has(unit)).toBe(true);
            missing.delete(unit);
          }
        }
        expect(windowOf(missing, bitmapBytesMax)).toMatchObject({ base: 0, tail: false });
      }),
      { seed: 5 },
    );
  });

  it("a window of everything is three bytes, and one of a little more is exact", () => {
    const set = new UnitSet(5000);
    set.addFrom(0);
    expect(windowOf(set, 64)).toEqual({ base: 0, bitmap: new Uint8Array(0), tail: true });
    for (let unit = 3; unit < 300; unit++) set.delete(unit);
    const asked = new UnitSet(5000);
    applyWindow(asked, windowOf(set, 64));
    expect(asked.size).toBe(5000 - 297);
  });

  it("are cut so that they fit, for every parcel, head, payload and tag", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 36, max: 65_500 }),
        fc.integer({ min: 1, max: 2560 }),
        fc.integer({ min: 0, max: 1 << 22 }),
        tags,
        (room, headBytes, payloadBytes, tag) => {
          const unitBytes = unitBytesFor(room, { headBytes, payloadBytes }, tag);
          const count = unitCountOf({ headBytes, payloadBytes, unitBytes });
          expect(segmentOverheadBytes(tag, count - 1) + unitBytes).toBeLessThanOrEqual(room);
          expect(unitBytes).toBeLessThanOrEqual(4096);
          if (room <= 4096 && payloadBytes > unitBytes) expect(unitBytes).toBeGreaterThanOrEqual(room - 13);
          expect(wantBitmapRoom(room) + 14).toBeLessThanOrEqual(room);
        },
      ),
      { numRuns: FUZZ_CASES, seed: 6 },
    );
  });

  it("of the payload are the same whatever its head and, among the first 128, its tag", () => {
    const length = fc.integer({ min: 1, max: 900 });
    const tag = fc.integer({ min: 0, max: 127 });
    const payloads = fc.integer({ min: 2000, max: 60_000 });
    fc.assert(
      fc.property(payloads, fc.tuple(length, tag), fc.tuple(length, tag), (payloadBytes, ...twice) => {
        const [first, second] = twice.map(([headBytes, tag]) => {
          const unitBytes = unitBytesFor(1000, { headBytes, payloadBytes }, tag);
          const measures = { headBytes, payloadBytes, unitBytes };
          const spans = Array.from({ length: unitCountOf(measures) }, (_, unit) => spanOf(unit, measures));
          return spans.filter(({ ofHead }) => !ofHead);
        });
        expect(second).toEqual(first);
        expect(first!.map(({ start }) => start).slice(1)).toEqual(first!.map(({ end }) => end).slice(0, -1));
        expect([first![0]!.start, first!.at(-1)!.end]).toEqual([0, payloadBytes]);
      }),
    );
  });

  it("are wanted when any byte of them is not held, the head always", () => {
    const measures = { headBytes: 150, payloadBytes: 1000, unitBytes: 100 };
    const wanted = (...held: (readonly [number, number])[]): number[] => {
      const missing = missingUnits(
        measures,
        held.map(([start, end]) => ({ start, end })),
      );
      return Array.from({ length: 12 }, (_, unit) => unit).filter((unit) => missing.has(unit));
    };
    expect(wanted()).toHaveLength(12);
    expect(wanted([0, 1000])).toEqual([0, 1]);
    expect(wanted([300, 650], [0, 300])).toEqual([0, 1, 8, 9, 10, 11]);
    expect(wanted([101, 299], [700, 5000])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(wanted([150, 250], [250, 300])).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11]);
  });
});
