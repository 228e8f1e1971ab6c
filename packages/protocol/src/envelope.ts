import { invariant, type MessageClass } from "@estafette/contract";
import { addressOf } from "./address.js";
import {
  ByteReader,
  ByteWriter,
  fault,
  requireCanonical,
  requireLength,
  requireRange,
  sameBytes,
  sha256,
} from "./bytes.js";
import { type Identity, type PublicKeys, verify } from "./identity.js";
import { LIMITS } from "./limits.js";

/*
 *   ├──────────────────────── immutable, signed by the origin ───────────────────────┤
 *   │ prefix: who, where, how long, how urgent │ payload length │ payload Merkle root │ signature
 *   ├─ associated data of the seal ────────────┤
 */

const VERSION = 1;
/** 2020-01-01T00:00:00Z in Unix seconds; creation times count from here, to save a byte. */
export const CREATED_BASE_UNIX_S = 1_577_836_800;

/** Wire values are the positions. */
const MODES = ["end-to-end", "exit", "clear-signed"] as const;
const CLASSES = ["flash", "priority", "normal", "bulk"] as const satisfies readonly MessageClass[];

/** Who can read the payload (SPEC.md §8). Visible, signed, never switched on the way. */
export type Mode = (typeof MODES)[number];

const FLAG_CREATED = 1;
const FLAG_CLOCK_TRUSTED = 2;
const FLAG_ACK_COMMITMENT = 4;
const FLAG_RELAYS = 8;
const FLAG_STATIC_SEAL = 16;
const FLAG_RECEIPT = 32;
const FLAG_CHUNKED = 64;
const FLAG_CONTEXT = 128;
/** A half of the context byte that names no slot. */
const NO_SLOT = 15;

/** Compression contexts between origin and destination (SPEC.md §8.3). At least one of the two is a slot. */
export interface ContextUse {
  /** Slot [0…14] the content was compressed with; null: none. */
  readonly uses: number | null;
  /** Slot [0…14] in which the destination keeps this content for later ones; null: it keeps nothing. */
  readonly defines: number | null;
}

/** The immutable fields; one byte string per value (SPEC.md §5). */
export interface Header {
  readonly mode: Mode;
  readonly class: MessageClass;
  /**
   * How the content was compressed before sealing [0…255]; unknown ones pass relays and fail at the
   * endpoint.
   */
  readonly codec: number;
  /** Address of the node that opens it, 16 bytes. */
  readonly destination: Uint8Array;
  /** Root key of the node that signed it, 32 bytes. */
  readonly origin: Uint8Array;
  /** Key epoch of the signing key [0…255]. */
  readonly keyEpoch: number;
  /** Random 32-bit number drawn at each start of the origin. */
  readonly epoch: number;
  /** Of the first message inside [0…2⁵³−1]. */
  readonly sequence: number;
  /** Seconds since 1970 UTC, at least 2020-01-01; null when the origin does not know the time. */
  readonly createdUnixS: number | null;
  /** The origin's clock was trusted; only with {@link createdUnixS}. */
  readonly clockTrusted: boolean;
  /** Sealed static–static (24 bytes) instead of with an ephemeral key (48 bytes). Never with clear-signed. */
  readonly staticSeal: boolean;
  /** A signed receipt is asked for. */
  readonly receipt: boolean;
  /** The payload is a row of chunks, each sealed for itself (SPEC.md §8.2). Only with {@link staticSeal}. */
  readonly chunked: boolean;
  /** Only with {@link staticSeal}; null: the content stands for itself. */
  readonly context: ContextUse | null;
  /** Seconds [3 600…2 592 000], counted by age, not by wall clocks. */
  readonly lifetimeS: number;
  /** Relays it may pass [0…16]. */
  readonly hopMax: number;
  /** Relays to pass in this order, 0…8 addresses; empty: any way. */
  readonly relays: readonly Uint8Array[];
  /** 16 bytes (SPEC.md §11), or null: no ack can be proven. */
  readonly ackCommitment: Uint8Array | null;
  /** Length of the payload as carried [0…10 485 760]. */
  readonly payloadBytes: number;
  /** Merkle root of the payload, 32 bytes. */
  readonly payloadRoot: Uint8Array;
}

/** What is known before the payload is sealed. */
export type HeaderPrefix = Omit<Header, "payloadBytes" | "payloadRoot">;

/** A header with the exact bytes its signature covers. */
export interface SignedHeader {
  readonly header: Header;
  /** The immutable bytes, exactly as signed. */
  readonly bytes: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
  /** Envelope id: first 16 bytes of SHA-256(bytes). */
  readonly id: Uint8Array;
  /** Address of {@link Header.origin}, 16 bytes. */
  readonly originAddress: Uint8Array;
}

