import { createHash, createPublicKey, verify as nodeVerify } from "node:crypto";
import { etc, hashes, verify as nobleVerify, Point } from "@noble/ed25519";
import { beforeAll, describe, expect, it } from "vitest";
import { concat, domain, fromHex, toHex, utf8 } from "./bytes.js";
import { createIdentity, PURPOSES, publicKeysOf, verify } from "./identity.js";
import { admitKey, admitSealingKey, verifyStrict } from "./key-gate.js";
import { ada, ben, codeOf, seededRng, seedOf } from "./samples.js";

/** All encodings of the eight small-order points, canonical or not. */
const SMALL_ORDER = [
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
].map(fromHex);
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

function nodeKey(raw: Uint8Array) {
  const x = Buffer.from(raw).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
}

function littleEndian32(value: bigint): Uint8Array {
  return etc.hexToBytes(value.toString(16).padStart(64, "0")).reverse();
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.slice().reverse())}`);
}

beforeAll(() => {
  hashes.sha512 = (message) => new Uint8Array(createHash("sha512").update(message).digest());
});

describe("key gate", () => {
  it("refuses every small-order encoding, and with it every forgery node:crypto would take", () => {
    const forgery = concat(SMALL_ORDER[0]!, new Uint8Array(32));
    let takenByNode = 0;
    for (const key of SMALL_ORDER) {
      expect(codeOf(() => admitKey(key))).toBe("EST_PROTOCOL_KEY");
      for (let i = 0; i < 400; i++) {
        const message = concat(domain("envelope"), utf8(`message ${i}`));
        if (nodeVerify(null, message, nodeKey(key), forgery)) takenByNode += 1;
        expect(verify(key, "envelope", forgery, utf8(`message ${i}`))).toBe(false);
      }
    }
    // The danger is real on this Node; when it no longer is, the gate stays and this line goes.
    expect(takenByNode).toBeGreaterThan(400);
  });

  it("refuses keys with a torsion component, off the curve, non-canonical or of another length", () => {
    const eighth = Point.fromBytes(SMALL_ORDER[5]!, true);
    const mixed = Point.fromBytes(ada.keys.root).add(eighth).toBytes();
    expect(codeOf(() => admitKey(mixed))).toBe("EST_PROTOCOL_KEY");
    expect(codeOf(() => admitKey(littleEndian32(2n)))).toBe("EST_PROTOCOL_KEY");
    expect(codeOf(() => admitKey(new Uint8Array(32).fill(0xff)))).toBe("EST_PROTOCOL_KEY");
    expect(codeOf(() => admitKey(new Uint8Array(31)))).toBe("EST_PROTOCOL_KEY");
    expect(codeOf(() => publicKeysOf(mixed))).toBe("EST_PROTOCOL_KEY");
  });

  it("admits honest keys, more of them than it remembers", { timeout: 120_000 }, () => {
    for (let i = 0; i < 1_100; i++) admitKey(createIdentity(seedOf(`honest ${i}`)).keys.root);
    admitKey(createIdentity(seedOf("honest 0")).keys.root);
  });

  it("refuses X25519 keys of small order or above the prime", () => {
    const p = 2n ** 255n - 19n;
    for (const u of [0n, 1n, p - 1n, p, p + 1n]) {
      expect(codeOf(() => admitSealingKey(littleEndian32(u)))).toBe("EST_PROTOCOL_KEY");
    }
    for (const hex of [
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ]) {
      expect(codeOf(() => ada.agree(fromHex(hex)))).toBe("EST_PROTOCOL_KEY");
    }
    const topBit = ben.keys.sealing.slice();
    topBit[31] = topBit[31]! | 0x80;
    expect(codeOf(() => ada.agree(topBit))).toBe("EST_PROTOCOL_KEY");
  });
});

describe("verification", () => {
  const message = utf8("message");
  const signature = ada.sign("envelope", message);
  const signed = concat(domain("envelope"), message);

  /** Ada's secret scalar modulo L (RFC 8032 §5.1.5). */
  function secretScalar(): bigint {
    const clamped = Uint8Array.from(createHash("sha512").update(seedOf("ada")).digest().subarray(0, 32));
    clamped[0] = clamped[0]! & 248;
    clamped[31] = (clamped[31]! & 127) | 64;
    return fromLittleEndian(clamped) % L;
  }

  /** k = SHA-512(R ‖ A ‖ M) modulo L. */
  function challenge(R: Uint8Array): bigint {
    const hash = createHash("sha512").update(R).update(ada.keys.root).update(signed).digest();
    return fromLittleEndian(Uint8Array.from(hash)) % L;
  }

  it("agrees with noble on honest and on altered signatures", () => {
    const rng = seededRng("altered");
    for (let i = 0; i < 60; i++) {
      const altered = signature.slice();
      const [where, what] = rng.bytes(2);
      if (i > 0) altered[where! % 64] = altered[where! % 64]! ^ (what! || 1);
      const oracle = nobleVerify(altered, signed, ada.keys.signing, { zip215: false });
      expect(verify(ada.keys.signing, "envelope", altered, message)).toBe(oracle);
    }
  });

  it("refuses S + L, small-order R, non-canonical R and other lengths", () => {
    const tooLarge = littleEndian32(fromLittleEndian(signature.slice(32)) + L);
    expect(verify(ada.keys.signing, "envelope", concat(signature.slice(0, 32), tooLarge), message)).toBe(
      false,
    );
    for (const point of SMALL_ORDER) {
      expect(verifyStrict(ada.keys.signing, signed, concat(point, signature.slice(32)))).toBe(false);
    }
    expect(verify(ada.keys.signing, "envelope", signature.slice(0, 63), message)).toBe(false);
    expect(verify(ada.keys.signing, "envelope", concat(signature, Uint8Array.of(0)), message)).toBe(false);
  });

  it("refuses the neutral element as R even where the equation holds and node:crypto says yes", () => {
    const R = SMALL_ORDER[0]!;
    const withNeutral = concat(R, littleEndian32((challenge(R) * secretScalar()) % L));
    expect(nodeVerify(null, signed, nodeKey(ada.keys.root), withNeutral)).toBe(true);
    expect(verify(ada.keys.root, "envelope", withNeutral, message)).toBe(false);
  });

  it("is cofactorless where noble is not: R with a torsion component", () => {
    // Sign by hand with R = rB + T: the cofactored equation holds, the plain one does not.
    const r = 12345678901234567890n;
    const R = Point.BASE.multiply(r).add(Point.fromBytes(SMALL_ORDER[5]!, true)).toBytes();
    const S = (r + challenge(R) * secretScalar()) % L;
    const mixed = concat(R, littleEndian32(S));
    expect(nobleVerify(mixed, signed, ada.keys.root, { zip215: false })).toBe(true);
    expect(verify(ada.keys.root, "envelope", mixed, message)).toBe(false);
  });

  it("never takes a signature of one purpose for another", () => {
    for (const made of PURPOSES) {
      const s = ada.sign(made, message);
      for (const asked of PURPOSES) expect(verify(ada.keys.signing, asked, s, message)).toBe(made === asked);
    }
  });

  it("depends on key, message and signature", () => {
    expect(verify(ada.keys.signing, "envelope", signature, message)).toBe(true);
    expect(verify(ben.keys.signing, "envelope", signature, message)).toBe(false);
    expect(verify(ada.keys.signing, "envelope", signature, utf8("Message"))).toBe(false);
  });
});
