import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RecentBytes } from "./recent-bytes.js";

const parts = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 });

describe("recent bytes", () => {
  it("are the end of all that was added", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 64 }),
        fc.uint8Array({ maxLength: 90 }),
        parts,
        (max, begin, rows) => {
          const recent = new RecentBytes(max, begin);
          let all = Buffer.from(begin);
          for (const row of rows) {
            recent.add(row);
            all = Buffer.concat([all, row]);
            expect(Buffer.compare(recent.bytes, all.subarray(-max))).toBe(0);
          }
        },
      ),
    );
  });

  it("leave what they began with as it is, and begin anew when cleared", () => {
    const begin = Uint8Array.of(1, 2, 3);
    const recent = new RecentBytes(4, begin);
    recent.add(Uint8Array.of(9, 9, 9, 9));
    expect(begin).toEqual(Uint8Array.of(1, 2, 3));
    recent.clear();
    expect(recent.bytes.length).toBe(0);
    recent.add(Uint8Array.of(5));
    expect(recent.bytes).toEqual(Uint8Array.of(5));
  });
});