function flagsOf(header: HeaderPrefix): number {
  return (
    (header.createdUnixS !== null ? FLAG_CREATED : 0) |
    (header.clockTrusted ? FLAG_CLOCK_TRUSTED : 0) |
    (header.ackCommitment !== null ? FLAG_ACK_COMMITMENT : 0) |
    (header.relays.length > 0 ? FLAG_RELAYS : 0) |
    (header.staticSeal ? FLAG_STATIC_SEAL : 0) |
    (header.receipt ? FLAG_RECEIPT : 0) |
    (header.chunked ? FLAG_CHUNKED : 0) |
    (header.context !== null ? FLAG_CONTEXT : 0)
  );
}

/** Rules between fields, the same for both directions. */
function requireConsistent(flags: number, mode: Mode): void {
  if (flags & FLAG_CLOCK_TRUSTED && !(flags & FLAG_CREATED)) {
    throw fault("EST_PROTOCOL_ENCODING", "a trusted clock without a time");
  }
  if (flags & FLAG_STATIC_SEAL && mode === "clear-signed") {
    throw fault("EST_PROTOCOL_ENCODING", "a clear-signed envelope has no seal");
  }
  if (flags & (FLAG_CHUNKED | FLAG_CONTEXT) && !(flags & FLAG_STATIC_SEAL)) {
    throw fault("EST_PROTOCOL_ENCODING", "chunks and contexts need a static seal");
  }
}

function contextByte({ uses, defines }: ContextUse): number {
  if (uses === null && defines === null)
    throw fault("EST_PROTOCOL_ENCODING", "a context byte that names no slot");
  for (const slot of [uses, defines])
    if (slot !== null) requireRange(slot, { min: 0, max: NO_SLOT - 1 }, "context slot");
  return ((uses ?? NO_SLOT) << 4) | (defines ?? NO_SLOT);
}

function readContext(byte: number): ContextUse {
  if (byte === 0xff) throw fault("EST_PROTOCOL_ENCODING", "a context byte that names no slot");
  const slot = (half: number): number | null => (half === NO_SLOT ? null : half);
  return { uses: slot(byte >>> 4), defines: slot(byte & 15) };
}

/**
 * The immutable bytes before payload length and root: associated data of the seal.
 * @throws ProtocolError EST_PROTOCOL_RANGE, EST_PROTOCOL_ENCODING for values no header can carry.
 */
export function encodeHeaderPrefix(header: HeaderPrefix): Uint8Array {
  const writer = new ByteWriter();
  writeKind(writer, header);
  writer
    .fixed(header.destination, 16, "destination")
    .fixed(header.origin, 32, "origin key")
    .u8(header.keyEpoch, "key epoch")
    .u32(header.epoch, "epoch")
    .varint(header.sequence, "sequence");
  if (header.createdUnixS !== null) {
    const offsetS = header.createdUnixS - CREATED_BASE_UNIX_S;
    requireRange(offsetS, { min: 0, max: LIMITS.createdOffsetSMax }, "created");
    writer.varint(offsetS, "created");
  }
  requireRange(header.lifetimeS, { min: LIMITS.lifetimeSMin, max: LIMITS.lifetimeSMax }, "lifetime");
  requireRange(header.hopMax, { min: 0, max: LIMITS.hopMax }, "hop limit");
  writer.varint(header.lifetimeS, "lifetime").u8(header.hopMax, "hop limit");
  writeExtras(writer, header);
  return writer.finish();
}

/** Version, mode, class, flags, codec and context: what the rest of a head is to be read by. */
export function writeKind(writer: ByteWriter, header: HeaderPrefix): void {
  const flags = flagsOf(header);
  requireConsistent(flags, header.mode);
  writer
    .u8((VERSION << 4) | (MODES.indexOf(header.mode) << 2) | CLASSES.indexOf(header.class), "mode and class")
    .u8(flags, "flags")
    .u8(header.codec, "codec");
  if (header.context !== null) writer.u8(contextByte(header.context), "context");
}

/** Relay list and ack commitment, where there are any. */
export function writeExtras(writer: ByteWriter, header: HeaderPrefix): void {
  if (header.relays.length > 0) {
    requireRange(header.relays.length, { min: 1, max: LIMITS.relaysMax }, "relay count");
    writer.u8(header.relays.length, "relay count");
    for (const relay of header.relays) writer.fixed(relay, 16, "relay");
  }
  if (header.ackCommitment !== null) writer.fixed(header.ackCommitment, 16, "ack commitment");
}

/** The immutable bytes. Errors as {@link encodeHeaderPrefix}. */
export function encodeHeader(header: Header): Uint8Array {
  requireRange(header.payloadBytes, { min: 0, max: LIMITS.payloadBytesMax }, "payload length");
  return new ByteWriter()
    .raw(encodeHeaderPrefix(header))
    .varint(header.payloadBytes, "payload length")
    .fixed(header.payloadRoot, 32, "payload root")
    .finish();
}

function readModeAndClass(byte: number): { mode: Mode; class: MessageClass } {
  if (byte >>> 4 !== VERSION)
    throw fault("EST_PROTOCOL_VERSION", `envelope version ${byte >>> 4} is not known`);
  const mode = MODES[(byte >>> 2) & 3];
  const messageClass = CLASSES[byte & 3];
  if (mode === undefined || messageClass === undefined) {
    throw fault("EST_PROTOCOL_VERSION", "envelope mode 3 is not known");
  }
  return { mode, class: messageClass };
}

