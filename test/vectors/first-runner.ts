import {
  acceptedProof,
  ackCommitment,
  addressOf,
  admitKey,
  admitSealingKey,
  createIdentity,
  decodeContent,
  decodeHead,
  decodeHeader,
  decodeKeyRecord,
  decodeNote,
  decodeReceipt,
  encodeHeaderPrefix,
  envelopeIdOf,
  formatAddress,
  formatFingerprint,
  fromHex,
  type Note,
  openSealed,
  originKeysOf,
  PURPOSES,
  parseAddress,
  payloadRoot,
  publicIdOf,
  publicKeysOf,
  readSignedHeader,
  toHex,
  verify,
  verifyAck,
  verifyChain,
  verifyHeader,
  verifyReceipt,
} from "@estafette/protocol";
import { patternPayload, type VectorInput } from "./vector-case.js";

/** Byte arrays to hexadecimal, through arrays and objects. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
}

function purposeNamed(name: string) {
  const purpose = PURPOSES.find((known) => known === name);
  if (purpose === undefined) throw new Error(`no purpose ${name}`);
  return purpose;
}

/** Runs a case through @estafette/protocol; a refusal is the ProtocolError it throws. */
export function runFirst(input: VectorInput): unknown {
  return plain(run(input));
}

function run(input: VectorInput): unknown {
  switch (input.kind) {
    case "gate-ed25519":
      admitKey(fromHex(input.key));
      return { sealing: publicKeysOf(fromHex(input.key)).sealing };
    case "gate-x25519":
      admitSealingKey(fromHex(input.key));
      return { admitted: true };
    case "identity": {
      const { keys, address } = createIdentity(fromHex(input.seed));
      return { root: keys.root, sealing: keys.sealing, address };
    }
    case "agree":
      return { secret: createIdentity(fromHex(input.seed)).agree(fromHex(input.theirs)) };
    case "verify": {
      const [key, message, signature] = [input.key, input.message, input.signature].map(fromHex);
      return { valid: verify(key!, purposeNamed(input.purpose), signature!, message!) };
    }
    case "key-record":
      return decodeKeyRecord(fromHex(input.bytes)).keys;
    case "address":
    case "parse-address":
    case "public-id":
      return runAddress(input);
    case "header":
    case "signed-header":
    case "head":
    case "path":
      return runEnvelope(input);
    case "payload-root":
      return { root: payloadRoot(patternPayload(input.length)) };
    case "open":
      return runOpen(input);
    case "content":
      return { messages: decodeContent(fromHex(input.bytes), input.base) };
    default:
      return runNote(input);
  }
}

function runAddress(input: Extract<VectorInput, { kind: "address" | "parse-address" | "public-id" }>) {
  if (input.kind === "parse-address") return { address: parseAddress(input.text) };
  if (input.kind === "public-id") {
    return { id: publicIdOf(fromHex(input.address), input.epoch, input.sequence) };
  }
  const root = fromHex(input.root);
  const address = addressOf(root);
  return { address, text: formatAddress(address), fingerprint: formatFingerprint(root) };
}

function runEnvelope(input: Extract<VectorInput, { kind: "header" | "signed-header" | "head" | "path" }>) {
  if (input.kind === "header") {
    const bytes = fromHex(input.bytes);
    const header = decodeHeader(bytes);
    return { ...header, id: envelopeIdOf(bytes), prefixBytes: encodeHeaderPrefix(header).length };
  }
  if (input.kind === "signed-header") {
    const signed = readSignedHeader(fromHex(input.bytes), fromHex(input.signature));
    return { id: signed.id, valid: verifyHeader(signed, publicKeysOf(fromHex(input.root))) };
  }
  if (input.kind === "head") {
    const head = decodeHead(fromHex(input.bytes));
    const { transit, signed } = head;
    const keys = originKeysOf(head);
    return {
      id: signed.id,
      valid: keys !== null && verifyHeader(signed, keys),
      hopsUsed: transit.hopsUsed,
      ageS: transit.ageS,
      relayIndex: transit.relayIndex,
      recordEpoch: transit.keyRecord?.keys.epoch ?? null,
      elided: transit.chain.elidedCount,
      entries: transit.chain.entries.length,
    };
  }
  const { signed, transit } = decodeHead(fromHex(input.head));
  const report = verifyChain(transit.chain, {
    id: signed.id,
    origin: signed.header.origin,
    self: fromHex(input.self),
    neighbour: fromHex(input.neighbour),
    hopsUsed: transit.hopsUsed,
    resolveKeys: () => transit.keyRecord?.keys ?? null,
  });
  return { verified: report.verified, hops: report.hops.map((hop) => [hop.address, hop.status]) };
}

function runOpen(input: Extract<VectorInput, { kind: "open" }>) {
  const plaintext = openSealed({
    identity: createIdentity(fromHex(input.seed)),
    origin: publicKeysOf(fromHex(input.origin)),
    prefix: fromHex(input.prefix),
    payload: fromHex(input.payload),
    staticSeal: input.staticSeal,
  });
  return { plaintext };
}

function runNote(input: Extract<VectorInput, { kind: "commitment" | "note" | "ack" | "receipt" }>) {
  if (input.kind === "commitment") {
    const token = fromHex(input.token);
    return { accepted: acceptedProof(token), commitment: ackCommitment(token) };
  }
  if (input.kind === "receipt") {
    const receipt = decodeReceipt(fromHex(input.bytes));
    return { valid: verifyReceipt(receipt, publicKeysOf(fromHex(input.root))) };
  }
  const note: Note = decodeNote(fromHex(input.bytes));
  if (input.kind === "note") return note;
  return { valid: note.kind === "ack" && verifyAck(note, fromHex(input.commitment)) };
}
