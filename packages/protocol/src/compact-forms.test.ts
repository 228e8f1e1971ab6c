import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, toHex } from "./bytes.js";
import { appendEntry, type Chain, directChain, elideChain, emptyChain } from "./chain.js";
import {
  encodeCompactHead,
  type HeadEnds,
  type HeadTemplate,
  readCompactHead,
  templateOf,
} from "./compact.js";
import { type Header, verifyHeader } from "./envelope.js";
import { encodeHead, type Head } from "./head.js";
import type { Identity } from "./identity.js";
import { makeKeyRecord } from "./key-record.js";
import { verifyChain } from "./path.js";
import { ada, adaRotated, ben, cleo, codeOf, samplePayload, sampleSigned } from "./samples.js";

const ownLink: HeadEnds = { sender: ada.keys.root, receiver: ben.address };
const overCleo: HeadEnds = { sender: cleo.keys.root, receiver: ben.address };
const CREATED = 1_767_225_600;

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary);
const anyHeader: fc.Arbitrary<Partial<Header>> = fc
  .record({
    mode: fc.constantFrom("end-to-end", "exit", "clear-signed"),
    class: fc.constantFrom("flash", "priority", "normal", "bulk"),
    codec: fc.integer({ min: 0, max: 255 }),
    destination: fc.constantFrom(ben.address, cleo.address),
    epoch: fc.constantFrom(0, 0xdead_beef),
    sequence: fc.oneof(fc.integer({ min: 200, max: 400 }), fc.integer({ min: 0, max: 2 ** 51 })),
    createdUnixS: optional(fc.oneof(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9e6, max: 9e6 }))),
    clockTrusted: fc.boolean(),
    staticSeal: fc.boolean(),
    receipt: fc.boolean(),
    chunked: fc.boolean(),
    context: optional(
      fc.constantFrom({ uses: 0, defines: null }, { uses: null, defines: 14 }, { uses: 3, defines: 4 }),
    ),
    lifetimeS: fc.constantFrom(3_600, 86_400),
    hopMax: fc.constantFrom(0, 8),
    relays: fc.constantFrom([], [cleo.address], [cleo.address, ben.address]),
    ackCommitment: optional(fc.uint8Array({ minLength: 16, maxLength: 16 })),
  })
  .map((header) => {
    const staticSeal = header.staticSeal && header.mode !== "clear-signed";
    const createdUnixS = header.createdUnixS === null ? null : CREATED + header.createdUnixS;
    return {
      ...header,
      staticSeal,
      createdUnixS,
      clockTrusted: header.clockTrusted && createdUnixS !== null,
      chunked: header.chunked && staticSeal,
      context: staticSeal ? header.context : null,
    };
  });

/** Every kind of chain a head can bring over one of the links. */
function chainsOf(
  id: Uint8Array,
  origin: Identity,
  receiver: Uint8Array,
): { chain: Chain; hopsUsed: number }[] {
  const draft = { id, identity: origin, previous: origin.address, next: cleo.address, ageS: 3 };
  const one = appendEntry(emptyChain(), draft);
  const two = appendEntry(one, { id, identity: cleo, previous: origin.address, next: ben.address, ageS: 9 });
  const behind = appendEntry(elideChain(one, id), { ...draft, identity: cleo, previous: origin.address });
  return [
    { chain: directChain(id, origin.address, receiver), hopsUsed: 0 },
    { chain: directChain(id, origin.address, receiver), hopsUsed: 1 },
    { chain: directChain(id, origin.address, cleo.address), hopsUsed: 0 },
    { chain: emptyChain(), hopsUsed: 2 },
    { chain: elideChain(one, id), hopsUsed: 0 },
    { chain: elideChain(two, id), hopsUsed: 1 },
    { chain: two, hopsUsed: 1 },
    { chain: behind, hopsUsed: 1 },
  ];
}