function readRelays(reader: ByteReader): Uint8Array[] {
  const count = reader.u8("relay count");
  requireRange(count, { min: 1, max: LIMITS.relaysMax }, "relay count");
  return Array.from({ length: count }, () => reader.take(16, "relay"));
}

/** What {@link writeKind} wrote, and which other fields follow. */
export interface HeaderKind {
  readonly fields: Pick<
    Header,
    "mode" | "class" | "codec" | "context" | "clockTrusted" | "staticSeal" | "receipt" | "chunked"
  >;
  readonly has: { readonly created: boolean; readonly relays: boolean; readonly ackCommitment: boolean };
}

/** @throws ProtocolError EST_PROTOCOL_{TRUNCATED,RANGE,ENCODING,VERSION}. */
export function readKind(reader: ByteReader): HeaderKind {
  const kind = readModeAndClass(reader.u8("version"));
  const flags = reader.u8("flags");
  requireConsistent(flags, kind.mode);
  const codec = reader.u8("codec");
  return {
    fields: {
      ...kind,
      codec,
      context: flags & FLAG_CONTEXT ? readContext(reader.u8("context")) : null,
      clockTrusted: (flags & FLAG_CLOCK_TRUSTED) !== 0,
      staticSeal: (flags & FLAG_STATIC_SEAL) !== 0,
      receipt: (flags & FLAG_RECEIPT) !== 0,
      chunked: (flags & FLAG_CHUNKED) !== 0,
    },
    has: {
      created: (flags & FLAG_CREATED) !== 0,
      relays: (flags & FLAG_RELAYS) !== 0,
      ackCommitment: (flags & FLAG_ACK_COMMITMENT) !== 0,
    },
  };
}

/** @throws ProtocolError EST_PROTOCOL_{TRUNCATED,RANGE}. */
export function readExtras(
  reader: ByteReader,
  has: HeaderKind["has"],
): Pick<Header, "relays" | "ackCommitment"> {
  return {
    relays: has.relays ? readRelays(reader) : [],
    ackCommitment: has.ackCommitment ? reader.take(16, "ack commitment") : null,
  };
}

/**
 * Reads immutable bytes strictly: whatever is accepted encodes to the same bytes again.
 * @throws ProtocolError EST_PROTOCOL_{TRUNCATED,TRAILING,RANGE,ENCODING,VERSION}.
 */
export function decodeHeader(bytes: Uint8Array): Header {
  requireRange(bytes.length, { min: 0, max: LIMITS.headerBytesMax }, "header length");
  const reader = new ByteReader(bytes);
  const { fields, has } = readKind(reader);
  const header: Header = {
    ...fields,
    destination: reader.take(16, "destination"),
    origin: reader.take(32, "origin key"),
    keyEpoch: reader.u8("key epoch"),
    epoch: reader.u32("epoch"),
    sequence: reader.varint("sequence"),
    createdUnixS: has.created ? CREATED_BASE_UNIX_S + reader.varint("created") : null,
    lifetimeS: reader.varint("lifetime"),
    hopMax: reader.u8("hop limit"),
    ...readExtras(reader, has),
    payloadBytes: reader.varint("payload length"),
    payloadRoot: reader.take(32, "payload root"),
  };
  reader.end("the header");
  requireCanonical(bytes, encodeHeader(header), "header");
  return header;
}

/** First 16 bytes of SHA-256 over the immutable bytes. */
export function envelopeIdOf(immutable: Uint8Array): Uint8Array {
  return sha256(immutable).slice(0, 16);
}

/**
 * Joins immutable bytes and a signature without checking the latter. Errors as {@link decodeHeader}.
 */
export function readSignedHeader(immutable: Uint8Array, signature: Uint8Array): SignedHeader {
  requireLength(signature, 64, "signature");
  const header = decodeHeader(immutable);
  return {
    header,
    bytes: immutable,
    signature,
    id: envelopeIdOf(immutable),
    originAddress: addressOf(header.origin),
  };
}

/** @throws InvariantError when `identity` is not the origin named in the header, in that key epoch. */
export function signHeader(header: Header, identity: Identity): SignedHeader {
  invariant(sameBytes(header.origin, identity.keys.root), "an origin signs only its own headers");
  invariant(header.keyEpoch === identity.keys.epoch, "a header names the key epoch that signs it");
  const bytes = encodeHeader(header);
  return readSignedHeader(bytes, identity.sign("envelope", bytes));
}

/** True only when `keys` are the origin's, of the epoch the header names, and the signature holds. */
export function verifyHeader(signed: SignedHeader, keys: PublicKeys): boolean {
  if (!sameBytes(keys.root, signed.header.origin) || keys.epoch !== signed.header.keyEpoch) return false;
  if (keys.epoch === 0 && !sameBytes(keys.signing, keys.root)) return false;
  return verify(keys.signing, "envelope", signed.signature, signed.bytes);
}
