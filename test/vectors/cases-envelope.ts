import {
  appendEntry,
  BROADCAST,
  type Chain,
  createIdentity,
  directChain,
  elideChain,
  emptyChain,
  encodeHead,
  encodeHeader,
  encodeSignedHeader,
  type Head,
  type Header,
  type Identity,
  makeKeyRecord,
  type SignedHeader,
  signHeader,
  toHex,
} from "@estafette/protocol";
import {
  ada,
  adaRotated,
  ben,
  CaseList,
  cleo,
  flipped,
  plainHeader,
  plainSigned,
  seed,
  spliced,
} from "./case-list.js";

const full: Header = {
  ...plainHeader,
  mode: "exit",
  class: "flash",
  codec: 1,
  sequence: Number.MAX_SAFE_INTEGER,
  createdUnixS: 1_767_225_600,
  clockTrusted: true,
  staticSeal: true,
  receipt: true,
  lifetimeS: 2_592_000,
  hopMax: 16,
  relays: [cleo.address, ben.address],
  ackCommitment: seed("commitment").slice(0, 16),
  payloadBytes: 10_485_760,
};

function headerCases(list: CaseList): void {
  const takes = (name: string, header: Header) =>
    list.takes(name, { kind: "header", bytes: toHex(encodeHeader(header)) });
  const refuses = (name: string, bytes: string) => list.refuses(name, { kind: "header", bytes });
  takes("header, nothing optional", plainHeader);
  takes("header, everything optional", full);
  takes("header, clear-signed", { ...plainHeader, mode: "clear-signed", class: "bulk" });
  takes("header, eight relays", { ...plainHeader, relays: Array(8).fill(cleo.address) });
  takes("header, unknown codec passes", { ...plainHeader, codec: 200 });
  takes("header, created but not trusted", { ...plainHeader, createdUnixS: 1_577_836_800 });
  takes("header, chunked", { ...full, chunked: true });
  takes("header, uses a context", { ...full, context: { uses: 0, defines: null } });
  takes("header, defines a context", { ...full, context: { uses: null, defines: 14 } });
  takes("header, chunked, uses and defines", { ...full, chunked: true, context: { uses: 14, defines: 3 } });
  const bytes = encodeHeader(plainHeader);
  const sequenceAt = 56;
  refuses("header, version 2", flipped(bytes, 0, 0x30));
  refuses("header, mode 3", flipped(bytes, 0, 0x0c));
  refuses("header, chunked without a static seal", flipped(bytes, 1, 0x40));
  refuses("header, context without a static seal", spliced(bytes, 1, 2, 0x80, 0x00, 0x12));
  refuses("header, chunked in clear-signed", spliced(bytes, 0, 2, 0x1a, 0x50));
  refuses("header, context of no slot", spliced(bytes, 1, 2, 0x90, 0x00, 0xff));
  refuses("header, trusted clock without time", flipped(bytes, 1, 0x02));
  refuses("header, static seal in clear-signed", spliced(bytes, 0, 2, 0x1a, 0x10));
  refuses("header, relay list announced and missing", flipped(bytes, 1, 0x08));
  refuses("header, longer form of the sequence", spliced(bytes, sequenceAt, 1, 0x87, 0x00));
  refuses(
    "header, sequence of 2^53",
    spliced(bytes, sequenceAt, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10),
  );
  refuses("header, sequence of nine bytes", spliced(bytes, sequenceAt, 1, ...Array(8).fill(0x80), 0x01));
  refuses("header, lifetime 3599", spliced(bytes, sequenceAt + 1, 3, 0x8f, 0x1c));
  refuses("header, lifetime 2592001", spliced(bytes, sequenceAt + 1, 3, 0x81, 0x9a, 0x9e, 0x01));
  refuses("header, hop limit 17", spliced(bytes, sequenceAt + 4, 1, 17));
  refuses("header, payload above the limit", spliced(bytes, sequenceAt + 5, 1, 0x81, 0x80, 0x80, 0x05));
  refuses("header, cut", toHex(bytes.slice(0, -1)));
  refuses("header, trailing byte", `${toHex(bytes)}00`);
  refuses("header, empty", "");
  refuses("header, empty relay list", spliced(encodeHeader(full), 73, 33, 0));
}

function signedCases(list: CaseList): void {
  const bytes = toHex(plainSigned.bytes);
  const signature = toHex(plainSigned.signature);
  const right = { kind: "signed-header", bytes, signature, root: toHex(ada.keys.root) } as const;
  list.takes("signed header", right, { valid: true });
  list.takes("signed header, under another root", { ...right, root: toHex(ben.keys.root) }, { valid: false });
  const other = signHeader({ ...plainHeader, sequence: 8 }, ada);
  const stolen = { ...right, signature: toHex(other.signature) };
  list.takes("signed header, signature of another one", stolen, { valid: false });
  for (const [name, index] of Object.entries({ class: 0, destination: 10, epoch: 53, root: -1 })) {
    const altered = { ...right, bytes: flipped(plainSigned.bytes, index) };
    list.takes(`signed header, other ${name}`, altered, { valid: false });
  }
  const asHop = { ...right, signature: toHex(ada.sign("hop", plainSigned.bytes)) };
  list.takes("signed header, signed for another purpose", asHop, { valid: false });
  const epoch = { ...right, bytes: toHex(encodeHeader({ ...plainHeader, keyEpoch: 1 })) };
  list.takes("signed header, other key epoch", epoch, { valid: false });
}

