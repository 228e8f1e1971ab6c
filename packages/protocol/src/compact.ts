import { addressOf } from "./address.js";
import { ByteReader, ByteWriter, fault, requireCanonical, requireRange, sameBytes } from "./bytes.js";
import { directChain, emptyChain, isDirectChain } from "./chain.js";
import {
  CREATED_BASE_UNIX_S,
  encodeHeader,
  type Header,
  type HeaderKind,
  type HeaderPrefix,
  readExtras,
  readKind,
  readSignedHeader,
  writeExtras,
  writeKind,
} from "./envelope.js";
import { decodeTransit, encodeTransit, type Head, type Transit } from "./head.js";
import { LIMITS } from "./limits.js";
import { payloadRoot } from "./payload.js";

/*
 * A head as one neighbour tells it to the other, without what both know (SPEC.md §6.1):
 *
 *   form │ mode, class │ flags │ codec │ [context] │ who and when │ [relays] │ [ack] │ [length, root] │ signature │ transit
 *
 *   who and when: in full, or the difference to a template the receiver has confirmed (one or two bytes each).
 *   length and root: left out where the whole payload is at hand. transit: one byte on the origin's own link.
 */

const PLAIN = 0;
const DEFINES = 1;
const USES = 2;
const PAYLOAD_FOLLOWS = 4;
const DIRECT = 8;

const ORIGIN_IS_SENDER = 1;
const DESTINATION_IS_RECEIVER = 2;

/** Slots for templates in one direction between two neighbours [0…15]. */
export const TEMPLATE_SLOTS = 16;

/** Both ends of the link, authenticated by it. */
export interface HeadEnds {
  /** Root key of who sends this copy, 32 bytes. */
  readonly sender: Uint8Array;
  /** Address of who gets it, 16 bytes. */
  readonly receiver: Uint8Array;
}

/** What heads of one series have in common, and the values their differences count from. */
export type HeadTemplate = Pick<
  Header,
  "origin" | "destination" | "keyEpoch" | "epoch" | "sequence" | "createdUnixS" | "lifetimeS" | "hopMax"
>;

export function templateOf(header: Header): HeadTemplate {
  const { origin, destination, keyEpoch, epoch, sequence, createdUnixS, lifetimeS, hopMax } = header;
  return { origin, destination, keyEpoch, epoch, sequence, createdUnixS, lifetimeS, hopMax };
}

/** Whether a head can be told as a difference to the template. */
export function fitsTemplate(header: Header, template: HeadTemplate): boolean {
  return (
    sameBytes(header.origin, template.origin) &&
    sameBytes(header.destination, template.destination) &&
    header.keyEpoch === template.keyEpoch &&
    header.epoch === template.epoch &&
    header.lifetimeS === template.lifetimeS &&
    header.hopMax === template.hopMax
  );
}

/** How a head is told. */
export interface CompactForm {
  readonly ends: HeadEnds;
  /** A template the receiver has, or a free slot in which it is to keep this head as one; null: neither. */
  readonly slot:
    | { readonly uses: number; readonly template: HeadTemplate }
    | { readonly defines: number }
    | null;
  /** The receiver gets the whole payload together with the head. */
  readonly payloadFollows: boolean;
}

/** @throws ProtocolError EST_PROTOCOL_RANGE for a slot above 15. */
export function encodeCompactHead(head: Head, how: CompactForm): Uint8Array {
  const { signed, transit } = head;
  const { header } = signed;
  const { slot, ends } = how;
  const direct = isDirect(transit, signed.id, header, ends);
  const kind = slot === null ? PLAIN : "uses" in slot ? USES : DEFINES;
  const number = slot === null ? 0 : "uses" in slot ? slot.uses : slot.defines;
  requireRange(number, { min: 0, max: TEMPLATE_SLOTS - 1 }, "template slot");
  const form = kind | (how.payloadFollows ? PAYLOAD_FOLLOWS : 0) | (direct ? DIRECT : 0) | (number << 4);
  const writer = new ByteWriter().u8(form, "form of a head");
  writeKind(writer, header);
  if (slot !== null && "uses" in slot) writeDifference(writer, header, slot.template);
  else writeInFull(writer, header, ends);
  writeExtras(writer, header);
  if (!how.payloadFollows)
    writer.varint(header.payloadBytes, "payload length").fixed(header.payloadRoot, 32, "payload root");
  writer.fixed(signed.signature, 64, "signature");
  if (direct) return writer.varint(transit.ageS, "age").finish();
  const bytes = encodeTransit(transit);
  return writer.varint(bytes.length, "transit length").raw(bytes).finish();
}

