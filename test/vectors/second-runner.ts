import * as codec from "./second-codec.js";
import { compactHead } from "./second-compact.js";
import { blocks, content, greeting, series } from "./second-content.js";
import {
  admittedPoint,
  admitU,
  agree,
  type Bytes,
  equal,
  hex,
  join,
  montgomery,
  named,
  open,
  openChunks,
  rootOf,
  sha256,
  unhex,
  verifies,
} from "./second-crypto.js";
import { patternPayload, type VectorInput } from "./vector-case.js";

const MODES = ["end-to-end", "exit", "clear-signed"];
const CLASSES = ["flash", "priority", "normal", "bulk"];
const KINDS = ["mail", "text", "notice"];
const OUTCOMES = ["delivered", "accepted", "expired", "refused"];
const EVERYBODY = new Uint8Array(16).fill(255);

const addressOf = (root: Bytes) => named("address", root).slice(0, 16);

/** Runs a case through the second verifier; any throw is a refusal. */
export function runSecond(input: VectorInput): unknown {
  switch (input.kind) {
    case "gate-ed25519":
      return { sealing: hex(montgomery(unhex(input.key))) };
    case "gate-x25519":
      admitU(unhex(input.key));
      return { admitted: true };
    case "identity": {
      const root = rootOf(unhex(input.seed));
      return { root: hex(root), sealing: hex(montgomery(root)), address: hex(addressOf(root)) };
    }
    case "agree":
      return { secret: hex(agree(unhex(input.seed), unhex(input.theirs))) };
    case "verify":
      return {
        valid: verifies(unhex(input.key), input.purpose, unhex(input.message), unhex(input.signature)),
      };
    case "key-record": {
      const { root, epoch, signing, sealing } = keyRecord(unhex(input.bytes));
      return { root: hex(root), epoch, signing: hex(signing), sealing: hex(sealing) };
    }
    case "address": {
      const root = unhex(input.root);
      const fingerprint = codec.crockford(named("fingerprint", root), 16);
      return { address: hex(addressOf(root)), text: codec.writeAddress(addressOf(root)), fingerprint };
    }
    case "parse-address":
      return { address: hex(codec.readAddress(input.text)) };
    case "public-id":
      return { id: publicId(unhex(input.address), input.epoch, input.sequence) };
    case "payload-root":
      return { root: hex(codec.merkle(patternPayload(input.length))) };
    case "open":
      return { plaintext: hex(openCase(input)) };
    case "open-chunks":
      return { chunks: openChunks({ ...sealedCase(input), payloadBytes: input.payloadBytes }).map(hex) };
    case "blocks":
      return { blocks: blocks(unhex(input.bytes)).map((block) => ({ ...block, bytes: hex(block.bytes) })) };
    case "greeting":
      return greeting(unhex(input.bytes));
    case "content":
    case "series":
      return { messages: contentCase(input) };
    case "compact-head":
      return compactCase(input);
    case "commitment": {
      const accepted = named("ack-accepted", unhex(input.token)).slice(0, 16);
      return { accepted: hex(accepted), commitment: hex(named("ack", accepted).slice(0, 16)) };
    }
    case "note":
    case "ack":
    case "receipt":
      return noteCase(input);
    default:
      return envelopeCase(input);
  }
}

function publicId(address: Bytes, epoch: number, sequence: number): string {
  const head = Buffer.alloc(20);
  head.set(address);
  head.writeUInt32BE(epoch, 16);
  const varint: number[] = [];
  let rest = BigInt(sequence);
  for (; rest > 127n; rest /= 128n) varint.push(Number(rest % 128n) + 128);
  varint.push(Number(rest));
  return codec.crockford(named("public-id", head, Uint8Array.from(varint)), 8);
}

function keyRecord(bytes: Bytes) {
  if (bytes.length !== 162 || bytes[0] !== 1) throw new Error("record form");
  const c = new codec.Cursor(bytes);
  c.byte();
  const record = { root: c.take(32), epoch: c.byte(255, 1), signing: c.take(32), sealing: c.take(32) };
  admittedPoint(record.signing);
  admitU(record.sealing);
  if (!verifies(record.root, "key-record", bytes.slice(0, 98), bytes.slice(98))) throw new Error("signature");
  return record;
}

