import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
} from "node:crypto";

/** Header of a packet on the air: 16 bytes, little-endian. */
export interface AirHeader {
  readonly to: number;
  readonly from: number;
  readonly id: number;
  /** [0…7] */
  readonly hopLimit: number;
  readonly hopStart: number;
  readonly wantAck: boolean;
  /** Hash of the channel; 0: sealed to one node. */
  readonly channelHash: number;
  /** Low byte of the node that sent this copy. */
  readonly relayNode: number;
}

export const AIR_HEADER_BYTES = 16;
/** Most bytes of one LoRa packet. */
export const AIR_BYTES_MAX = 255;
/** Tag (8) and extra nonce (4) of a packet sealed to one node. */
export const PKI_OVERHEAD_BYTES = 12;

export function encodeAirHeader(header: AirHeader): Uint8Array {
  const bytes = new Uint8Array(AIR_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, header.to, true);
  view.setUint32(4, header.from, true);
  view.setUint32(8, header.id, true);
  bytes[12] = header.hopLimit | (header.wantAck ? 8 : 0) | (header.hopStart << 5);
  bytes[13] = header.channelHash;
  bytes[15] = header.relayNode;
  return bytes;
}

export function decodeAirHeader(bytes: Uint8Array): AirHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, AIR_HEADER_BYTES);
  const flags = bytes[12] ?? 0;
  return {
    to: view.getUint32(0, true),
    from: view.getUint32(4, true),
    id: view.getUint32(8, true),
    hopLimit: flags & 7,
    wantAck: (flags & 8) !== 0,
    hopStart: flags >> 5,
    channelHash: bytes[13] ?? 0,
    relayNode: bytes[15] ?? 0,
  };
}

/** A channel's name and key of 16 or 32 bytes. */
export interface ChannelKey {
  readonly name: string;
  readonly key: Uint8Array;
}

/** The key every radio comes with. */
export const DEFAULT_KEY = Uint8Array.from(Buffer.from("d4f1bb3a20290759f0bcffabcf4e6901", "hex"));

export function channelHash({ name, key }: ChannelKey): number {
  let hash = 0;
  for (const byte of [...new TextEncoder().encode(name), ...key]) hash ^= byte;
  return hash;
}

/** AES-CTR, the same both ways. Nothing in it shows that a key was wrong. */
export function cryptChannel(key: Uint8Array, header: AirHeader, bytes: Uint8Array): Uint8Array {
  const iv = new Uint8Array(16);
  const view = new DataView(iv.buffer);
  view.setUint32(0, header.id, true);
  view.setUint32(8, header.from, true);
  const cipher = createCipheriv(key.length === 32 ? "aes-256-ctr" : "aes-128-ctr", key, iv);
  return Uint8Array.from(Buffer.concat([cipher.update(bytes), cipher.final()]));
}

/** X25519 key pair of a node, made from 32 bytes of its own. */
export function nodeKeys(secret: Uint8Array) {
  const der = Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), secret]);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(privateKey);
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  return { privateKey, publicKey, publicBytes: Uint8Array.from(raw) };
}

export type NodeKeys = ReturnType<typeof nodeKeys>;

/** AES-256-CCM with a tag of 8 bytes; the extra nonce follows it. */
export function sealToNode(
  ours: NodeKeys,
  theirs: NodeKeys,
  header: AirHeader,
  message: { readonly bytes: Uint8Array; readonly extraNonce: number },
): Uint8Array {
  const { bytes, extraNonce } = message;
  const key = sharedKey(ours, theirs);
  const cipher = createCipheriv("aes-256-ccm", key, pkiNonce(header, extraNonce), { authTagLength: 8 });
  const sealed = Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(extraNonce);
  return Uint8Array.from(Buffer.concat([sealed, tail]));
}

/** Null: it was not sealed by that node to this one. */
export function openFromNode(
  ours: NodeKeys,
  theirs: NodeKeys,
  header: AirHeader,
  bytes: Uint8Array,
): Uint8Array | null {
  if (bytes.length < PKI_OVERHEAD_BYTES) return null;
  const content = bytes.subarray(0, bytes.length - PKI_OVERHEAD_BYTES);
  const extraNonce = Buffer.from(bytes).readUInt32LE(bytes.length - 4);
  const key = sharedKey(ours, theirs);
  const decipher = createDecipheriv("aes-256-ccm", key, pkiNonce(header, extraNonce), { authTagLength: 8 });
  decipher.setAuthTag(bytes.subarray(bytes.length - PKI_OVERHEAD_BYTES, bytes.length - 4));
  try {
    const opened = decipher.update(content);
    decipher.final();
    return Uint8Array.from(opened);
  } catch {
    return null;
  }
}

function sharedKey(ours: NodeKeys, theirs: NodeKeys): Buffer {
  const secret = diffieHellman({ privateKey: ours.privateKey, publicKey: theirs.publicKey });
  return createHash("sha256").update(secret).digest();
}

function pkiNonce(header: AirHeader, extraNonce: number): Uint8Array {
  const nonce = new Uint8Array(13);
  const view = new DataView(nonce.buffer);
  view.setUint32(0, header.id, true);
  view.setUint32(4, extraNonce, true);
  view.setUint32(8, header.from, true);
  return nonce;
}
