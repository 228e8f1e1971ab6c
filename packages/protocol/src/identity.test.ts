import { InvariantError } from "@estafette/contract";
import { describe, expect, it } from "vitest";
import { addressOf } from "./address.js";
import { fromHex, toHex } from "./bytes.js";
import { createIdentity, publicKeysOf } from "./identity.js";
import { decodeKeyRecord, encodeKeyRecord, KEY_RECORD_BYTES, makeKeyRecord } from "./key-record.js";
import { ada, adaRotated, ben, cleo, codeOf, seedOf } from "./samples.js";

describe("identity", () => {
  it("derives the RFC 8032 public key of a seed (§7.1, test 1)", () => {
    const seed = fromHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    const root = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    expect(toHex(createIdentity(seed).keys.root)).toBe(root);
  });

  it("maps public and secret key to the same X25519 pair", () => {
    for (const node of [ada, ben, cleo]) {
      expect(publicKeysOf(node.keys.root)).toEqual(node.keys);
      expect(node.address).toEqual(addressOf(node.keys.root));
    }
    expect(ada.agree(ben.keys.sealing)).toEqual(ben.agree(ada.keys.sealing));
    expect(ada.agree(ben.keys.sealing)).not.toEqual(ada.agree(cleo.keys.sealing));
  });

  it("keeps root and address when keys rotate", () => {
    expect(adaRotated.address).toEqual(ada.address);
    expect(adaRotated.keys.root).toEqual(ada.keys.root);
    expect(adaRotated.keys.epoch).toBe(3);
    expect(adaRotated.keys.signing).not.toEqual(ada.keys.signing);
    expect(adaRotated.agree(ben.keys.sealing)).toEqual(ben.agree(adaRotated.keys.sealing));
  });

  it("refuses secrets of another length and epochs outside the byte", () => {
    expect(() => createIdentity(new Uint8Array(31))).toThrow(InvariantError);
    for (const epoch of [0, 256, 1.5]) {
      const rotated = { epoch, signingSeed: seedOf("s"), sealingSeed: seedOf("x") };
      expect(() => createIdentity(seedOf("ada"), rotated)).toThrow(InvariantError);
    }
  });
});

describe("key record", () => {
  const record = makeKeyRecord(ada, adaRotated.keys);
  const bytes = encodeKeyRecord(record);

  it("survives the wire", () => {
    expect(bytes.length).toBe(KEY_RECORD_BYTES);
    expect(decodeKeyRecord(bytes)).toEqual(record);
  });

  it("is refused when any bit differs, when cut and when longer", () => {
    for (let bit = 0; bit < bytes.length * 8; bit += 5) {
      const altered = bytes.slice();
      altered[bit >> 3] = altered[bit >> 3]! ^ (1 << (bit & 7));
      expect(codeOf(() => decodeKeyRecord(altered))).not.toBe("none");
    }
    expect(codeOf(() => decodeKeyRecord(bytes.slice(0, -1)))).toBe("EST_PROTOCOL_TRUNCATED");
    expect(codeOf(() => decodeKeyRecord(Uint8Array.of(...bytes, 0)))).toBe("EST_PROTOCOL_TRAILING");
  });

  it("is made by the root alone, about its own keys", () => {
    expect(() => makeKeyRecord(adaRotated, adaRotated.keys)).toThrow(InvariantError);
    expect(() => makeKeyRecord(ben, adaRotated.keys)).toThrow(InvariantError);
    expect(codeOf(() => makeKeyRecord(ada, ada.keys))).toBe("EST_PROTOCOL_RANGE");
    const foreign = { keys: record.keys, signature: ben.sign("key-record", bytes.slice(0, 98)) };
    expect(codeOf(() => decodeKeyRecord(encodeKeyRecord(foreign)))).toBe("EST_PROTOCOL_SIGNATURE");
  });

  it("does not let a weak sealing key in, even signed", () => {
    const weak = makeKeyRecord(ada, { ...adaRotated.keys, sealing: new Uint8Array(32) });
    expect(codeOf(() => decodeKeyRecord(encodeKeyRecord(weak)))).toBe("EST_PROTOCOL_KEY");
  });
});
