import { ByteReader, ByteWriter, fault, hashIn, requireRange, sameBytes } from "./bytes.js";
import { type Identity, type PublicKeys, verify } from "./identity.js";
import { LIMITS } from "./limits.js";

/*
 *   token t ──► accepted(t) = H(ack-accepted ‖ t) ──► commitment = H(ack ‖ accepted)      (16 bytes each)
 *   in the seal      shown by stage "accepted"            in the signed header
 *   shown by stage "final"
 *
 * Whoever holds the header can check either stage with one or two hashes; only who opened the seal
 * can show it.
 */

/** `accepted`: the exit took it. `final`: delivered, or the remote mail server answered 250. */
export type AckStage = "accepted" | "final";

/** A self-proving acknowledgement: 33 bytes. */
export interface Ack {
  /** Envelope id, 16 bytes. */
  readonly id: Uint8Array;
  readonly stage: AckStage;
  /** 16 bytes: accepted(t) for stage `accepted`, the token t itself for stage `final`. */
  readonly proof: Uint8Array;
}

/** Wire values are the positions. */
const OUTCOMES = ["delivered", "accepted", "expired", "refused"] as const;
export type ReceiptOutcome = (typeof OUTCOMES)[number];

/**
 * What became of an envelope, or of one message in it, signed by the node that says so. 117 or 118
 * bytes.
 */