describe("compact head: round trips", () => {
  it("gives back the bytes its origin signed, whatever the form, the chain and the template", () => {
    const anyCase = fc.record({
      header: anyHeader,
      identity: fc.constantFrom(ada, adaRotated),
      ends: fc.constantFrom(ownLink, overCleo, { sender: ada.keys.root, receiver: cleo.address }),
      which: fc.nat({ max: 7 }),
      ageS: fc.constantFrom(0, 200, 0xffff_ffff),
      withRecord: fc.boolean(),
      slot: fc.nat({ max: 15 }),
      kind: fc.constantFrom("plain", "defines", "uses"),
      apart: fc.integer({ min: -1_000, max: 1_000 }),
      templateCreated: fc.option(fc.integer({ min: 0, max: 9_000_000 })),
      payloadFollows: fc.boolean(),
    });
    fc.assert(
      fc.property(anyCase, (c) => {
        const { identity, ends, payloadFollows, kind } = c;
        const signed = sampleSigned(identity, c.header);
        const { chain, hopsUsed } = chainsOf(signed.id, identity, ends.receiver)[c.which]!;
        const keyRecord =
          c.withRecord && identity === adaRotated ? makeKeyRecord(ada, adaRotated.keys) : null;
        const relayIndex = Math.min(c.which % 3, signed.header.relays.length);
        const head: Head = { signed, transit: { hopsUsed, ageS: c.ageS, relayIndex, keyRecord, chain } };
        const template: HeadTemplate = {
          ...templateOf(signed.header),
          sequence: Math.max(0, signed.header.sequence + c.apart),
          createdUnixS: c.templateCreated === null ? null : CREATED + c.templateCreated,
        };
        const slot =
          kind === "plain" ? null : kind === "uses" ? { uses: c.slot, template } : { defines: c.slot };
        const bytes = encodeCompactHead(head, { ends, slot, payloadFollows });
        const read = readCompactHead(payloadFollows ? concat(bytes, samplePayload) : bytes, ends, (n) =>
          n === c.slot ? template : null,
        )!;
        expect(read.bytes).toBe(bytes.length);
        expect(read.defines).toBe(kind === "defines" ? c.slot : null);
        expect(read.usesTemplate).toBe(kind === "uses");
        expect(read.payloadFollows).toBe(payloadFollows);
        const back = read.complete(samplePayload);
        expect(toHex(back.signed.bytes)).toBe(toHex(signed.bytes));
        expect(back.signed.id).toEqual(signed.id);
        expect(back).toEqual(head);
        expect(verifyHeader(back.signed, identity.keys)).toBe(true);
        if (kind !== "uses" || c.which !== 0) return;
        expect(bytes.length).toBeLessThan(encodeHead(head).length);
      }),
      { numRuns: 400 },
    );
  });

  it("brings the origin's own link a chain that verifies, and no other link", () => {
    const signed = sampleSigned(ada);
    const direct = directChain(signed.id, ada.address, ben.address);
    const transit = { hopsUsed: 0, ageS: 7, relayIndex: 0, keyRecord: null, chain: direct };
    const how = { ends: ownLink, slot: null, payloadFollows: true };
    const told = encodeCompactHead({ signed, transit }, how);
    const back = readCompactHead(told, ownLink, () => null)!.complete(samplePayload);
    const { id, header } = back.signed;
    const at = { id, origin: header.origin, self: ben.address, hopsUsed: 0 };
    expect(verifyChain(back.transit.chain, { ...at, neighbour: ada.address }).verified).toBe(true);
    expect(codeOf(() => verifyChain(back.transit.chain, { ...at, neighbour: cleo.address }))).toBe(
      "EST_PROTOCOL_CHAIN",
    );
    const next = { id, identity: ben, previous: ada.address, next: cleo.address, ageS: 60 };
    const further = appendEntry(back.transit.chain, next);
    const report = verifyChain(further, { ...at, self: cleo.address, neighbour: ben.address, hopsUsed: 1 });
    expect(report.hops.map(({ status }) => status)).toEqual(["elided", "verified"]);
    const elsewhere = { ...further, elidedDigest: directChain(id, ada.address, cleo.address).elidedDigest };
    expect(
      codeOf(() =>
        verifyChain(elsewhere, { ...at, self: cleo.address, neighbour: ben.address, hopsUsed: 1 }),
      ),
    ).toBe("EST_PROTOCOL_CHAIN");
  });
});
