import { createHash } from "node:crypto";
import { encodeKeyRecord, formatAddress, makeKeyRecord, toHex } from "@estafette/protocol";
import { etc, Point } from "@noble/ed25519";
import { ada, adaRotated, ben, CaseList, cleo, flipped, seed } from "./case-list.js";

const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const SMALL_ORDER = {
  "neutral element": "0100000000000000000000000000000000000000000000000000000000000000",
  "order 2": "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "order 4, x negative": "0000000000000000000000000000000000000000000000000000000000000080",
  "order 4": "0000000000000000000000000000000000000000000000000000000000000000",
  "order 8, a": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  "order 8, b": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "order 8, c": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "order 8, d": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "neutral element, sign set": "0100000000000000000000000000000000000000000000000000000000000080",
  "y = p + 1": "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "y = p + 1, sign set": "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "y = p, sign set": "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "y = p": "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "order 2, sign set": "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};
const SMALL_U = {
  "0": 0n,
  "1": 1n,
  "order 8, first": 325606250916557431795983626356110631294008115727848805560023387167927233504n,
  "order 8, second": 39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  "p - 1": P - 1n,
  p: P,
  "p + 1": P + 1n,
};

function little(value: bigint): Uint8Array {
  return etc.hexToBytes(value.toString(16).padStart(64, "0")).reverse();
}

function big(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.slice().reverse())}`);
}

function gateCases(list: CaseList): void {
  for (const node of [ada, ben, cleo]) {
    const key = toHex(node.keys.root);
    list.takes(`honest key ${key.slice(0, 8)}`, { kind: "gate-ed25519", key });
  }
  for (const [name, key] of Object.entries(SMALL_ORDER)) {
    list.refuses(`small-order or non-canonical key: ${name}`, { kind: "gate-ed25519", key });
  }
  const torsion = Point.fromHex(SMALL_ORDER["order 8, b"], true);
  const mixed = toHex(Point.fromBytes(ada.keys.root).add(torsion).toBytes());
  list.refuses("key with a torsion component", { kind: "gate-ed25519", key: mixed });
  list.refuses("key off the curve", { kind: "gate-ed25519", key: toHex(little(2n)) });
  list.refuses("key of 31 bytes", { kind: "gate-ed25519", key: toHex(ada.keys.root.slice(1)) });
  const sealing = toHex(ben.keys.sealing);
  list.takes("honest sealing key", { kind: "gate-x25519", key: sealing }, { admitted: true });
  for (const [name, u] of Object.entries(SMALL_U)) {
    list.refuses(`sealing key u = ${name}`, { kind: "gate-x25519", key: toHex(little(u)) });
  }
  list.refuses("sealing key with its top bit set", {
    kind: "gate-x25519",
    key: flipped(ben.keys.sealing, 31, 0x80),
  });
}

/** Ada's signature with the nonce r chosen by hand: R = r·B plus a point of the torsion group. */
function signatureWith(message: Uint8Array, r: bigint, torsion: Point): string {
  const secret = new Uint8Array(createHash("sha512").update(seed("ada")).digest().subarray(0, 32));
  secret[0]! &= 248;
  secret[31] = (secret[31]! & 127) | 64;
  const signed = Buffer.concat([Buffer.from("estafette/v1/envelope\0"), message]);
  const R = Point.BASE.multiply(r, false).add(torsion).toBytes();
  const challenge = createHash("sha512").update(R).update(ada.keys.root).update(signed).digest();
  const k = big(new Uint8Array(challenge)) % ORDER;
  const S = (r + k * (big(secret) % ORDER)) % ORDER;
  return toHex(R) + toHex(little(S));
}

function verifyCases(list: CaseList): void {
  const message = new TextEncoder().encode("weather at noon");
  const signature = ada.sign("envelope", message);
  const right = {
    kind: "verify",
    key: toHex(ada.keys.root),
    purpose: "envelope",
    message: toHex(message),
    signature: toHex(signature),
  } as const;
  const valid = { valid: true };
  const invalid = { valid: false };
  list.takes("signature", right, valid);
  for (const purpose of ["hop", "receipt", "key-record", "admin"]) {
    list.takes(`envelope signature taken as ${purpose}`, { ...right, purpose }, invalid);
  }
  list.takes("signature over another message", { ...right, message: flipped(message, 0) }, invalid);
  list.takes("signature by another key", { ...right, key: toHex(ben.keys.root) }, invalid);
  list.takes("signature with one bit of R changed", { ...right, signature: flipped(signature, 3) }, invalid);
  list.takes("signature with one bit of S changed", { ...right, signature: flipped(signature, 40) }, invalid);
  list.takes("signature of 63 bytes", { ...right, signature: toHex(signature.slice(0, 63)) }, invalid);
  const plusOrder = toHex(signature.slice(0, 32)) + toHex(little(big(signature.slice(32)) + ORDER));
  list.takes("S + L", { ...right, signature: plusOrder }, invalid);
  const forged = SMALL_ORDER["neutral element"] + "00".repeat(32);
  const weakKey = { ...right, key: SMALL_ORDER["neutral element"], signature: forged };
  list.takes("forgery under the neutral element", weakKey, invalid);
  const smallR = SMALL_ORDER["order 8, a"] + toHex(signature.slice(32));
  list.takes("R of small order", { ...right, signature: smallR }, invalid);
  const largeR = SMALL_ORDER["y = p + 1"] + toHex(signature.slice(32));
  list.takes("R not canonical", { ...right, signature: largeR }, invalid);
  const torsion = Point.fromHex(SMALL_ORDER["order 8, b"], true);
  const cofactored = signatureWith(message, 424242n, torsion);
  list.takes("equation holds only times the cofactor", { ...right, signature: cofactored }, invalid);
  const byHand = signatureWith(message, 424242n, Point.ZERO);
  list.takes("signature with a nonce chosen by hand", { ...right, signature: byHand }, valid);
  const neutral = signatureWith(message, 0n, Point.ZERO);
  list.takes("R neutral and the equation holds", { ...right, signature: neutral }, invalid);
}

function recordCases(list: CaseList): void {
  const record = encodeKeyRecord(makeKeyRecord(ada, adaRotated.keys));
  list.takes("key record", { kind: "key-record", bytes: toHex(record) }, { epoch: 2 });
  list.refuses("key record, other epoch", { kind: "key-record", bytes: flipped(record, 33) });
  list.refuses("key record, other version", { kind: "key-record", bytes: flipped(record, 0, 3) });
  list.refuses("key record, other signing key", { kind: "key-record", bytes: flipped(record, 40) });
  list.refuses("key record, cut", { kind: "key-record", bytes: toHex(record.slice(0, 161)) });
  list.refuses("key record, longer", { kind: "key-record", bytes: `${toHex(record)}00` });
  const weak = makeKeyRecord(ada, { ...adaRotated.keys, sealing: new Uint8Array(32) });
  list.refuses("key record with a weak sealing key", {
    kind: "key-record",
    bytes: toHex(encodeKeyRecord(weak)),
  });
  const foreign = {
    ...makeKeyRecord(ada, adaRotated.keys),
    signature: ben.sign("key-record", record.slice(0, 98)),
  };
  list.refuses("key record signed by another root", {
    kind: "key-record",
    bytes: toHex(encodeKeyRecord(foreign)),
  });
}

/** vectors/keys.json */
export function keyCases(): CaseList {
  const list = new CaseList();
  for (const name of ["ada", "ben", "cleo"]) {
    list.takes(`identity of ${name}`, { kind: "identity", seed: toHex(seed(name)) });
  }
  gateCases(list);
  const theirs = toHex(ben.keys.sealing);
  list.takes("agreement", { kind: "agree", seed: toHex(seed("ada")), theirs });
  list.refuses("agreement with zero", { kind: "agree", seed: toHex(seed("ada")), theirs: "00".repeat(32) });
  verifyCases(list);
  recordCases(list);
  return list;
}

/** vectors/addresses.json */
export function addressCases(): CaseList {
  const list = new CaseList();
  for (const node of [ada, ben, cleo]) {
    const root = toHex(node.keys.root);
    list.takes(`address of ${root.slice(0, 8)}`, { kind: "address", root });
  }
  const text = formatAddress(ada.address);
  const address = toHex(ada.address);
  list.takes("written address", { kind: "parse-address", text }, { address });
  list.takes("written address, upper case", { kind: "parse-address", text: text.toUpperCase() }, { address });
  list.refuses("written address, mixed case", { kind: "parse-address", text: `E${text.slice(1)}` });
  const mistyped = `${text.slice(0, 10)}${text[10] === "q" ? "p" : "q"}${text.slice(11)}`;
  list.refuses("written address, mistyped", { kind: "parse-address", text: mistyped });
  list.refuses("written address, padding bits set", {
    kind: "parse-address",
    text: "est1qqqqqqqqqqqqqqqqqqqqqqqqqpnzqp6r",
  });
  list.refuses("written address, one short", { kind: "parse-address", text: text.slice(0, -1) });
  list.refuses("written address, other prefix", { kind: "parse-address", text: text.replace("est", "esx") });
  list.refuses("written address, foreign character", {
    kind: "parse-address",
    text: text.replace(/.$/, "b"),
  });
  for (const [epoch, sequence] of [
    [0, 0],
    [0xffff_ffff, 300],
    [7, Number.MAX_SAFE_INTEGER],
  ] as const) {
    list.takes(`public id ${epoch}/${sequence}`, { kind: "public-id", address, epoch, sequence });
  }
  return list;
}
