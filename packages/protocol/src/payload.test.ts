import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { badLeaves, leafCount, leafHashes, payloadRoot, rootOfLeaves } from "./payload.js";
import { codeOf, seededRng } from "./samples.js";

const sha = (...parts: (string | Uint8Array)[]) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

describe("payload root", () => {
  it("is the leaf hash for up to one leaf, also for none at all", () => {
    expect(payloadRoot(new Uint8Array(0))).toEqual(sha("estafette/v1/leaf\0"));
    const full = seededRng("leaf").bytes(1_024);
    expect(payloadRoot(full)).toEqual(sha("estafette/v1/leaf\0", full));
  });

  it("promotes a node without partner", () => {
    const payload = seededRng("three").bytes(2_500);
    const [a, b, c] = leafHashes(payload);
    const ab = sha("estafette/v1/node\0", a!, b!);
    expect(payloadRoot(payload)).toEqual(sha("estafette/v1/node\0", ab, c!));
    expect(leafCount(2_500)).toBe(3);
  });

  it("names exactly the leaves that differ", () => {
    const indices = fc.uniqueArray(fc.integer({ min: 0, max: 9 }));
    fc.assert(
      fc.property(indices, fc.integer({ min: 9_217, max: 10_240 }), (wrong, length) => {
        const payload = seededRng("payload").bytes(length);
        const leaves = leafHashes(payload);
        const altered = payload.slice();
        for (const index of wrong) altered[index * 1_024] = altered[index * 1_024]! ^ 1;
        expect(badLeaves(altered, leaves)).toEqual([...wrong].sort((a, b) => a - b));
        expect(rootOfLeaves(leaves, length)).toEqual(payloadRoot(payload));
      }),
    );
  });

  it("refuses leaf lists that do not fit", () => {
    const leaves = leafHashes(new Uint8Array(3_000));
    expect(codeOf(() => rootOfLeaves(leaves, 1_000))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(() => rootOfLeaves([new Uint8Array(31)], 1))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(() => badLeaves(new Uint8Array(1), leaves))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(() => leafCount(10_485_761))).toBe("EST_PROTOCOL_RANGE");
  });
});
