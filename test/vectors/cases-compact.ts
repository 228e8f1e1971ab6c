import {
  appendEntry,
  type Chain,
  type CompactForm,
  directChain,
  elideChain,
  emptyChain,
  encodeCompactHead,
  type Head,
  type Header,
  type HeadTemplate,
  makeKeyRecord,
  payloadRoot,
  type SignedHeader,
  signHeader,
  type Transit,
  templateOf,
  toHex,
} from "@estafette/protocol";
import { ada, adaRotated, ben, CaseList, cleo, flipped, plainHeader, seed, spliced } from "./case-list.js";
import type { HeadTemplateJson, VectorInput } from "./vector-case.js";

const payload = new TextEncoder().encode("sealed, more or less");
const facts = { payloadBytes: payload.length, payloadRoot: payloadRoot(payload) };
const created = 1_767_225_600;
const ownLink = { sender: ada.keys.root, receiver: ben.address };
const overCleo = { sender: cleo.keys.root, receiver: ben.address };
const text: Header = { ...plainHeader, ...facts, staticSeal: true, sequence: 301, createdUnixS: created + 5 };
const rich: Header = {
  ...text,
  mode: "exit",
  class: "flash",
  codec: 130,
  clockTrusted: true,
  receipt: true,
  chunked: true,
  context: { uses: 2, defines: 3 },
  relays: [cleo.address],
  ackCommitment: seed("commitment").slice(0, 16),
};
const near: HeadTemplate = { ...templateOf(text), sequence: 300, createdUnixS: created };

function headOf(signed: SignedHeader, chain: Chain, transit: Partial<Transit> = {}): Head {
  return { signed, transit: { hopsUsed: 0, ageS: 7, relayIndex: 0, keyRecord: null, chain, ...transit } };
}

function direct(signed: SignedHeader, ends = ownLink): Chain {
  return directChain(signed.id, ada.address, ends.receiver);
}

function templateJson(slot: number, template: HeadTemplate): HeadTemplateJson {
  return { slot, ...template, origin: toHex(template.origin), destination: toHex(template.destination) };
}

/** The receiver holds {@link near} in slot 3. */
function told(head: Head, how: Omit<CompactForm, "ends">, ends = ownLink) {
  return {
    kind: "compact-head",
    bytes: toHex(encodeCompactHead(head, { ends, ...how })),
    sender: toHex(ends.sender),
    receiver: toHex(ends.receiver),
    template: templateJson(3, near),
    payload: toHex(payload),
  } as const;
}

const uses = { uses: 3, template: near };
const signed = signHeader(text, ada);
const plain = headOf(signed, direct(signed));
const right = told(plain, { slot: uses, payloadFollows: true });

function formCases(list: CaseList): void {
  const takes = (name: string, input: VectorInput, shown: Readonly<Record<string, unknown>> = {}) =>
    list.takes(`compact head, ${name}`, input, { valid: true, ...shown });
  takes("as short as it can be", right, { bytes: 71, elided: 1, usesTemplate: true, payloadFollows: true });
  takes("in full", told(plain, { slot: null, payloadFollows: false }), { bytes: 118 });
  takes("defines a template", told(plain, { slot: { defines: 15 }, payloadFollows: true }), { defines: 15 });
  takes("template, payload apart", told(plain, { slot: uses, payloadFollows: false }), { bytes: 104 });
  const richSigned = signHeader(rich, ada);
  const richHead = headOf(richSigned, direct(richSigned));
  takes("everything optional", told(richHead, { slot: uses, payloadFollows: true }));
  takes("everything optional, in full", told(richHead, { slot: null, payloadFollows: true }));
  const onward = { sender: ada.keys.root, receiver: cleo.address };
  const toCleo = headOf(signed, direct(signed, onward));
  takes("not for who hears it", told(toCleo, { slot: null, payloadFollows: true }, onward), { bytes: 101 });
  const differences: [string, Partial<Header>][] = [
    ["earlier than its template", { sequence: 200, createdUnixS: created - 70 }],
    ["far from its template", { sequence: 2 ** 51, createdUnixS: created + 90_000_000 }],
    ["without a time", { createdUnixS: null }],
    ["at the beginning of time", { sequence: 0, createdUnixS: 1_577_836_800 }],
  ];
  for (const [name, changes] of differences) {
    const other = signHeader({ ...text, ...changes }, ada);
    takes(name, told(headOf(other, direct(other)), { slot: uses, payloadFollows: true }));
  }
  const timeless = { ...near, createdUnixS: null };
  const fromTimeless = told(plain, { slot: { uses: 3, template: timeless }, payloadFollows: true });
  takes("template without a time", { ...fromTimeless, template: templateJson(3, timeless) });
}

