import { describe, expect, it } from "vitest";
import { BROADCAST } from "./address.js";
import { sameBytes } from "./bytes.js";
import {
  appendEntry,
  type Chain,
  type ChainEntry,
  chainDigest,
  chainLength,
  decodeChain,
  directChain,
  elideChain,
  emptyChain,
  encodeChain,
  isDirectChain,
} from "./chain.js";
import { createIdentity, type Identity } from "./identity.js";
import { LIMITS } from "./limits.js";
import { describePath, type PathReport, verifyChain } from "./path.js";
import { ada, adaRotated, ben, cleo, codeOf, sampleSigned, seedOf } from "./samples.js";

const { id } = sampleSigned();
const dora = createIdentity(seedOf("dora"));

/** The chain along `nodes`; the last one receives. `elideBefore[i]`: hop i sends the rest elided. */
function walk(nodes: readonly Identity[], elideBefore: readonly number[] = []): Chain {
  let chain = emptyChain();
  for (let i = 0; i + 1 < nodes.length; i++) {
    if (elideBefore.includes(i)) chain = elideChain(chain, id);
    const previous = nodes[Math.max(0, i - 1)]!.address;
    chain = appendEntry(chain, {
      id,
      identity: nodes[i]!,
      previous,
      next: nodes[i + 1]!.address,
      ageS: i * 60,
    });
  }
  return chain;
}

function verifyAt(chain: Chain, changes: Partial<Parameters<typeof verifyChain>[1]> = {}): PathReport {
  return verifyChain(chain, {
    id,
    origin: ada.keys.root,
    self: dora.address,
    neighbour: cleo.address,
    hopsUsed: 2,
    ...changes,
  });
}

const path = [ada, ben, cleo, dora];
const good = walk(path);

describe("chain", () => {
  it("reports the verified way, origin first", () => {
    const report = verifyAt(good);
    expect(report.verified).toBe(true);
    expect(report.hops.map((hop) => hop.address)).toEqual([ada.address, ben.address, cleo.address]);
    expect(report.hops.every((hop) => hop.status === "verified")).toBe(true);
    expect(describePath(report)).toMatch(/^verified: est1\w+ → est1\w+ → est1\w+ → here$/);
  });

  it("refuses every cut, insertion, swap, exchange and altered field", () => {
    const [a, b, c] = good.entries as [ChainEntry, ChainEntry, ChainEntry];
    const strangers = walk([ada, dora, cleo, dora]).entries;
    const variants: [string, ChainEntry[], number][] = [
      ["last cut", [a, b], 1],
      ["first cut", [b, c], 1],
      ["middle cut", [a, c], 1],
      ["swapped", [a, c, b], 2],
      ["turned round", [c, b, a], 2],
      ["doubled", [a, b, b, c], 3],
      ["inserted", [a, strangers[1]!, b, c], 3],
      ["exchanged", [a, strangers[1]!, c], 2],
      ["age", [a, { ...b, ageS: b.ageS + 1 }, c], 2],
      ["next", [a, b, { ...c, next: BROADCAST }], 2],
      ["signer", [a, { ...b, signer: dora.keys.root }, c], 2],
      ["signature", [a, { ...b, signature: a.signature }, c], 2],
    ];
    for (const [what, entries, hopsUsed] of variants) {
      const code = codeOf(() => verifyAt({ ...good, entries }, { hopsUsed }));
      expect([what, code]).toEqual([what, "EST_PROTOCOL_CHAIN"]);
    }
  });

  it("refuses a hop that was not addressed, though every signature holds", () => {
    const draft = { id, identity: cleo, previous: ada.address, next: dora.address, ageS: 60 };
    const toBen = walk([ada, ben]);
    expect(() => verifyAt(appendEntry(toBen, draft), { hopsUsed: 1 })).toThrow(
      "not by the hop that was addressed",
    );
    const toCleo = walk([ada, cleo]);
    expect(verifyAt(appendEntry(toCleo, draft), { hopsUsed: 1 }).verified).toBe(true);
  });

  it("belongs to one envelope, one origin, one pair of neighbours and one hop count", () => {
    const other = sampleSigned(ada, { sequence: 9 }).id;
    for (const changes of [
      { id: other },
      { origin: ben.keys.root },
      { self: ben.address },
      { neighbour: ben.address },
      { hopsUsed: 1 },
      { hopsUsed: 3 },
    ]) {
      expect(codeOf(() => verifyAt(good, changes))).toBe("EST_PROTOCOL_CHAIN");
    }
  });

  it("is unverified, not wrong, when it is missing, and stays missing at the next relay", () => {
    const report = verifyAt(emptyChain());
    expect(report).toEqual({ hops: [], verified: false });
    expect(describePath(report)).toContain("unverified");
    const draft = { id, identity: cleo, previous: ben.address, next: dora.address, ageS: 1 };
    expect(appendEntry(emptyChain(), draft)).toEqual(emptyChain());
  });

  it("says broadcast where an entry was addressed to all", () => {
    let chain = emptyChain();
    chain = appendEntry(chain, { id, identity: ada, previous: ada.address, next: BROADCAST, ageS: 0 });
    chain = appendEntry(chain, { id, identity: cleo, previous: ada.address, next: BROADCAST, ageS: 5 });
    const report = verifyAt(chain, { hopsUsed: 1 });
    expect(report.verified).toBe(false);
    expect(report.hops.map((hop) => hop.status)).toEqual(["broadcast", "broadcast"]);
    expect(describePath(report)).toContain("(to all)");
  });

  it("takes a signer of an unknown key epoch as unresolved and a known one by its record", () => {
    const chain = walk([adaRotated, cleo, dora]);
    const context = { hopsUsed: 1 };
    expect(verifyAt(chain, context).hops[0]!.status).toBe("unresolved");
    expect(verifyAt(chain, context).verified).toBe(false);
    const known = verifyAt(chain, { ...context, resolveKeys: () => adaRotated.keys });
    expect(known.verified).toBe(true);
    const wrongKeys = { ...adaRotated.keys, signing: ben.keys.signing };
    expect(codeOf(() => verifyAt(chain, { ...context, resolveKeys: () => wrongKeys }))).toBe(
      "EST_PROTOCOL_CHAIN",
    );
    expect(verifyAt(chain, { ...context, resolveKeys: () => ben.keys }).verified).toBe(false);
  });

  it("refuses signers whose key the gate refuses", () => {
    const weak = { ...good.entries[1]!, signer: Uint8Array.of(1, ...new Uint8Array(31)) };
    const draft = { id, identity: ada, previous: ada.address, next: BROADCAST, ageS: 0 };
    const linked = appendEntry(emptyChain(), draft).entries[0]!;
    const entries = [linked, weak, good.entries[2]!];
    expect(() => verifyAt({ ...good, entries })).toThrow("key is not admitted");
  });
});

