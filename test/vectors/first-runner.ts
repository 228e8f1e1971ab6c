import {
  acceptedProof,
  ackCommitment,
  addressOf,
  admitKey,
  admitSealingKey,
  ChunkOpener,
  createIdentity,
  decodeBlocks,
  decodeContent,
  decodeGreeting,
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
  readCompactHead,
  readSignedHeader,
  SeriesReader,
  toHex,
  verify,
  verifyAck,
  verifyChain,
  verifyHeader,
  verifyReceipt,
  verifyReceipts,
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
    case "open-chunks":
      return runOpen(input);
    case "blocks":
      return { blocks: decodeBlocks(fromHex(input.bytes)) };
    case "series":
      return { messages: runSeries(input) };
    case "compact-head":
      return runCompact(input);
    case "greeting":
      return decodeGreeting(fromHex(input.bytes));
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

function runOpen(input: Extract<VectorInput, { kind: "open" | "open-chunks" }>) {
  const sealed = {
    identity: createIdentity(fromHex(input.seed)),
    origin: publicKeysOf(fromHex(input.origin)),
    prefix: fromHex(input.prefix),
    ...(input.context === undefined ? {} : { context: fromHex(input.context) }),
    ...(input.recipient === undefined ? {} : { recipient: publicKeysOf(fromHex(input.recipient)) }),
  };
  const payload = fromHex(input.payload);
  if (input.kind === "open") {
    return { plaintext: openSealed({ ...sealed, payload, staticSeal: input.staticSeal }) };
  }
  const opener = new ChunkOpener(sealed);
  const next = () => opener.next(payload, input.payloadBytes);
  const chunks: Uint8Array[] = [];
  for (let chunk = next(); chunk !== null; chunk = next()) chunks.push(chunk);
  return { chunks };
}

function runSeries({ base, pieces }: Extract<VectorInput, { kind: "series" }>) {
  const reader = new SeriesReader(base);
  const messages = pieces.flatMap(({ apart, bytes }) => {
    reader.beginBlock(apart);
    return reader.push(fromHex(bytes));
  });
  reader.end();
  return messages;
}

function runCompact(input: Extract<VectorInput, { kind: "compact-head" }>) {
  const { template } = input;
  const ends = { sender: fromHex(input.sender), receiver: fromHex(input.receiver) };
  const held = template && {
    ...template,
    origin: fromHex(template.origin),
    destination: fromHex(template.destination),
  };
  const read = readCompactHead(fromHex(input.bytes), ends, (slot) => (slot === held?.slot ? held : null));
  if (read === null) return { head: null };
  const { bytes, defines, usesTemplate, payloadFollows } = read;
  const head = read.complete(fromHex(input.payload));
  const { transit, signed } = head;
  const { chain } = transit;
  const keys = originKeysOf(head);
  return {
    ...{ bytes, defines, usesTemplate, payloadFollows },
    header: signed.bytes,
    id: signed.id,
    valid: keys !== null && verifyHeader(signed, keys),
    hopsUsed: transit.hopsUsed,
    ageS: transit.ageS,
    relayIndex: transit.relayIndex,
    recordEpoch: transit.keyRecord?.keys.epoch ?? null,
    elided: chain.elidedCount,
    digest: chain.elidedDigest,
    entries: chain.entries.length,
  };
}

function runNote(input: Extract<VectorInput, { kind: "commitment" | "note" | "ack" | "receipt" }>) {
  if (input.kind === "commitment") {
    const token = fromHex(input.token);
    return { accepted: acceptedProof(token), commitment: ackCommitment(token) };
  }
  if (input.kind === "receipt") {
    const bytes = fromHex(input.bytes);
    const keys = publicKeysOf(fromHex(input.root));
    const note: Note = decodeNote(bytes);
    if (note.kind === "receipts") return { valid: verifyReceipts(note, keys) };
    return { valid: verifyReceipt(decodeReceipt(bytes), keys) };
  }
  const note: Note = decodeNote(fromHex(input.bytes));
  if (input.kind === "note") return note;
  return { valid: note.kind === "ack" && verifyAck(note, fromHex(input.commitment)) };
}
