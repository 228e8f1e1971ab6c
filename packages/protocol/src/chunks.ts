import { invariant, ProtocolError, type Rng } from "@estafette/contract";
import { ByteReader, ByteWriter, concat, requireRange } from "./bytes.js";
import type { Identity, PublicKeys } from "./identity.js";
import {
  agreeOrRefuse,
  type Binding,
  bindingOf,
  decrypt,
  derive,
  encrypt,
  farSealingOf,
  infoOf,
  type SealedFor,
  STATIC_SALT_BYTES,
  TAG_BYTES,
} from "./seal-key.js";

/*
 *   8 salt │ length │ ciphertext │ 16 tag │ length │ ciphertext │ 16 tag │ …
 *            └──────── chunk 0 ──────────┘ └──────── chunk 1 ──────────┘   one key, nonces counted, the last one marked
 */

const CHUNK_NONCE_PREFIX_BYTES = 7;
/** A length up to the payload limit. */
const CHUNK_LENGTH_BYTES_MAX = 4;

/** Key and nonce prefix of a row of chunks; each chunk's nonce is prefix ‖ u32 number ‖ u8 last (STREAM, 2015/189). */
interface ChunkKey {
  readonly key: Uint8Array;
  readonly noncePrefix: Uint8Array;
}

function chunkKeyOf(secret: Uint8Array, salt: Uint8Array, binding: Omit<Binding, "purpose">): ChunkKey {
  const { key, nonce } = derive(secret, salt, infoOf({ ...binding, purpose: "seal-chunks" }));
  return { key, noncePrefix: nonce.subarray(0, CHUNK_NONCE_PREFIX_BYTES) };
}

function chunkNonce({ noncePrefix }: ChunkKey, index: number, last: boolean): Uint8Array {
  const counter = Uint8Array.of(index >>> 24, (index >>> 16) & 255, (index >>> 8) & 255, index & 255);
  return concat(noncePrefix, counter, Uint8Array.of(last ? 1 : 0));
}

/** Seals a content piece by piece, so that each piece can be opened before the next one is there (SPEC.md §8.2). */
export class ChunkSealer {
  readonly #key: ChunkKey;
  readonly #prefix: Uint8Array;
  #count = 0;
  #isComplete = false;
  /** The payload begins with it: 8 bytes. */
  readonly salt: Uint8Array;

  constructor(request: {
    readonly identity: Identity;
    readonly recipient: PublicKeys;
    readonly prefix: Uint8Array;
    readonly rng: Rng;
    /** As in {@link seal}. */
    readonly context: Uint8Array;
  }) {
    const { identity, recipient, prefix, rng, context } = request;
    this.#prefix = prefix;
    this.salt = rng.bytes(STATIC_SALT_BYTES);
    const binding = bindingOf({ identity, origin: identity.keys, recipient, prefix, context });
    this.#key = chunkKeyOf(identity.agree(recipient.sealing), this.salt, binding);
  }

  /** One chunk as it stands in the payload: varint length ‖ ciphertext ‖ tag. */
  seal(plaintext: Uint8Array, last: boolean): Uint8Array {
    invariant(!this.#isComplete, "nothing is sealed after the last chunk");
    this.#isComplete = last;
    const nonce = chunkNonce(this.#key, this.#count++, last);
    const sealed = encrypt({ key: this.#key.key, nonce }, plaintext, this.#prefix);
    return new ByteWriter().varint(sealed.length, "chunk length").raw(sealed).finish();
  }
}

/** Opens a row of chunks from its beginning, as far as it is there. */
export class ChunkOpener {
  readonly #request: SealedFor;
  #key: ChunkKey | null = null;
  #at = STATIC_SALT_BYTES;
  #count = 0;

  /** @throws ProtocolError EST_PROTOCOL_SIGNATURE for a clear-signed prefix. */
  constructor(request: SealedFor) {
    bindingOf(request);
    this.#request = request;
  }

  /**
   * The next chunk in the clear, or null: not all of it is in `held` yet, or none is left.
   * @param held The payload from its first byte on, as far as it is there without a gap.
   * @param payloadBytes Length of the whole payload: the chunk that ends there must be sealed as the last.
   * @throws ProtocolError EST_PROTOCOL_{SIGNATURE,TRUNCATED,RANGE,ENCODING}; asked again, the same.
   */
  next(held: Uint8Array, payloadBytes: number): Uint8Array | null {
    const frame = this.#at < held.length ? this.#frameIn(held, payloadBytes) : null;
    if (frame === null || frame.end > held.length) return null;
    this.#key ??= this.#keyFor(held.subarray(0, STATIC_SALT_BYTES));
    const nonce = chunkNonce(this.#key, this.#count, frame.end === payloadBytes);
    const opened = decrypt(
      { key: this.#key.key, nonce },
      held.subarray(frame.start, frame.end),
      this.#request.prefix,
    );
    this.#at = frame.end;
    this.#count += 1;
    return opened;
  }

  #frameIn(held: Uint8Array, payloadBytes: number): { start: number; end: number } | null {
    const reader = new ByteReader(held.subarray(this.#at, this.#at + CHUNK_LENGTH_BYTES_MAX));
    let length: number;
    try {
      length = reader.varint("chunk length");
    } catch (error) {
      const isCut = held.length < Math.min(payloadBytes, this.#at + CHUNK_LENGTH_BYTES_MAX);
      if (isCut && error instanceof ProtocolError && error.code === "EST_PROTOCOL_TRUNCATED") return null;
      throw error;
    }
    const start = this.#at + reader.position;
    requireRange(length, { min: TAG_BYTES, max: payloadBytes - start }, "chunk length");
    return { start, end: start + length };
  }

  #keyFor(salt: Uint8Array): ChunkKey {
    const secret = agreeOrRefuse(this.#request.identity, farSealingOf(this.#request));
    return chunkKeyOf(secret, salt, bindingOf(this.#request));
  }
}