function openCase(input: Extract<VectorInput, { kind: "open" }>): Bytes {
  return open({ ...sealedCase(input), staticSeal: input.staticSeal });
}

function sealedCase(input: Extract<VectorInput, { kind: "open" | "open-chunks" }>) {
  return {
    seed: unhex(input.seed),
    originRoot: unhex(input.origin),
    prefix: unhex(input.prefix),
    payload: unhex(input.payload),
    context: unhex(input.context ?? ""),
    recipientRoot: input.recipient === undefined ? null : unhex(input.recipient),
  };
}

function contentCase(input: Extract<VectorInput, { kind: "content" | "series" }>) {
  const base = { ...input.base, class: CLASSES.indexOf(input.base.class) };
  const messages =
    input.kind === "content"
      ? content(unhex(input.bytes), base)
      : series(
          input.pieces.map(({ apart, bytes }) => ({ apart, bytes: unhex(bytes) })),
          base,
        );
  return messages.map((message) => ({
    ...message,
    class: CLASSES[message.class],
    kind: KINDS[message.kind],
    token: message.token && hex(message.token),
    body: hex(message.body),
  }));
}

function noteCase(input: Extract<VectorInput, { kind: "note" | "ack" | "receipt" }>) {
  const note = codec.note(unhex(input.bytes));
  if (input.kind === "ack") {
    if (note.kind !== "ack") return { valid: false };
    const accepted = note.stage === "final" ? named("ack-accepted", note.proof).slice(0, 16) : note.proof;
    return { valid: equal(named("ack", accepted).slice(0, 16), unhex(input.commitment)) };
  }
  if (note.kind === "ack") {
    if (input.kind === "receipt") throw new Error("not a receipt");
    return { ...note, id: hex(note.id), proof: hex(note.proof) };
  }
  if (input.kind === "receipt") {
    const mine = note.keyEpoch === 0 && equal(note.signer, unhex(input.root));
    return { valid: mine && verifies(note.signer, "receipt", note.signedPart, note.signature) };
  }
  const { signedPart: _, message, ...fields } = { message: undefined, ...note };
  return {
    ...fields,
    ...(message === undefined ? {} : { message: message === 0 ? null : message - 1 }),
    id: hex(note.id),
    outcome: OUTCOMES[note.outcome],
    signer: hex(note.signer),
    signature: hex(note.signature),
  };
}

function headerJson(bytes: Bytes) {
  const { prefixLength, ...header } = codec.header(bytes);
  return {
    ...header,
    mode: MODES[header.mode],
    class: CLASSES[header.class],
    destination: hex(header.destination),
    origin: hex(header.origin),
    relays: header.relays.map(hex),
    ackCommitment: header.ackCommitment && hex(header.ackCommitment),
    payloadRoot: hex(header.payloadRoot),
    prefixBytes: prefixLength,
  };
}

function compactCase(input: Extract<VectorInput, { kind: "compact-head" }>) {
  const { bytes, sender, receiver, template, payload } = input;
  const [told, from, to, whole] = [bytes, sender, receiver, payload].map(unhex) as [
    Bytes,
    Bytes,
    Bytes,
    Bytes,
  ];
  const head = compactHead({ bytes: told, sender: from, receiver: to, template, payload: whole });
  if (head === null) return { head: null };
  const { fields, moving, immutable, signature, id } = head;
  const record = moving.record === null ? null : keyRecord(moving.record);
  if (record && (!equal(record.root, fields.origin) || record.epoch !== fields.keyEpoch)) {
    throw new Error("foreign key record");
  }
  const key = fields.keyEpoch === 0 ? fields.origin : record?.signing;
  return {
    bytes: head.bytes,
    defines: head.defines,
    usesTemplate: head.usesTemplate,
    payloadFollows: head.payloadFollows,
    header: hex(immutable),
    id: hex(id),
    valid: key !== undefined && verifies(key, "envelope", immutable, signature),
    hopsUsed: moving.hopsUsed,
    ageS: moving.ageS,
    relayIndex: moving.relayIndex,
    recordEpoch: record?.epoch ?? null,
    elided: moving.chain.elidedCount,
    digest: moving.chain.digest && hex(moving.chain.digest),
    entries: moving.chain.entries.length,
  };
}

