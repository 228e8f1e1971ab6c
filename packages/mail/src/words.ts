import { fromBinaryText } from "./bytes.js";
import { limits } from "./limits.js";

/** Encoded words of RFC 2047 in a header value (binary text) as readable text; unknown charsets stay as they are. */
export function decodeWords(value: string): string {
  let left = limits.encodedWordsMax;
  const joined = value.replace(
    /(=\?[^?\s]{1,40}\?[BbQq]\?[^?\s]*\?=)[ \t]+(?==\?[^?\s]{1,40}\?[BbQq]\?)/g,
    "$1",
  );
  const parts = joined.split(/(=\?[^?\s]{1,40}\?[BbQq]\?[^?\s]*\?=)/);
  return parts
    .map((part, i) => (i % 2 === 1 && left-- > 0 ? (decodeWord(part) ?? part) : eightBit(part)))
    .join("");
}

/** Raw UTF-8 in a header (RFC 6532); what is not UTF-8 is shown as Latin-1. */
function eightBit(text: string): string {
  if (!/[\x80-\xff]/.test(text)) return text;
  return decodeCharset("utf-8", fromBinaryText(text)) ?? text;
}

function decodeWord(word: string): string | null {
  const [, charset = "", coding = "", text = ""] = word.split("?");
  const bytes = coding.toUpperCase() === "B" ? base64Word(text) : quotedWord(text);
  return bytes === null ? null : decodeCharset(charset.split("*")[0] ?? "", bytes);
}

function decodeCharset(charset: string, bytes: Uint8Array): string | null {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch (error) {
    // RangeError: charset unknown; TypeError: bytes are not in it. Both are somebody else's mistake.
    if (error instanceof RangeError || error instanceof TypeError) return null;
    throw error;
  }
}

function base64Word(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  const bare = text.replace(/=+$/, "");
  return bare.length % 4 === 1 ? null : fromBinaryText(atob(bare));
}

function quotedWord(text: string): Uint8Array {
  const plain = text
    .replace(/_/g, " ")
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return fromBinaryText(plain);
}