function isDirect(transit: Transit, id: Uint8Array, header: Header, ends: HeadEnds): boolean {
  const plain = transit.hopsUsed === 0 && transit.relayIndex === 0 && transit.keyRecord === null;
  if (!plain || !sameBytes(header.origin, ends.sender)) return false;
  return isDirectChain(transit.chain, directChain(id, addressOf(ends.sender), ends.receiver));
}

function writeInFull(writer: ByteWriter, header: Header, ends: HeadEnds): void {
  const own = sameBytes(header.origin, ends.sender);
  const here = sameBytes(header.destination, ends.receiver);
  writer.u8((own ? ORIGIN_IS_SENDER : 0) | (here ? DESTINATION_IS_RECEIVER : 0), "ends of a head");
  if (!own) writer.fixed(header.origin, 32, "origin key");
  if (!here) writer.fixed(header.destination, 16, "destination");
  writer
    .u8(header.keyEpoch, "key epoch")
    .u32(header.epoch, "epoch")
    .varint(header.sequence, "sequence")
    .varint(header.lifetimeS, "lifetime")
    .u8(header.hopMax, "hop limit");
  if (header.createdUnixS !== null) writer.varint(header.createdUnixS - CREATED_BASE_UNIX_S, "created");
}

function writeDifference(writer: ByteWriter, header: Header, template: HeadTemplate): void {
  writer.varint(zigzag(header.sequence - template.sequence), "sequence difference");
  if (header.createdUnixS !== null)
    writer.varint(zigzag(header.createdUnixS - createdBase(template)), "created difference");
}

function createdBase(template: HeadTemplate): number {
  return template.createdUnixS ?? CREATED_BASE_UNIX_S;
}