export interface SignedReceipt {
  /** Envelope id, 16 bytes. */
  readonly id: Uint8Array;
  /** Position of the message in the content [0…255]; null: the whole envelope. */
  readonly message: number | null;
  readonly outcome: ReceiptOutcome;
  /** Why [0…255]; 0 when there is nothing to add. {@link RECEIPT_REASONS}. */
  readonly reason: number;
  /** Root key of who signed, 32 bytes. */
  readonly signer: Uint8Array;
  readonly keyEpoch: number;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** One outcome for several messages of an envelope, under one signature. 118 to 149 bytes. */
export interface SignedReceipts extends Omit<SignedReceipt, "message"> {
  /** Their positions in the content [0…255], ascending, at least one. */
  readonly messages: readonly number[];
}

/** Values of {@link SignedReceipt.reason}. Unknown ones are carried and shown as a number. */
export const RECEIPT_REASONS = {
  none: 0,
  lifetime: 1,
  "hop-limit": 2,
  "no-route": 3,
  "unknown-user": 4,
  denied: 5,
  "too-large": 6,
  unreadable: 7,
  policy: 8,
  "remote-refused": 9,
  operator: 10,
  /** The destination no longer holds what the content refers to: the origin seals it anew. */
  context: 11,
} as const;

export type Note =
  | ({ readonly kind: "ack" } & Ack)
  | ({ readonly kind: "receipt" } & SignedReceipt)
  | ({ readonly kind: "receipts" } & SignedReceipts);

const TYPE_ACK_ACCEPTED = 0x01;
const TYPE_ACK_FINAL = 0x02;
const TYPE_RECEIPT = 0x03;
const TYPE_RECEIPTS = 0x04;
/** Bytes of a bitmap with one bit for each message an envelope can hold. */
const BITMAP_BYTES_MAX = LIMITS.contentMessagesMax / 8;

/** What stage `accepted` reveals: first 16 bytes of SHA-256(`estafette/v1/ack-accepted\0` ‖ token). */
export function acceptedProof(token: Uint8Array): Uint8Array {
  return hashIn("ack-accepted", new ByteWriter().fixed(token, 16, "token").finish()).slice(0, 16);
}

function commitmentOf(accepted: Uint8Array): Uint8Array {
  return hashIn("ack", accepted).slice(0, 16);
}

/** The 16 bytes the header carries for a 16-byte token. */
export function ackCommitment(token: Uint8Array): Uint8Array {
  return commitmentOf(acceptedProof(token));
}

/** The ack of one stage, made by who knows the token. */
export function makeAck(id: Uint8Array, stage: AckStage, token: Uint8Array): Ack {
  return { id, stage, proof: stage === "final" ? token.slice() : acceptedProof(token) };
}

/** Exactly 33 bytes: type, envelope id, proof. */
export function encodeAck(ack: Ack): Uint8Array {
  return new ByteWriter()
    .u8(ack.stage === "final" ? TYPE_ACK_FINAL : TYPE_ACK_ACCEPTED, "note type")
    .fixed(ack.id, 16, "envelope id")
    .fixed(ack.proof, 16, "proof")
    .finish();
}

/** Does the proof lead to the commitment of the envelope's header? */
export function verifyAck(ack: Ack, commitment: Uint8Array): boolean {
  if (ack.proof.length !== 16) return false;
  const accepted = ack.stage === "final" ? acceptedProof(ack.proof) : ack.proof;
  return sameBytes(commitmentOf(accepted), commitment);
}

type UnsignedReceipt = Omit<SignedReceipt, "signature">;
type UnsignedReceipts = Omit<SignedReceipts, "signature">;
type Statement = Omit<UnsignedReceipt, "id" | "message">;

function receiptPart(receipt: UnsignedReceipt): Uint8Array {
  if (receipt.message !== null) {
    requireRange(receipt.message, { min: 0, max: LIMITS.contentMessagesMax - 1 }, "message position");
  }
  const writer = new ByteWriter()
    .fixed(receipt.id, 16, "envelope id")
    .varint(receipt.message === null ? 0 : receipt.message + 1, "message position");
  return writeStatement(writer, receipt).finish();
}

function writeStatement(writer: ByteWriter, said: Statement): ByteWriter {
  return writer
    .u8(OUTCOMES.indexOf(said.outcome), "outcome")
    .u8(said.reason, "reason")
    .fixed(said.signer, 32, "signer")
    .u8(said.keyEpoch, "key epoch");
}

/** Type included: what is signed for several messages is never what is signed for one. */
function receiptsPart(receipts: UnsignedReceipts): Uint8Array {
  const bitmap = bitmapOf(receipts.messages);
  const writer = new ByteWriter()
    .u8(TYPE_RECEIPTS, "note type")
    .fixed(receipts.id, 16, "envelope id")
    .u8(bitmap.length, "bitmap length")
    .raw(bitmap);
  return writeStatement(writer, receipts).finish();
}

/** Bit i of byte j, counted from the lowest, is message 8·j + i; the last byte is not 0. */
function bitmapOf(messages: readonly number[]): Uint8Array {
  requireRange(messages.length, { min: 1, max: LIMITS.contentMessagesMax }, "message count");
  for (const position of messages)
    requireRange(position, { min: 0, max: LIMITS.contentMessagesMax - 1 }, "message position");
  const bitmap = new Uint8Array(Math.floor(Math.max(...messages) / 8) + 1);
  for (const position of messages)
    bitmap[position >>> 3] = (bitmap[position >>> 3] ?? 0) | (1 << (position & 7));
  return bitmap;
}

function positionsIn(bitmap: Uint8Array): number[] {
  const positions: number[] = [];
  for (const [j, byte] of bitmap.entries())
    for (let i = 0; i < 8; i++) if ((byte >>> i) & 1) positions.push(8 * j + i);
  return positions;
}

/** Signs what became of an envelope, or of one message in it, as this node. */
export function signReceipt(
  said: {
    readonly id: Uint8Array;
    readonly outcome: ReceiptOutcome;
    readonly reason: number;
    readonly message?: number | null;
  },
  identity: Identity,
): SignedReceipt {
  const unsigned: UnsignedReceipt = {
    id: said.id,
    message: said.message ?? null,
    outcome: said.outcome,
    reason: said.reason,
    signer: identity.keys.root,
    keyEpoch: identity.keys.epoch,
  };
  return { ...unsigned, signature: identity.sign("receipt", receiptPart(unsigned)) };
}

/**
 * Signs one outcome for several messages of an envelope, as this node. Their order does not matter.
 * @throws ProtocolError EST_PROTOCOL_RANGE for no message, or a position above 255.
 */
export function signReceipts(
  said: {
    readonly id: Uint8Array;
    readonly outcome: ReceiptOutcome;
    readonly reason: number;
    readonly messages: readonly number[];
  },
  identity: Identity,
): SignedReceipts {
  const unsigned: UnsignedReceipts = {
    id: said.id,
    messages: positionsIn(bitmapOf(said.messages)),
    outcome: said.outcome,
    reason: said.reason,
    signer: identity.keys.root,
    keyEpoch: identity.keys.epoch,
  };
  return { ...unsigned, signature: identity.sign("receipt", receiptsPart(unsigned)) };
}

/** Type, signed part, signature: 117 or 118 bytes. */
export function encodeReceipt(receipt: SignedReceipt): Uint8Array {
  return new ByteWriter()
    .u8(TYPE_RECEIPT, "note type")
    .raw(receiptPart(receipt))
    .fixed(receipt.signature, 64, "signature")
    .finish();
}

/** Signed part, type included, and signature: 118 to 149 bytes. */
export function encodeReceipts(receipts: SignedReceipts): Uint8Array {
  return new ByteWriter().raw(receiptsPart(receipts)).fixed(receipts.signature, 64, "signature").finish();
}

/**
 * True when `keys` are the signer's, of that epoch, and the signature holds. Whether the signer is
 * entitled to
 * say so is the caller's question (SPEC.md §11.3).
 */
export function verifyReceipt(receipt: SignedReceipt, keys: PublicKeys): boolean {
  return isSigner(receipt, keys) && verify(keys.signing, "receipt", receipt.signature, receiptPart(receipt));
}

/** As {@link verifyReceipt}. */
export function verifyReceipts(receipts: SignedReceipts, keys: PublicKeys): boolean {
  if (!isSigner(receipts, keys)) return false;
  return verify(keys.signing, "receipt", receipts.signature, receiptsPart(receipts));
}

function isSigner(said: Statement, keys: PublicKeys): boolean {
  return sameBytes(keys.root, said.signer) && keys.epoch === said.keyEpoch;
}

function readReceipt(reader: ByteReader): SignedReceipt {
  const id = reader.take(16, "envelope id");
  const position = reader.varint("message position");
  requireRange(position, { min: 0, max: LIMITS.contentMessagesMax }, "message position");
  return { id, message: position === 0 ? null : position - 1, ...readStatement(reader) };
}

function readReceipts(reader: ByteReader): SignedReceipts {
  const id = reader.take(16, "envelope id");
  const length = reader.u8("bitmap length");
  requireRange(length, { min: 1, max: BITMAP_BYTES_MAX }, "bitmap length");
  const bitmap = reader.take(length, "bitmap");
  if (bitmap.at(-1) === 0) throw fault("EST_PROTOCOL_ENCODING", "a bitmap ends in a byte that says nothing");
  return { id, messages: positionsIn(bitmap), ...readStatement(reader) };
}

function readStatement(reader: ByteReader): Statement & Pick<SignedReceipt, "signature"> {
  const outcome = OUTCOMES[reader.u8("outcome")];
  if (outcome === undefined) throw fault("EST_PROTOCOL_VERSION", "a receipt outcome that is not known");
  return {
    outcome,
    reason: reader.u8("reason"),
    signer: reader.take(32, "signer"),
    keyEpoch: reader.u8("key epoch"),
    signature: reader.take(64, "signature"),
  };
}

/**
 * Strict inverse of {@link encodeReceipt}. The signature is not checked here.
 * @throws ProtocolError as {@link decodeNote}, and EST_PROTOCOL_VERSION for another kind of note.
 */
export function decodeReceipt(bytes: Uint8Array): SignedReceipt {
  const note = decodeNote(bytes);
  if (note.kind !== "receipt") throw fault("EST_PROTOCOL_VERSION", "this note is not a receipt");
  const { kind: _, ...receipt } = note;
  return receipt;
}

/**
 * Reads any note strictly. Nothing is verified: see {@link verifyAck}, {@link verifyReceipt} and {@link verifyReceipts}.
 * @throws ProtocolError EST_PROTOCOL_{TRUNCATED,TRAILING,RANGE,ENCODING,VERSION}.
 */
export function decodeNote(bytes: Uint8Array): Note {
  requireRange(bytes.length, { min: 0, max: LIMITS.noteBytesMax }, "note length");
  const reader = new ByteReader(bytes);
  const type = reader.u8("note type");
  const note = readNote(type, reader);
  reader.end("the note");
  return note;
}

function readNote(type: number, reader: ByteReader): Note {
  switch (type) {
    case TYPE_ACK_ACCEPTED:
    case TYPE_ACK_FINAL:
      return {
        kind: "ack",
        id: reader.take(16, "envelope id"),
        stage: type === TYPE_ACK_FINAL ? "final" : "accepted",
        proof: reader.take(16, "proof"),
      };
    case TYPE_RECEIPT:
      return { kind: "receipt", ...readReceipt(reader) };
    case TYPE_RECEIPTS:
      return { kind: "receipts", ...readReceipts(reader) };
    default:
      throw fault("EST_PROTOCOL_VERSION", `note type ${type} is not known`);
  }
}
