import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
} from "node:crypto";
import { ProtocolError } from "@estafette/contract";
import { joinBytes } from "./bytes.js";

/*
 * The Noise Protocol Framework, revision 34 (noiseprotocol.org/noise.html), for 25519, ChaChaPoly and SHA256.
 * Conforms: §5 (CipherState, SymmetricState, HandshakeState), §7.5 patterns XX and KK, §12.1, §12.3, §12.5.
 * Deviates: a Diffie-Hellman result of all zeros is refused, which §12.1 permits.
 */

const TAG_BYTES = 16;
const KEY_BYTES = 32;
const NOTHING = new Uint8Array(0);
/** DER before the 32 key bytes of an X25519 private key (RFC 8410 §7) and public key (RFC 8410 §4). */
const PRIVATE_DER = Uint8Array.of(0x30, 46, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 34, 4, 32);
const PUBLIC_DER = Uint8Array.of(0x30, 42, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 3, 33, 0);

/** An X25519 key whose secret half stays with its owner. */
export interface DhKey {
  readonly public: Uint8Array;
  agree(theirPublic: Uint8Array): Uint8Array;
}

/** The key pair with this 32-byte secret. */
export function dhKeyFromSecret(secret: Uint8Array): DhKey {
  const privateKey = createPrivateKey({
    key: Buffer.from(joinBytes(PRIVATE_DER, secret)),
    format: "der",
    type: "pkcs8",
  });
  const der = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return {
    public: new Uint8Array(der.subarray(PUBLIC_DER.length)),
    agree: (theirPublic) => {
      const publicKey = createPublicKey({
        key: Buffer.from(joinBytes(PUBLIC_DER, theirPublic)),
        format: "der",
        type: "spki",
      });
      return new Uint8Array(diffieHellman({ privateKey, publicKey }));
    },
  };
}

/** Refuses what no honest key can give. The duty of the caller's `agree` is only the curve. */
function sharedSecret(key: DhKey, theirPublic: Uint8Array): Uint8Array {
  let shared: Uint8Array;
  try {
    shared = key.agree(theirPublic);
  } catch (cause) {
    throw new ProtocolError("EST_PROTOCOL_KEY", "a public key is not usable", { cause });
  }
  if (shared.every((byte) => byte === 0)) throw new ProtocolError("EST_PROTOCOL_KEY", "a public key is weak");
  return shared;
}

/** 96-bit nonce: four zero bytes and the counter as 64 bits little-endian (§12.3). */
function chachaNonce(counter: number): Uint8Array {
  const nonce = new Uint8Array(12);
  const view = new DataView(nonce.buffer);
  view.setUint32(4, counter % 2 ** 32, true);
  view.setUint32(8, Math.floor(counter / 2 ** 32), true);
  return nonce;
}

/** ChaCha20-Poly1305 (RFC 8439) with the tag cut to `tagBytes` [4…16]; text followed by tag. */
export function sealBytes(
  key: Uint8Array,
  counter: number,
  input: { readonly ad: Uint8Array; readonly text: Uint8Array; readonly tagBytes: number },
): Uint8Array {
  const cipher = createCipheriv("chacha20-poly1305", key, chachaNonce(counter), {
    authTagLength: input.tagBytes,
  });
  cipher.setAAD(input.ad, { plaintextLength: input.text.length });
  const body = cipher.update(input.text);
  cipher.final();
  return joinBytes(body, cipher.getAuthTag());
}

/** Inverse of {@link sealBytes}; null when the tag is wrong or missing. */
export function openBytes(
  key: Uint8Array,
  counter: number,
  input: { readonly ad: Uint8Array; readonly sealed: Uint8Array; readonly tagBytes: number },
): Uint8Array | null {
  const bodyBytes = input.sealed.length - input.tagBytes;
  if (bodyBytes < 0) return null;
  const decipher = createDecipheriv("chacha20-poly1305", key, chachaNonce(counter), {
    authTagLength: input.tagBytes,
  });
  decipher.setAAD(input.ad, { plaintextLength: bodyBytes });
  decipher.setAuthTag(input.sealed.subarray(bodyBytes));
  const text = decipher.update(input.sealed.subarray(0, bodyBytes));
  try {
    decipher.final();
  } catch {
    return null; // the only way Node reports a wrong tag
  }
  return new Uint8Array(text);
}