describe("elided chain", () => {
  it("keeps the digest, whether entries are there or not", () => {
    const elided = elideChain(good, id);
    expect(elided.elidedCount).toBe(3);
    expect(chainDigest(elided, id)).toEqual(chainDigest(good, id));
    expect(elideChain(elided, id)).toEqual(elided);
    expect(elideChain(emptyChain(), id)).toEqual(emptyChain());
    expect(encodeChain(elided).length).toBe(1 + 17);
  });

  it("names what it knows: origin, neighbour, and full entries after it", () => {
    const report = verifyAt(elideChain(good, id));
    expect(report.verified).toBe(false);
    expect(report.hops.map((hop) => hop.address)).toEqual([ada.address, null, cleo.address]);
    const mixed = walk(path, [2]);
    expect(mixed.elidedCount).toBe(2);
    const later = verifyAt(mixed);
    expect(later.hops.map((hop) => hop.status)).toEqual(["elided", "elided", "verified"]);
    expect(later.hops[1]!.address).toEqual(ben.address);
    expect(describePath(later)).toContain("(entry not carried)");
  });

  it("refuses a digest, a count or a last elided hop that was exchanged", () => {
    const mixed = walk(path, [2]);
    const altered: Chain[] = [
      { ...mixed, elidedDigest: seedOf("digest").slice(0, 16) },
      { ...mixed, elidedLast: dora.address },
      { ...mixed, elidedCount: 3 },
      { ...mixed, elidedCount: 1 },
    ];
    for (const chain of altered) {
      const hopsUsed = chainLength(chain) - 1;
      expect(codeOf(() => verifyAt(chain, { hopsUsed }))).toBe("EST_PROTOCOL_CHAIN");
    }
  });

  it("is verified over one hop from the origin itself, and refused from anybody else", () => {
    const direct = elideChain(walk([ada, dora]), id);
    const report = verifyAt(direct, { hopsUsed: 0, neighbour: ada.address });
    expect(report.verified).toBe(true);
    expect(codeOf(() => verifyAt(direct, { hopsUsed: 0 }))).toBe("EST_PROTOCOL_CHAIN");
  });

  it("is direct for one envelope between one origin and one receiver", () => {
    const direct = directChain(id, ada.address, dora.address);
    expect([direct.elidedCount, direct.elidedLast, direct.entries]).toEqual([1, null, []]);
    expect(direct.elidedDigest?.length).toBe(16);
    expect(isDirectChain(direct, directChain(id, ada.address, dora.address))).toBe(true);
    const others = [
      directChain(sampleSigned(ada, { sequence: 9 }).id, ada.address, dora.address),
      directChain(id, cleo.address, dora.address),
      directChain(id, ada.address, ben.address),
      directChain(id, dora.address, ada.address),
      elideChain(walk([ada, dora]), id),
      { ...direct, elidedCount: 2 },
      walk([ada, dora]),
      emptyChain(),
    ];
    for (const other of others) expect(isDirectChain(other, direct)).toBe(false);
    expect(verifyAt(direct, { hopsUsed: 0, neighbour: ada.address }).verified).toBe(true);
    expect(codeOf(() => verifyAt(direct, { hopsUsed: 0 }))).toBe("EST_PROTOCOL_CHAIN");
    expect(codeOf(() => verifyAt(direct, { hopsUsed: 1, neighbour: ada.address }))).toBe(
      "EST_PROTOCOL_CHAIN",
    );
    expect(codeOf(() => directChain(id.slice(1), ada.address, dora.address))).toBe("EST_PROTOCOL_RANGE");
    expect(decodeChain(encodeChain(direct))).toEqual(direct);
  });

  it("makes room for a seventeenth entry and refuses an eighteenth", () => {
    const nodes = Array.from({ length: 18 }, (_, i) => (i === 0 ? ada : createIdentity(seedOf(`node ${i}`))));
    const long = walk(nodes);
    expect([long.elidedCount, long.entries.length]).toEqual([1, 16]);
    const ends = { self: nodes[17]!.address, neighbour: nodes[16]!.address, hopsUsed: 16 };
    const report = verifyAt(long, ends);
    expect(report.hops.map((hop) => hop.status)).toEqual(["elided", ...Array(16).fill("verified")]);
    expect(report.hops[0]!.address).toEqual(ada.address);
    expect(decodeChain(encodeChain(long))).toEqual(long);
    expect(encodeChain(long).length).toBeLessThan(LIMITS.transitBytesMax);
    const more = { id, identity: dora, previous: nodes[16]!.address, next: ada.address, ageS: 1 };
    expect(codeOf(() => appendEntry(long, more))).toBe("EST_PROTOCOL_RANGE");
  });
});

