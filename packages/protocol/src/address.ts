import { ByteWriter, fault, hashIn, requireLength, toHex } from "./bytes.js";
import { LIMITS } from "./limits.js";

export { fromHex, sameBytes, sha256, toHex } from "./bytes.js";

/** Stands for "whoever hears this" in a chain entry; no key has this address. */
export const BROADCAST: Uint8Array = new Uint8Array(16).fill(0xff);

/** Human-readable part of a written address. */
const PREFIX = "est";
/** Character set and checksum constant of bech32m (BIP 173 and BIP 350). */
const CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const BECH32M = 0x2bc830a3;
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3] as const;
/** 16 bytes in groups of five bits, last group padded with two zero bits. */
const DATA_CHARACTERS = 26;
const CHECKSUM_CHARACTERS = 6;
/** Crockford's alphabet: no I, L, O, U. */
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** First 16 bytes of SHA-256(`estafette/v1/address\0` ‖ root key). */
export function addressOf(root: Uint8Array): Uint8Array {
  requireLength(root, 32, "root key");
  return hashIn("address", root).slice(0, 16);
}

function polymod(values: readonly number[]): number {
  let checksum = 1;
  for (const value of values) {
    const top = checksum >>> 25;
    checksum = ((checksum & 0x1ff_ffff) << 5) ^ value;
    for (const [i, generator] of GENERATOR.entries()) if ((top >>> i) & 1) checksum ^= generator;
  }
  return checksum;
}

function expandedPrefix(): number[] {
  const codes = [...PREFIX].map((character) => character.charCodeAt(0));
  return [...codes.map((code) => code >>> 5), 0, ...codes.map((code) => code & 31)];
}

/** Most significant bit first; the last group is padded with zero bits. */
function toGroupsOfFive(bytes: Uint8Array): number[] {
  const groups: number[] = [];
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      groups.push((held >>> bits) & 31);
    }
  }
  if (bits > 0) groups.push((held << (5 - bits)) & 31);
  return groups;
}

/** `est1` and 32 lower-case characters: bech32m (BIP 350) of the 16 address bytes. */
export function formatAddress(address: Uint8Array): string {
  requireLength(address, 16, "address");
  const data = toGroupsOfFive(address);
  const sum = polymod([...expandedPrefix(), ...data, 0, 0, 0, 0, 0, 0]) ^ BECH32M;
  const checksum = [25, 20, 15, 10, 5, 0].map((shift) => (sum >>> shift) & 31);
  return `${PREFIX}1${[...data, ...checksum].map((group) => CHARSET.charAt(group)).join("")}`;
}

/**
 * The 16 bytes of a written address, all lower or all upper case. Any four wrong characters are detected.
 * @throws ProtocolError EST_PROTOCOL_ENCODING (not an address), EST_PROTOCOL_CHECKSUM (mistyped).
 */
export function parseAddress(text: string): Uint8Array {
  const length = PREFIX.length + 1 + DATA_CHARACTERS + CHECKSUM_CHARACTERS;
  if (text.length > LIMITS.addressTextMax || text.length !== length) {
    throw fault("EST_PROTOCOL_ENCODING", `an address has ${length} characters`);
  }
  if (text !== text.toLowerCase() && text !== text.toUpperCase()) {
    throw fault("EST_PROTOCOL_ENCODING", "an address does not mix upper and lower case");
  }
  const lower = text.toLowerCase();
  if (!lower.startsWith(`${PREFIX}1`)) throw fault("EST_PROTOCOL_ENCODING", `an address begins ${PREFIX}1`);
  const groups = [...lower.slice(PREFIX.length + 1)].map((character) => CHARSET.indexOf(character));
  if (groups.includes(-1)) throw fault("EST_PROTOCOL_ENCODING", "a character that no address contains");
  if (polymod([...expandedPrefix(), ...groups]) !== BECH32M) {
    throw fault("EST_PROTOCOL_CHECKSUM", "the address is mistyped: its checksum is wrong");
  }
  return fromGroupsOfFive(groups.slice(0, DATA_CHARACTERS));
}

function fromGroupsOfFive(groups: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  let held = 0;
  let bits = 0;
  for (const group of groups) {
    held = ((held << 5) | group) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >>> bits) & 255);
    }
  }
  if ((held & ((1 << bits) - 1)) !== 0) {
    throw fault("EST_PROTOCOL_ENCODING", "padding bits of an address are zero");
  }
  return Uint8Array.from(bytes);
}

/** `count` characters of Crockford base 32, in groups of four joined by `-`. */
function crockford(bytes: Uint8Array, count: number): string {
  const characters = toGroupsOfFive(bytes)
    .slice(0, count)
    .map((group) => CROCKFORD.charAt(group))
    .join("");
  return characters.replace(/(.{4})(?=.)/g, "$1-");
}

/**
 * What two people compare by voice before they trust a key: `XXXX-XXXX-XXXX-XXXX`, 80 bits of
 * SHA-256(`estafette/v1/fingerprint\0` ‖ root key).
 */
export function formatFingerprint(root: Uint8Array): string {
  requireLength(root, 32, "root key");
  return crockford(hashIn("fingerprint", root), 16);
}

/** A message key as text: address, epoch in 8 hexadecimal digits, sequence. Unique; for logs and tables. */
export function messageKeyText(origin: Uint8Array, epoch: number, sequence: number): string {
  const epochBytes = new ByteWriter().u32(epoch, "epoch").finish();
  return `${formatAddress(origin)}/${toHex(epochBytes)}/${sequence}`;
}

/**
 * What a user is told: eight characters such as `4F2K-M2QX`, 40 bits of SHA-256(`estafette/v1/public-id\0` ‖
 * address ‖ u32 epoch ‖ varint sequence). Short enough to read out; not unique enough to be a key.
 */
export function publicIdOf(origin: Uint8Array, epoch: number, sequence: number): string {
  const key = new ByteWriter()
    .fixed(origin, 16, "origin address")
    .u32(epoch, "epoch")
    .varint(sequence, "sequence")
    .finish();
  return crockford(hashIn("public-id", key), 8);
}
