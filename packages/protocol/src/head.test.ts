import { describe, expect, it } from "vitest";
import { concat } from "./bytes.js";
import { emptyChain } from "./chain.js";
import { verifyHeader } from "./envelope.js";
import {
  decodeHead,
  decodeSignedHeader,
  decodeTransit,
  encodeHead,
  encodeSignedHeader,
  encodeTransit,
  forwardTransit,
  type Head,
  joinHead,
  originKeysOf,
  splitHead,
  type Transit,
} from "./head.js";
import { makeKeyRecord } from "./key-record.js";
import { LIMITS } from "./limits.js";
import { ada, adaRotated, ben, cleo, codeOf, sampleHead, sampleSigned } from "./samples.js";

const bare: Transit = { hopsUsed: 0, ageS: 0, relayIndex: 0, keyRecord: null, chain: emptyChain() };

describe("head", () => {
  it("survives the wire and the cut the spool makes", () => {
    const head = sampleHead();
    const bytes = encodeHead(head);
    expect(decodeHead(bytes)).toEqual(head);
    const parts = splitHead(bytes);
    expect(joinHead(parts)).toEqual(bytes);
    expect(decodeSignedHeader(parts.head)).toEqual(head.signed);
    expect(encodeSignedHeader(head.signed)).toEqual(parts.head);
    expect(decodeTransit(parts.transit)).toEqual(head.transit);
  });

  it("costs three bytes of transit at least", () => {
    expect(encodeTransit(bare)).toEqual(Uint8Array.of(0, 0, 0));
  });

  it("carries a key record of the key that signed, and of no other", () => {
    const keyRecord = makeKeyRecord(ada, adaRotated.keys);
    const head: Head = { signed: sampleSigned(adaRotated), transit: { ...bare, keyRecord } };
    const read = decodeHead(encodeHead(head));
    expect(read).toEqual(head);
    const keys = originKeysOf(read)!;
    expect(verifyHeader(read.signed, keys)).toBe(true);
    expect(originKeysOf({ ...head, transit: bare })).toBe(null);
    const foreign: Head = { signed: sampleSigned(ada), transit: { ...bare, keyRecord } };
    expect(codeOf(() => decodeHead(encodeHead(foreign)))).toBe("EST_PROTOCOL_KEY");
  });

  it("still verifies when transit is altered, as long as it can be read", () => {
    const head = sampleHead();
    const parts = splitHead(encodeHead(head));
    let readable = 0;
    for (let bit = 0; bit < parts.transit.length * 8; bit++) {
      const transit = parts.transit.slice();
      transit[bit >> 3] = transit[bit >> 3]! ^ (1 << (bit & 7));
      const code = codeOf(() => {
        const read = decodeHead(joinHead({ head: parts.head, transit }));
        expect(verifyHeader(read.signed, ada.keys)).toBe(true);
        expect(read.signed.id).toEqual(head.signed.id);
      });
      if (code === "none") readable += 1;
    }
    expect(readable).toBeGreaterThan(parts.transit.length);
  });

  it("is refused when cut, longer, above its limits or inconsistent", () => {
    const head = sampleHead();
    const bytes = encodeHead(head);
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(() => decodeHead(bytes.slice(0, length)))).toBe("EST_PROTOCOL_TRUNCATED");
    }
    expect(codeOf(() => decodeHead(concat(bytes, Uint8Array.of(0))))).toBe("EST_PROTOCOL_TRAILING");
    expect(codeOf(() => decodeSignedHeader(bytes))).toBe("EST_PROTOCOL_TRAILING");
    expect(codeOf(() => decodeHead(new Uint8Array(LIMITS.headBytesMax + 1)))).toBe("EST_PROTOCOL_RANGE");
    const ahead = { ...head, transit: { ...head.transit, relayIndex: 2 } };
    expect(codeOf(() => decodeHead(encodeHead(ahead)))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(() => decodeTransit(Uint8Array.of(0, 0, 9)))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(() => decodeTransit(Uint8Array.of(0, 0, 0x80)))).toBe("EST_PROTOCOL_VERSION");
    expect(codeOf(() => decodeTransit(Uint8Array.of(0, 0x80, 0, 0)))).toBe("EST_PROTOCOL_ENCODING");
    expect(codeOf(() => decodeTransit(Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff, 0x10, 0)))).toBe(
      "EST_PROTOCOL_RANGE",
    );
  });

  it("is forwarded with one more hop and one more entry", () => {
    const { signed, transit } = sampleHead();
    const next = forwardTransit(transit, {
      id: signed.id,
      identity: ben,
      previous: cleo.address,
      next: ada.address,
      ageS: 900,
      relayIndex: 1,
    });
    expect(next.hopsUsed).toBe(2);
    expect(next.ageS).toBe(900);
    expect(next.chain.entries.length).toBe(3);
    const draft = { id: signed.id, identity: ben, previous: cleo.address, next: ada.address, ageS: 1 };
    const last = { ...transit, hopsUsed: 255 };
    expect(codeOf(() => forwardTransit(last, { ...draft, relayIndex: 0 }))).toBe("EST_PROTOCOL_RANGE");
  });
});