function envelopeCase(
  input: Extract<VectorInput, { kind: "header" | "signed-header" | "head" | "path" }>,
): unknown {
  if (input.kind === "header" || input.kind === "signed-header") {
    const bytes = unhex(input.bytes);
    const fields = headerJson(bytes);
    const id = hex(sha256(bytes).slice(0, 16));
    if (input.kind === "header") return { ...fields, id };
    admittedPoint(unhex(input.root));
    const mine = fields.keyEpoch === 0 && fields.origin === input.root;
    return { id, valid: mine && verifies(unhex(input.root), "envelope", bytes, unhex(input.signature)) };
  }
  const head = codec.head(unhex(input.kind === "head" ? input.bytes : input.head));
  const record = head.transit.record === null ? null : keyRecord(head.transit.record);
  if (record && (!equal(record.root, head.header.origin) || record.epoch !== head.header.keyEpoch)) {
    throw new Error("foreign key record");
  }
  if (input.kind === "path") return pathCase(input, head, record);
  const key = head.header.keyEpoch === 0 ? head.header.origin : record?.signing;
  return {
    id: hex(head.id),
    valid: key !== undefined && verifies(key, "envelope", head.immutable, head.signature),
    hopsUsed: head.transit.hopsUsed,
    ageS: head.transit.ageS,
    relayIndex: head.transit.relayIndex,
    recordEpoch: record?.epoch ?? null,
    elided: head.transit.chain.elidedCount,
    entries: head.transit.chain.entries.length,
  };
}

type Head = ReturnType<typeof codec.head>;

/** §10, rule by rule. */
function pathCase(
  input: Extract<VectorInput, { kind: "path" }>,
  head: Head,
  record: ReturnType<typeof keyRecord> | null,
) {
  const { chain, hopsUsed } = head.transit;
  const { entries, elidedCount } = chain;
  const origin = head.header.origin;
  const neighbour = unhex(input.neighbour);
  if (elidedCount + entries.length === 0) return { verified: false, hops: [] };
  if (elidedCount + entries.length !== hopsUsed + 1) throw new Error("count");
  const lastElided = entries.length > 0 ? chain.last : neighbour;
  if (elidedCount === 1 && !equal(lastElided!, addressOf(origin))) throw new Error("elided origin");
  const hops: [string | null, string][] = [];
  for (let i = 0; i < elidedCount; i++) {
    const known = i === 0 ? addressOf(origin) : i === elidedCount - 1 ? lastElided! : null;
    hops.push([known && hex(known), elidedCount === 1 && entries.length === 0 ? "verified" : "elided"]);
  }
  let digest: Bytes = chain.digest ?? named("chain0", head.id).slice(0, 16);
  let previous: Bytes = chain.last ?? addressOf(origin);
  let allowed: Bytes = elidedCount === 0 ? addressOf(origin) : EVERYBODY;
  for (const [i, entry] of entries.entries()) {
    const signer = addressOf(entry.signer);
    if (!equal(allowed, EVERYBODY) && !equal(allowed, signer)) throw new Error("not who was addressed");
    const index = Uint8Array.of(elidedCount + i);
    const signed = join(head.id, digest, index, previous, entry.next, entry.age);
    const rotated = record && equal(record.root, entry.signer) && record.epoch === entry.keyEpoch;
    const key = entry.keyEpoch === 0 ? entry.signer : rotated ? record.signing : null;
    if (key && !verifies(key, "hop", signed, entry.signature)) throw new Error("entry signature");
    const toAll = equal(entry.next, EVERYBODY);
    hops.push([hex(signer), key === null ? "unresolved" : toAll ? "broadcast" : "verified"]);
    digest = sha16(digest, entry.bytes);
    previous = signer;
    allowed = entry.next;
  }
  if (entries.length > 0 && !equal(previous, neighbour)) throw new Error("neighbour");
  if (entries.length > 0 && !equal(allowed, EVERYBODY) && hex(allowed) !== input.self)
    throw new Error("not us");
  return { verified: hops.every(([, status]) => status === "verified"), hops };
}

const sha16 = (...parts: Bytes[]) => named("chain", ...parts).slice(0, 16);