function chainCases(list: CaseList): void {
  const takes = (name: string, head: Head, shown: Readonly<Record<string, unknown>>, ends = overCleo) =>
    list.takes(`compact head, ${name}`, told(head, { slot: uses, payloadFollows: true }, ends), shown);
  const { id } = signed;
  const draft = { id, identity: ada, previous: ada.address, next: cleo.address, ageS: 0 };
  const own = appendEntry(emptyChain(), draft);
  const both = appendEntry(own, { ...draft, identity: cleo, next: ben.address, ageS: 300 });
  const once = { hopsUsed: 1, ageS: 300 };
  takes("no chain", headOf(signed, emptyChain(), once), { elided: 0, entries: 0 });
  takes("two entries", headOf(signed, both, once), { elided: 0, entries: 2 });
  takes("two elided", headOf(signed, elideChain(both, id), once), { elided: 2, entries: 0 });
  takes("one elided that is not the direct one", headOf(signed, elideChain(own, id)), { elided: 1 }, ownLink);
  takes(
    "direct chain after a relay",
    headOf(signed, direct(signed), once),
    { elided: 1, hopsUsed: 1 },
    ownLink,
  );
  const keyRecord = makeKeyRecord(ada, adaRotated.keys);
  const rotated = signHeader({ ...text, keyEpoch: 2 }, adaRotated);
  const withRecord = headOf(rotated, direct(rotated), { keyRecord });
  const inFull = { slot: null, payloadFollows: true };
  list.takes("compact head, key record", told(withRecord, inFull), { valid: true, recordEpoch: 2 });
  list.takes("compact head, later key epoch, no record", told(headOf(rotated, direct(rotated)), inFull), {
    valid: false,
  });
  list.refuses(
    "compact head, record of another epoch",
    told(headOf(signed, direct(signed), { keyRecord }), inFull),
  );
  list.refuses(
    "compact head, relay index beyond the list",
    told(headOf(signed, direct(signed), { relayIndex: 1 }), inFull),
  );
}

function driftCases(list: CaseList): void {
  const bytes = Uint8Array.from(Buffer.from(right.bytes, "hex"));
  const missing = { head: null };
  list.takes("compact head, no template held", { ...right, template: null }, missing);
  list.takes("compact head, another slot held", { ...right, template: templateJson(4, near) }, missing);
  const drifted = { ...right, template: templateJson(3, { ...near, sequence: 299 }) };
  list.takes("compact head, template drifted apart", drifted, { valid: false });
  list.takes("compact head, another payload", { ...right, payload: "00" }, { valid: false });
  list.takes("compact head, signature altered", { ...right, bytes: flipped(bytes, 20) }, { valid: false });
  list.refuses("compact head, direct from another", { ...right, sender: toHex(cleo.keys.root) });
  const refuses = (name: string, what: string) =>
    list.refuses(`compact head, ${name}`, { ...right, bytes: what });
  refuses("empty", "");
  refuses("kind 3", flipped(bytes, 0));
  refuses("cut", toHex(bytes.slice(0, -1)));
  refuses("sequence below zero", spliced(bytes, 4, 1, 0xd9, 0x04));
  refuses("created before 2020", spliced(bytes, 5, 1, 0xff, 0xff, 0xff, 0xff, 0x0f));
  refuses("longer form of a difference", spliced(bytes, 4, 1, 0x82, 0x00));
  refuses("trusted clock without time", spliced(bytes, 2, 1, 0x12));
  refuses("context of no slot", spliced(bytes, 2, 2, 0x91, 0, 0xff));
  refuses("age of 2^32", spliced(bytes, bytes.length - 1, 1, 0x80, 0x80, 0x80, 0x80, 0x10));
  const inFull = Uint8Array.from(Buffer.from(told(plain, { slot: null, payloadFollows: true }).bytes, "hex"));
  refuses("slot without a template", spliced(inFull, 0, 1, 0x1c));
  refuses("ends 4", spliced(inFull, 4, 1, 4));
  refuses("its sender told in full", spliced(inFull, 4, 1, 2, ...ada.keys.root));
  refuses("its receiver told in full", spliced(inFull, 4, 1, 1, ...ben.address));
  const transit = [0, 7, 0x20, 1, ...plain.transit.chain.elidedDigest!];
  refuses(
    "a direct chain told in full",
    spliced(spliceBytes(inFull, 0, 0x04), inFull.length - 1, 1, transit.length, ...transit),
  );
  refuses(
    "transit longer than allowed",
    spliced(spliceBytes(inFull, 0, 0x04), inFull.length - 1, 1, 0x99, 0x11),
  );
  const apart = Uint8Array.from(Buffer.from(told(plain, { slot: uses, payloadFollows: false }).bytes, "hex"));
  refuses("payload apart, a byte more", `${toHex(apart)}00`);
  refuses("payload above the limit", spliced(apart, 6, 1, 0x81, 0x80, 0x80, 0x05));
}

function spliceBytes(bytes: Uint8Array, at: number, by: number): Uint8Array {
  const altered = bytes.slice();
  altered[at] = by;
  return altered;
}

/** vectors/compact.json */
export function compactCases(): CaseList {
  const list = new CaseList();
  formCases(list);
  chainCases(list);
  driftCases(list);
  return list;
}