const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array => {
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return new Uint8Array(mac.digest());
};

/** Two outputs of Noise's HKDF (§4.3). */
function hkdfPair(chainingKey: Uint8Array, input: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const temporary = hmac(chainingKey, input);
  const first = hmac(temporary, Uint8Array.of(1));
  return [first, hmac(temporary, first, Uint8Array.of(2))];
}

/** §5.1. Without a key it passes bytes through. */
export class CipherState {
  private counter = 0;

  constructor(private key: Uint8Array | null = null) {}

  encrypt(ad: Uint8Array, text: Uint8Array): Uint8Array {
    if (this.key === null) return text;
    return sealBytes(this.key, this.counter++, { ad, text, tagBytes: TAG_BYTES });
  }

  /** Throws a ProtocolError when the tag is wrong; the counter then stays. */
  decrypt(ad: Uint8Array, sealed: Uint8Array): Uint8Array {
    if (this.key === null) return sealed;
    const text = openBytes(this.key, this.counter, { ad, sealed, tagBytes: TAG_BYTES });
    if (text === null) throw new ProtocolError("EST_PROTOCOL_SIGNATURE", "a handshake tag is wrong");
    this.counter++;
    return text;
  }

  get keyed(): boolean {
    return this.key !== null;
  }

  copy(): CipherState {
    const twin = new CipherState(this.key);
    twin.counter = this.counter;
    return twin;
  }
}

/** §5.2. */
class SymmetricState {
  private constructor(
    private chainingKey: Uint8Array,
    public hash: Uint8Array,
    private cipher: CipherState,
  ) {}

  static begin(protocolName: string): SymmetricState {
    const name = new TextEncoder().encode(protocolName);
    const hash =
      name.length <= KEY_BYTES ? joinBytes(name, new Uint8Array(KEY_BYTES - name.length)) : sha256(name);
    return new SymmetricState(hash, hash, new CipherState());
  }

  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = hkdfPair(this.chainingKey, input);
    this.chainingKey = chainingKey;
    this.cipher = new CipherState(key);
  }

  mixHash(data: Uint8Array): void {
    this.hash = sha256(this.hash, data);
  }

  encryptAndHash(text: Uint8Array): Uint8Array {
    const sealed = this.cipher.encrypt(this.hash, text);
    this.mixHash(sealed);
    return sealed;
  }

  decryptAndHash(sealed: Uint8Array): Uint8Array {
    const text = this.cipher.decrypt(this.hash, sealed);
    this.mixHash(sealed);
    return text;
  }

  get keyed(): boolean {
    return this.cipher.keyed;
  }

  split(): readonly [Uint8Array, Uint8Array] {
    return hkdfPair(this.chainingKey, NOTHING);
  }

  copy(): SymmetricState {
    return new SymmetricState(this.chainingKey, this.hash, this.cipher.copy());
  }
}

export type NoisePattern = "XX" | "KK";
type Token = "e" | "s" | "ee" | "es" | "se" | "ss";

const MESSAGES: Record<NoisePattern, readonly (readonly Token[])[]> = {
  XX: [["e"], ["e", "ee", "s", "es"], ["s", "se"]],
  KK: [
    ["e", "es", "ss"],
    ["e", "ee", "se"],
  ],
};

export interface HandshakeInit {
  readonly pattern: NoisePattern;
  readonly initiator: boolean;
  readonly prologue: Uint8Array;
  readonly s: DhKey;
  readonly e: DhKey;
  /** Needed for KK. */
  readonly rs: Uint8Array | null;
}

/** What a finished handshake gives: the two keys, initiator's sending key first, and the channel binding. */
export interface HandshakeResult {
  readonly keys: readonly [Uint8Array, Uint8Array];
  readonly hash: Uint8Array;
}