/** The chain along `nodes`, the last of which receives. */
function walk(signed: SignedHeader, nodes: readonly Identity[], elideBefore = -1): Chain {
  let chain = emptyChain();
  for (let i = 0; i + 1 < nodes.length; i++) {
    if (i === elideBefore) chain = elideChain(chain, signed.id);
    chain = appendEntry(chain, {
      id: signed.id,
      identity: nodes[i]!,
      previous: nodes[Math.max(0, i - 1)]!.address,
      next: nodes[i + 1]!.address,
      ageS: 200 * i,
    });
  }
  return chain;
}

function headOf(signed: SignedHeader, chain: Chain, hopsUsed: number): Head {
  return { signed, transit: { hopsUsed, ageS: 1_000, relayIndex: 0, keyRecord: null, chain } };
}

const dora = createIdentity(seed("dora"));
const route = [ada, ben, cleo, dora];

function headCases(list: CaseList): void {
  const takes = (name: string, head: Head, shown: Readonly<Record<string, unknown>>) =>
    list.takes(name, { kind: "head", bytes: toHex(encodeHead(head)) }, shown);
  const refuses = (name: string, bytes: string) => list.refuses(name, { kind: "head", bytes });
  const bare = headOf(plainSigned, emptyChain(), 3);
  const chained = headOf(plainSigned, walk(plainSigned, route), 2);
  takes("head without chain", bare, { valid: true, entries: 0 });
  takes("head with three entries", chained, { valid: true, entries: 3 });
  takes("head, elided", headOf(plainSigned, elideChain(chained.transit.chain, plainSigned.id), 2), {
    elided: 3,
  });
  takes("head, elided and full", headOf(plainSigned, walk(plainSigned, route, 2), 2), {
    elided: 2,
    entries: 1,
  });
  const keyRecord = makeKeyRecord(ada, adaRotated.keys);
  const rotatedHeader = { ...plainHeader, keyEpoch: 2 };
  const rotated = headOf(signHeader(rotatedHeader, adaRotated), emptyChain(), 0);
  takes("head of a later key epoch, no record", rotated, { valid: false });
  const withRecord = { ...rotated, transit: { ...rotated.transit, keyRecord } };
  takes("head of a later key epoch, with record", withRecord, { valid: true, recordEpoch: 2 });
  const foreign = { ...bare, transit: { ...bare.transit, keyRecord } };
  refuses("head with a record of another epoch", toHex(encodeHead(foreign)));
  const bytes = encodeHead(bare);
  const transitAt = encodeSignedHeader(plainSigned).length;
  const one = (count: number) => `${toHex(bytes.slice(0, transitAt))}00000${count}`;
  refuses("head, relay index beyond the list", one(1));
  refuses("head, relay index 9", one(9));
  refuses("head, transit flag 128", spliced(bytes, transitAt + 3, 1, 0x80));
  refuses("head, longer form of the age", spliced(bytes, transitAt + 1, 2, 0xe8, 0x87, 0x00));
  refuses("head, age of 2^32", spliced(bytes, transitAt + 1, 2, 0x80, 0x80, 0x80, 0x80, 0x10));
  refuses("head, cut in the transit fields", toHex(bytes.slice(0, -1)));
  refuses("head, cut in the signature", toHex(bytes.slice(0, transitAt - 1)));
  refuses("head, trailing byte", `${toHex(bytes)}00`);
  refuses("head, elided count 0", spliced(bytes, transitAt + 3, 1, 0x20, 0, ...Array(16).fill(1)));
  refuses("head, elided count 18", spliced(bytes, transitAt + 3, 1, 0x20, 18, ...Array(16).fill(1)));
  refuses("head, no entries announced as some", spliced(bytes, transitAt + 3, 1, 0x40, 0));
}

/** A head as dora hears it from cleo. */
function at(head: Head) {
  const [self, neighbour] = [toHex(dora.address), toHex(cleo.address)];
  return { kind: "path", head: toHex(encodeHead(head)), self, neighbour } as const;
}

