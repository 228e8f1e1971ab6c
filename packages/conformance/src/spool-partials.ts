import { expect } from "vitest";
import { arrival, content, envelope, sixteen } from "./spool-samples.js";
import type { SpoolCases } from "./spool-world.js";

const ID = sixteen(40);
const PAYLOAD = content(1_000);
const part = (start: number, end: number) => PAYLOAD.subarray(start, end);

export const partialCases: SpoolCases = {
  "ranges merge, whatever their order": async ({ spool }) => {
    expect(await spool.partial(ID)).toBeNull();
    for (const start of [600, 0, 200, 400])
      await spool.writePartial(ID, 1_000, start, part(start, start + 100));
    expect(await spool.partial(ID)).toEqual({
      id: ID,
      totalBytes: 1_000,
      ranges: [0, 200, 400, 600].map((start) => ({ start, end: start + 100 })),
    });
    await spool.writePartial(ID, 1_000, 100, part(100, 200));
    await spool.writePartial(ID, 1_000, 250, part(250, 450));
    expect((await spool.partial(ID))?.ranges).toEqual([
      { start: 0, end: 500 },
      { start: 600, end: 700 },
    ]);
    expect((await spool.stats()).partialBytes).toBe(600);
    expect(await spool.readPartial(ID)).toBeNull();
    await spool.writePartial(ID, 1_000, 0, PAYLOAD);
    expect(await spool.readPartial(ID)).toEqual(PAYLOAD);
    expect((await spool.partial(ID))?.ranges).toEqual([{ start: 0, end: 1_000 }]);
  },

  "where ranges overlap the first bytes stay": async ({ spool }) => {
    await spool.writePartial(ID, 4, 1, Uint8Array.of(1, 1));
    await spool.writePartial(ID, 4, 0, Uint8Array.of(2, 2, 2, 2));
    expect(await spool.readPartial(ID)).toEqual(Uint8Array.of(2, 1, 1, 2));
  },

  "a caller's buffer may be used again": async ({ spool }) => {
    const buffer = Uint8Array.of(1, 2, 3);
    const written = spool.writePartial(ID, 3, 0, buffer);
    buffer.fill(9);
    await written;
    expect(await spool.readPartial(ID)).toEqual(Uint8Array.of(1, 2, 3));
  },

  "an empty payload is whole at once": async ({ spool }) => {
    await spool.writePartial(ID, 0, 0, new Uint8Array(0));
    expect(await spool.partial(ID)).toEqual({ id: ID, totalBytes: 0, ranges: [] });
    expect(await spool.readPartial(ID)).toEqual(new Uint8Array(0));
  },

  "parts can be forgotten": async ({ spool }) => {
    await spool.writePartial(ID, 1_000, 0, part(0, 500));
    await spool.writePartial(ID, 1_000, 500, part(500, 1_000));
    await spool.dropPartial(ID, [
      { start: 450, end: 550 },
      { start: 990, end: 2_000 },
    ]);
    expect((await spool.partial(ID))?.ranges).toEqual([
      { start: 0, end: 450 },
      { start: 550, end: 990 },
    ]);
    expect((await spool.stats()).partialBytes).toBe(890);
    await spool.writePartial(ID, 1_000, 450, part(450, 550));
    await spool.writePartial(ID, 1_000, 990, part(990, 1_000));
    expect(await spool.readPartial(ID)).toEqual(PAYLOAD);
    await spool.dropPartial(ID);
    await spool.dropPartial(ID);
    await spool.dropPartial(ID, [{ start: 0, end: 1 }]);
    expect(await spool.partial(ID)).toBeNull();
    expect((await spool.stats()).partialBytes).toBe(0);
  },

  "a part can be read as soon as all of it is there": async (world) => {
    const read = (start: number, end: number) => world.spool.readPartialRange(ID, start, end);
    expect(await read(0, 1)).toBeNull();
    await world.spool.writePartial(ID, 1_000, 100, part(100, 300));
    await world.spool.writePartial(ID, 1_000, 300, part(300, 400));
    await world.spool.writePartial(ID, 1_000, 600, part(600, 700));
    expect(await read(100, 400)).toEqual(part(100, 400));
    expect(await read(250, 350)).toEqual(part(250, 350));
    expect(await read(399, 400)).toEqual(part(399, 400));
    expect(await read(200, 200)).toEqual(new Uint8Array(0));
    for (const [start, end] of [
      [99, 101],
      [350, 401],
      [300, 700],
      [690, 1_001],
      [300, 200],
      [-1, 5],
    ] as const)
      expect(await read(start, end)).toBeNull();
    await world.spool.dropPartial(ID, [{ start: 250, end: 260 }]);
    expect(await read(240, 270)).toBeNull();
    expect(await read(260, 400)).toEqual(part(260, 400));
    await world.spool.flush();
    await world.crash();
    expect(await world.spool.readPartialRange(ID, 100, 250)).toEqual(part(100, 250));
    await world.spool.dropPartial(ID);
    expect(await world.spool.readPartialRange(ID, 100, 250)).toBeNull();
  },

  "ranges outside the payload are refused": async ({ spool }) => {
    const outside = [
      [10, 8, 3],
      [10, -1, 1],
      [10, 0.5, 1],
      [-1, 0, 0],
      [2 ** 40, 0, 1],
    ] as const;
    for (const [total, start, byteCount] of outside) {
      const written = spool.writePartial(ID, total, start, new Uint8Array(byteCount));
      await expect(written).rejects.toMatchObject({ code: "EST_PROTOCOL_RANGE" });
    }
    expect(await spool.partial(ID)).toBeNull();
  },

  "what was flushed survives a crash": async (world) => {
    await world.spool.writePartial(ID, 1_000, 0, part(0, 300));
    await world.spool.flush();
    await world.crash();
    await world.spool.writePartial(ID, 1_000, 300, part(300, 1_000));
    expect(await world.spool.readPartial(ID)).toEqual(PAYLOAD);
  },

  "a second passes and it is on disk without asking": async (world) => {
    await world.spool.writePartial(ID, 1_000, 0, part(0, 300));
    world.clock.advance(1_000);
    await world.crash();
    expect((await world.spool.partial(ID))?.ranges).toEqual([{ start: 0, end: 300 }]);
  },

  "a kept envelope drops its partial, and so does an arrival": async ({ spool }) => {
    await spool.writePartial(sixteen(41), 300, 0, content(300));
    await spool.writePartial(sixteen(42), 300, 0, content(300));
    await spool.acceptEnvelope(envelope(41));
    await spool.acceptArrival(arrival(42, []));
    expect(await spool.partial(sixteen(41))).toBeNull();
    expect(await spool.partial(sixteen(42))).toBeNull();
    expect((await spool.stats()).partialBytes).toBe(0);
  },
};