/** §5.3. A read that fails leaves a spoilt state: work on a {@link HandshakeState.copy}. */
export class HandshakeState {
  private messageIndex = 0;
  private re: Uint8Array | null = null;
  private rs: Uint8Array | null;

  private constructor(
    private readonly init: HandshakeInit,
    private readonly symmetric: SymmetricState,
  ) {
    this.rs = init.rs;
  }

  static begin(init: HandshakeInit): HandshakeState {
    const symmetric = SymmetricState.begin(`Noise_${init.pattern}_25519_ChaChaPoly_SHA256`);
    symmetric.mixHash(init.prologue);
    if (init.pattern === "KK") {
      if (init.rs === null) throw new ProtocolError("EST_PROTOCOL_KEY", "KK needs the neighbour's key");
      symmetric.mixHash(init.initiator ? init.s.public : init.rs);
      symmetric.mixHash(init.initiator ? init.rs : init.s.public);
    }
    return new HandshakeState(init, symmetric);
  }

  /** The neighbour's static key once known. */
  get remoteStatic(): Uint8Array | null {
    return this.rs;
  }

  get finished(): boolean {
    return this.messageIndex === MESSAGES[this.init.pattern].length;
  }

  /** Binds bytes that travel in clear beside the next message, as a prologue binds what came before (§6). */
  bind(clear: Uint8Array): void {
    this.symmetric.mixHash(clear);
  }

  write(payload: Uint8Array): Uint8Array {
    const parts: Uint8Array[] = [];
    for (const token of this.nextTokens()) {
      if (token === "e") {
        parts.push(this.init.e.public);
        this.symmetric.mixHash(this.init.e.public);
      } else if (token === "s") parts.push(this.symmetric.encryptAndHash(this.init.s.public));
      else this.mixDh(token);
    }
    parts.push(this.symmetric.encryptAndHash(payload));
    return joinBytes(...parts);
  }

  /** Returns the payload. Throws a ProtocolError for anything wrong. */
  read(message: Uint8Array): Uint8Array {
    let rest = message;
    const take = (byteCount: number): Uint8Array => {
      if (rest.length < byteCount)
        throw new ProtocolError("EST_PROTOCOL_TRUNCATED", "a handshake is too short");
      const taken = rest.slice(0, byteCount);
      rest = rest.subarray(byteCount);
      return taken;
    };
    for (const token of this.nextTokens()) {
      if (token === "e") {
        this.re = take(KEY_BYTES);
        this.symmetric.mixHash(this.re);
      } else if (token === "s") {
        const sealed = take(KEY_BYTES + (this.symmetric.keyed ? TAG_BYTES : 0));
        this.rs = this.symmetric.decryptAndHash(sealed);
      } else this.mixDh(token);
    }
    return this.symmetric.decryptAndHash(rest);
  }

  result(): HandshakeResult {
    return { keys: this.symmetric.split(), hash: this.symmetric.hash };
  }

  copy(): HandshakeState {
    const twin = new HandshakeState(this.init, this.symmetric.copy());
    twin.messageIndex = this.messageIndex;
    twin.re = this.re;
    twin.rs = this.rs;
    return twin;
  }

  private nextTokens(): readonly Token[] {
    const tokens = MESSAGES[this.init.pattern][this.messageIndex++];
    if (tokens === undefined) throw new ProtocolError("EST_PROTOCOL_STATE", "the handshake is over");
    return tokens;
  }

  /** The first letter is the initiator's key, the second the responder's. */
  private mixDh(token: "ee" | "es" | "se" | "ss"): void {
    const [mine, theirs] = this.init.initiator ? [token[0], token[1]] : [token[1], token[0]];
    const remote = theirs === "e" ? this.re : this.rs;
    if (remote === null) throw new ProtocolError("EST_PROTOCOL_STATE", "a key is not known yet");
    this.symmetric.mixKey(sharedSecret(mine === "e" ? this.init.e : this.init.s, remote));
  }
}
