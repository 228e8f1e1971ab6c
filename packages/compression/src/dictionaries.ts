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
  { codec: 2, name: "en-1", sha256: "afbf2a6a8792197c399a186da1b4b4e5f2facf8df5076f625014f58f2eeb6d29" },
  { codec: 3, name: "report-1", sha256: "d82065468fa55c458437f2e44a826ad641de6590a80fe0416a58148f5db6e908" },
  { codec: 4, name: "de-1", sha256: "563ae96021cebff1fd096d89a26fbc53c396c355c744e1a8b8fd576543973d7e" },
  { codec: 5, name: "es-1", sha256: "92f1b6de41d817fdad1df591aabdf4cfd1de8f96fe52633467ae416c65222877" },
  { codec: 6, name: "fil-1", sha256: "6181eb54e7b5505089bc183b263b60466de2e22ea040bf669e23e447fa7a3ef6" },
  { codec: 7, name: "fr-1", sha256: "77f7aec7c921c15a3af01f8475b2dd37008c84d7f9032ac532b66f9da7035e7a" },
  { codec: 8, name: "no-1", sha256: "764cffcd7b2ee16e9575afe777631fad42b24dc8a846ac16a0be02eff9c05842" },
  { codec: 9, name: "pt-1", sha256: "0b7d5961d8581a718e0fdede9df093355c93cd9dc4bb62297f8be76ffc323f3c" },
  { codec: 10, name: "ru-1", sha256: "ea2894250420786b63226fdbfb6871f587224a3b8d5db007a683d60c8079f584" },
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
