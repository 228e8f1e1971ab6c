import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { invariant } from "@estafette/contract";

/** A dictionary both ends hold. It never changes under its codec id; a better one gets a new id. */
export interface Dictionary {
  /** Codec id of a content compressed with it. */
  readonly codec: number;
  /** File below `dictionaries/`, without its ending: what it was trained on, and its version. */
  readonly name: string;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
}

/** Part of the wire format (codec ids 2…31): entries are appended, never changed. */
export const DICTIONARIES: readonly Dictionary[] = [
];

const opened = new Map<number, Uint8Array>();

/**
 * The bytes of a dictionary, read once and compared with their hash.
 * @throws InvariantError when the installed file is not the one this version was built with.
 */
export function dictionaryBytes(dictionary: Dictionary): Uint8Array {
  const known = opened.get(dictionary.codec);
  if (known !== undefined) return known;
  const bytes = readFileSync(new URL(`../dictionaries/${dictionary.name}.dict`, import.meta.url));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  invariant(sha256 === dictionary.sha256, `dictionary ${dictionary.name} is not the one of this version`);
  opened.set(dictionary.codec, bytes);
  return bytes;
}