function pathCases(list: CaseList): void {
  const chain = walk(plainSigned, route);
  const [a, b, c] = chain.entries;
  const right = at(headOf(plainSigned, chain, 2));
  list.takes("path, verified", right, { verified: true });
  list.takes("path, no chain", at(headOf(plainSigned, emptyChain(), 2)), { verified: false, hops: [] });
  const elided = elideChain(chain, plainSigned.id);
  list.takes("path, all elided", at(headOf(plainSigned, elided, 2)), { verified: false });
  list.takes("path, two elided", at(headOf(plainSigned, walk(plainSigned, route, 2), 2)), {
    verified: false,
  });
  const direct = elideChain(walk(plainSigned, [ada, dora]), plainSigned.id);
  const fromAda = { ...at(headOf(plainSigned, direct, 0)), neighbour: toHex(ada.address) };
  list.takes("path, elided over one hop from the origin", fromAda, { verified: true });
  list.refuses("path, elided over one hop from another", at(headOf(plainSigned, direct, 0)));
  const straight = directChain(plainSigned.id, ada.address, dora.address);
  const straightFromAda = { ...fromAda, head: toHex(encodeHead(headOf(plainSigned, straight, 0))) };
  list.takes("path, direct from the origin", straightFromAda, { verified: true });
  list.refuses("path, direct from another", { ...straightFromAda, neighbour: toHex(cleo.address) });
  const relayed = appendEntry(directChain(plainSigned.id, ada.address, cleo.address), {
    id: plainSigned.id,
    identity: cleo,
    previous: ada.address,
    next: dora.address,
    ageS: 60,
  });
  list.takes("path, direct and one relay", at(headOf(plainSigned, relayed, 1)), { verified: false });
  const swapped = { ...relayed, elidedDigest: straight.elidedDigest };
  list.refuses("path, direct to another than who signed", at(headOf(plainSigned, swapped, 1)));
  const toAll = appendEntry(emptyChain(), {
    id: plainSigned.id,
    identity: ada,
    previous: ada.address,
    next: BROADCAST,
    ageS: 0,
  });
  const heard = { ...at(headOf(plainSigned, toAll, 0)), neighbour: toHex(ada.address) };
  list.takes("path, broadcast", heard, { verified: false });
  const rotatedSigned = signHeader({ ...plainHeader, keyEpoch: 2 }, adaRotated);
  const rotatedChain = walk(rotatedSigned, [adaRotated, cleo, dora]);
  list.takes("path, unknown key epoch", at(headOf(rotatedSigned, rotatedChain, 1)), { verified: false });

  const stranger = walk(plainSigned, [ada, dora, cleo, dora]).entries[1]!;
  const wrong: [string, Chain["entries"], number][] = [
    ["last entry cut", [a!, b!], 1],
    ["first entry cut", [b!, c!], 1],
    ["middle entry cut", [a!, c!], 1],
    ["entries swapped", [a!, c!, b!], 2],
    ["entries turned round", [c!, b!, a!], 2],
    ["entry doubled", [a!, b!, b!, c!], 3],
    ["entry of a stranger inserted", [a!, stranger, b!, c!], 3],
    ["age altered", [a!, { ...b!, ageS: 201 }, c!], 2],
    ["next hop altered to broadcast", [a!, b!, { ...c!, next: BROADCAST }], 2],
    ["signature of another entry", [a!, { ...b!, signature: a!.signature }, c!], 2],
    [
      "signer with a weak key",
      [toAll.entries[0]!, { ...b!, signer: Uint8Array.of(1, ...Array(31).fill(0)) }, c!],
      2,
    ],
    ["fewer entries than hops", chain.entries, 3],
    ["more entries than hops", chain.entries, 1],
  ];
  for (const [name, entries, hopsUsed] of wrong) {
    list.refuses(`path, ${name}`, at(headOf(plainSigned, { ...chain, entries }, hopsUsed)));
  }
  misplacedPaths(list, right);
}

/** Chains that are right by themselves, in the wrong place. */
function misplacedPaths(list: CaseList, right: ReturnType<typeof at>): void {
  const chain = walk(plainSigned, route);
  list.refuses("path, another neighbour", { ...right, neighbour: toHex(ben.address) });
  list.refuses("path, addressed to another node", { ...right, self: toHex(ben.address) });
  const otherSigned = signHeader({ ...plainHeader, sequence: 8 }, ada);
  list.refuses("path, chain of another envelope", at(headOf(otherSigned, chain, 2)));
  const uncalled = appendEntry(walk(plainSigned, [ada, ben]), {
    id: plainSigned.id,
    identity: cleo,
    previous: ada.address,
    next: dora.address,
    ageS: 60,
  });
  list.refuses("path, a hop that was not addressed", at(headOf(plainSigned, uncalled, 1)));
  const digest = { ...walk(plainSigned, route, 2), elidedDigest: seed("digest").slice(0, 16) };
  list.refuses("path, elided digest exchanged", at(headOf(plainSigned, digest, 2)));
  const last = { ...walk(plainSigned, route, 2), elidedLast: dora.address };
  list.refuses("path, last elided hop exchanged", at(headOf(plainSigned, last, 2)));
}

/** vectors/envelopes.json */
export function envelopeCases(): CaseList {
  const list = new CaseList();
  headerCases(list);
  signedCases(list);
  headCases(list);
  return list;
}

/** vectors/chains.json */
export function chainCases(): CaseList {
  const list = new CaseList();
  pathCases(list);
  return list;
}