describe("chain on the wire", () => {
  it("survives in every form and refuses cuts and additions", () => {
    for (const chain of [emptyChain(), good, elideChain(good, id), walk(path, [1]), walk(path, [2])]) {
      const bytes = encodeChain(chain);
      expect(decodeChain(bytes)).toEqual(chain);
      for (let length = 0; length < bytes.length; length++) {
        expect(codeOf(() => decodeChain(bytes.slice(0, length)))).toBe("EST_PROTOCOL_TRUNCATED");
      }
      expect(codeOf(() => decodeChain(Uint8Array.of(...bytes, 0)))).toBe("EST_PROTOCOL_TRAILING");
    }
    expect(codeOf(() => decodeChain(Uint8Array.of(4)))).toBe("EST_PROTOCOL_VERSION");
    expect(codeOf(() => decodeChain(Uint8Array.of(2, 0)))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(() => decodeChain(Uint8Array.of(1, 18, ...new Uint8Array(16))))).toBe("EST_PROTOCOL_RANGE");
  });

  it("has no encoding for contradictions", () => {
    const digest = new Uint8Array(16);
    const none = emptyChain();
    expect(codeOf(() => encodeChain({ ...none, elidedDigest: digest }))).toBe("EST_PROTOCOL_ENCODING");
    expect(codeOf(() => encodeChain({ ...none, elidedCount: 1 }))).toBe("EST_PROTOCOL_ENCODING");
    expect(codeOf(() => encodeChain({ ...good, elidedLast: digest }))).toBe("EST_PROTOCOL_ENCODING");
  });

  it("refuses to append after somebody else than who signed last", () => {
    const draft = { id, identity: dora, previous: ben.address, next: ada.address, ageS: 1 };
    expect(codeOf(() => appendEntry(good, draft))).toBe("EST_PROTOCOL_CHAIN");
    expect(sameBytes(good.entries[2]!.next, dora.address)).toBe(true);
  });
});
