import { invariant } from "@estafette/contract";
import { ByteReader, ByteWriter, fault, requireRange, sameBytes } from "./bytes.js";
import { type Identity, type PublicKeys, verify } from "./identity.js";
import { admitKey, admitSealingKey } from "./key-gate.js";

/**
 * Names the keys of one later epoch; signed by the root key. Decoding verifies it, so holding one is
 * proof.
 */
export interface KeyRecord {
  readonly keys: PublicKeys;
  /** 64 bytes by the root key over {@link signedPart}. */
  readonly signature: Uint8Array;
}

/** Bytes of an encoded key record: 1 version, 32 root, 1 epoch, 32 signing, 32 sealing, 64 signature. */
export const KEY_RECORD_BYTES = 162;
const RECORD_VERSION = 1;

function signedPart(keys: PublicKeys): Uint8Array {
  requireRange(keys.epoch, { min: 1, max: 255 }, "key epoch of a record");
  return new ByteWriter()
    .u8(RECORD_VERSION, "record version")
    .fixed(keys.root, 32, "root key")
    .u8(keys.epoch, "key epoch")
    .fixed(keys.signing, 32, "signing key")
    .fixed(keys.sealing, 32, "sealing key")
    .finish();
}

/**
 * Signs the public keys of a later epoch with the root key.
 * @throws InvariantError unless `rootIdentity` is of epoch 0 and has the same root.
 */
export function makeKeyRecord(rootIdentity: Identity, rotated: PublicKeys): KeyRecord {
  invariant(rootIdentity.keys.epoch === 0, "only the root identity signs key records");
  invariant(sameBytes(rotated.root, rootIdentity.keys.root), "a key record names keys of its own root");
  const keys = rotated;
  return { keys, signature: rootIdentity.sign("key-record", signedPart(keys)) };
}

/** {@link KEY_RECORD_BYTES} bytes (SPEC.md §4.3). */
export function encodeKeyRecord(record: KeyRecord): Uint8Array {
  return new ByteWriter().raw(signedPart(record.keys)).fixed(record.signature, 64, "signature").finish();
}

/**
 * Decodes and verifies: all three keys pass their gates and the root signature holds.
 * @throws ProtocolError EST_PROTOCOL_{TRUNCATED,TRAILING,VERSION,RANGE,KEY,SIGNATURE}.
 */
export function decodeKeyRecord(bytes: Uint8Array): KeyRecord {
  const reader = new ByteReader(bytes);
  const version = reader.u8("record version");
  if (version !== RECORD_VERSION) {
    throw fault("EST_PROTOCOL_VERSION", `key record version ${version} is not known`);
  }
  const root = reader.take(32, "root key");
  const epoch = reader.u8("key epoch");
  const signing = reader.take(32, "signing key");
  const sealing = reader.take(32, "sealing key");
  const signature = reader.take(64, "signature");
  reader.end("the key record");
  const keys: PublicKeys = { root, epoch, signing, sealing };
  const part = signedPart(keys);
  admitKey(root);
  admitKey(signing);
  admitSealingKey(sealing);
  if (!verify(root, "key-record", signature, part)) {
    throw fault("EST_PROTOCOL_SIGNATURE", "key record is not signed by its root key");
  }
  return { keys, signature };
}
