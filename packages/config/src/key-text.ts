/*
 * A root key as people paste it: bech32m (BIP 350) with the prefix "estkey" over the 32 bytes of the key,
 * 65 characters. The checksum catches every error of up to four characters, so a typing mistake is an error at a
 * line of the configuration and not a handshake that fails at sea.
 */
const PREFIX = "estkey";
const ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
/** BIP 350. */
const BECH32M = 0x2bc830a3;
const KEY_BYTES = 32;
/** ⌈256 / 5⌉ data characters and six of checksum. */
const DATA_CHARACTERS = 52;
const CHECKSUM_CHARACTERS = 6;

/** Writes a root public key (32 bytes) as `estkey1…`. Throws RangeError on any other length. */
export function formatKey(root: Uint8Array): string {
  if (root.length !== KEY_BYTES)
    throw new RangeError(`a root key has ${KEY_BYTES} bytes, not ${root.length}`);
  const data: number[] = [];
  let bits = 0;
  let held = 0;
  for (const byte of root) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      data.push((held >>> bits) & 31);
    }
    held &= (1 << bits) - 1;
  }
  data.push((held << (5 - bits)) & 31);
  const sum = polymod([...expandedPrefix(), ...data, 0, 0, 0, 0, 0, 0]) ^ BECH32M;
  const checksum = Array.from({ length: CHECKSUM_CHARACTERS }, (_, i) => (sum >>> (5 * (5 - i))) & 31);
  return `${PREFIX}1${[...data, ...checksum].map((v) => ALPHABET[v]).join("")}`;
}

/** Reads `estkey1…` in one case, or null when it is not the one right spelling of 32 bytes. */
export function parseKey(text: string): Uint8Array | null {
  if (text.length !== PREFIX.length + 1 + DATA_CHARACTERS + CHECKSUM_CHARACTERS) return null;
  if (text !== text.toLowerCase() && text !== text.toUpperCase()) return null;
  const lower = text.toLowerCase();
  if (!lower.startsWith(`${PREFIX}1`)) return null;
  const values = [...lower.slice(PREFIX.length + 1)].map((c) => ALPHABET.indexOf(c));
  if (values.includes(-1) || polymod([...expandedPrefix(), ...values]) !== BECH32M) return null;
  const root = new Uint8Array(KEY_BYTES);
  let bits = 0;
  let held = 0;
  let index = 0;
  for (const value of values.slice(0, DATA_CHARACTERS)) {
    held = (held << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      root[index++] = held >>> bits;
      held &= (1 << bits) - 1;
    }
  }
  return held === 0 ? root : null;
}

function expandedPrefix(): number[] {
  const codes = [...PREFIX].map((c) => c.charCodeAt(0));
  return [...codes.map((c) => c >>> 5), 0, ...codes.map((c) => c & 31)];
}

function polymod(values: readonly number[]): number {
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    for (const [i, generator] of GENERATOR.entries()) if ((top >>> i) & 1) sum ^= generator;
  }
  return sum >>> 0;
}