/** Small numbers of either sign as small numbers. Sequences differ by less than 2⁵² in practice; more does not encode. */
function zigzag(difference: number): number {
  return difference >= 0 ? difference * 2 : -difference * 2 - 1;
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** A head as heard, perhaps still without the payload's length and root. */
export interface CompactHead {
  /** Bytes it took of what was read; the payload follows them where it is at hand. */
  readonly bytes: number;
  /** Slot in which the receiver keeps it as a template once the envelope is kept; null: nowhere. */
  readonly defines: number | null;
  /** Its meaning rests on a template: when it does not verify, template and sender may have drifted apart. */
  readonly usesTemplate: boolean;
  readonly payloadFollows: boolean;
  /**
   * The head itself. `payload` where it follows; otherwise ignored.
   * @throws ProtocolError EST_PROTOCOL_{RANGE,ENCODING,VERSION,KEY} for values no head has, or that are told otherwise.
   */
  complete(payload: Uint8Array): Head;
}

/**
 * Reads a compact head from the beginning of `bytes`.
 * @param template What was kept in a slot; null: nothing, or the slot was never defined.
 * @returns Null when it refers to a template that is not here: the sender is to tell it in full.
 * @throws ProtocolError EST_PROTOCOL_{TRUNCATED,TRAILING,RANGE,ENCODING,VERSION,KEY,SIGNATURE}.
 */
export function readCompactHead(
  bytes: Uint8Array,
  ends: HeadEnds,
  template: (slot: number) => HeadTemplate | null,
): CompactHead | null {
  const reader = new ByteReader(bytes);
  const form = reader.u8("form of a head");
  const kind = form & 3;
  const slot = form >>> 4;
  if (kind === 3) throw fault("EST_PROTOCOL_VERSION", "this form of a head is not known");
  if (kind === PLAIN && slot !== 0) throw fault("EST_PROTOCOL_ENCODING", "a slot that means nothing");
  const { fields, has } = readKind(reader);
  const known = kind === USES ? template(slot) : null;
  if (kind === USES && known === null) return null;
  const common = known ? readDifference(reader, known, has) : readInFull(reader, ends, has);
  const prefix: HeaderPrefix = { ...fields, ...common, ...readExtras(reader, has) };
  const payloadFollows = (form & PAYLOAD_FOLLOWS) !== 0;
  const facts = payloadFollows ? null : readPayloadFacts(reader);
  const signature = reader.take(64, "signature");
  const direct = (form & DIRECT) !== 0;
  const transit = readTransit(reader, direct);
  if (!payloadFollows) reader.end("the head");
  const told = reader.taken();
  return {
    bytes: reader.position,
    defines: kind === DEFINES ? slot : null,
    usesTemplate: known !== null,
    payloadFollows,
    complete(payload) {
      const whole = facts ?? { payloadBytes: payload.length, payloadRoot: payloadRoot(payload) };
      const signed = readSignedHeader(encodeHeader({ ...prefix, ...whole }), signature);
      requireFitting(signed.header, transit);
      const chain = direct ? directChain(signed.id, addressOf(ends.sender), ends.receiver) : transit.chain;
      const head = { signed, transit: { ...transit, chain } };
      const again = known ? { uses: slot, template: known } : kind === DEFINES ? { defines: slot } : null;
      requireCanonical(told, encodeCompactHead(head, { ends, slot: again, payloadFollows }), "head");
      return head;
    },
  };
}

function requireFitting(header: Header, transit: Transit): void {
  if (transit.relayIndex > header.relays.length)
    throw fault(
      "EST_PROTOCOL_RANGE",
      `relay index ${transit.relayIndex} in a list of ${header.relays.length}`,
    );
  const keys = transit.keyRecord?.keys;
  if (keys !== undefined && (!sameBytes(keys.root, header.origin) || keys.epoch !== header.keyEpoch))
    throw fault("EST_PROTOCOL_KEY", "the key record is not of the key that signed the header");
}

function readPayloadFacts(reader: ByteReader): Pick<Header, "payloadBytes" | "payloadRoot"> {
  const payloadBytes = reader.varint("payload length");
  requireRange(payloadBytes, { min: 0, max: LIMITS.payloadBytesMax }, "payload length");
  return { payloadBytes, payloadRoot: reader.take(32, "payload root") };
}

function readTransit(reader: ByteReader, direct: boolean): Transit {
  if (!direct) {
    const length = reader.varint("transit length");
    requireRange(length, { min: 0, max: LIMITS.transitBytesMax }, "transit length");
    return decodeTransit(reader.take(length, "transit"));
  }
  const ageS = reader.varint("age");
  requireRange(ageS, { min: 0, max: LIMITS.ageSMax }, "age");
  return { hopsUsed: 0, ageS, relayIndex: 0, keyRecord: null, chain: emptyChain() };
}

function readInFull(reader: ByteReader, ends: HeadEnds, has: HeaderKind["has"]): HeadTemplate {
  const here = reader.u8("ends of a head");
  if (here > (ORIGIN_IS_SENDER | DESTINATION_IS_RECEIVER))
    throw fault("EST_PROTOCOL_VERSION", "these ends of a head are not known");
  return {
    origin: here & ORIGIN_IS_SENDER ? ends.sender : reader.take(32, "origin key"),
    destination: here & DESTINATION_IS_RECEIVER ? ends.receiver : reader.take(16, "destination"),
    keyEpoch: reader.u8("key epoch"),
    epoch: reader.u32("epoch"),
    sequence: reader.varint("sequence"),
    lifetimeS: reader.varint("lifetime"),
    hopMax: reader.u8("hop limit"),
    createdUnixS: has.created ? CREATED_BASE_UNIX_S + reader.varint("created") : null,
  };
}

function readDifference(reader: ByteReader, template: HeadTemplate, has: HeaderKind["has"]): HeadTemplate {
  const sequence = template.sequence + unzigzag(reader.varint("sequence difference"));
  const createdUnixS = has.created
    ? createdBase(template) + unzigzag(reader.varint("created difference"))
    : null;
  return { ...template, sequence, createdUnixS };
}
