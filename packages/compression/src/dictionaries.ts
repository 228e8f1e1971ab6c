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
  { codec: 4, name: "de-1", sha256: "a0d1ceb0ee9dcd11f5a80126519995a188dedfab7af63eadd0141ed8ca7974bf" },
  { codec: 5, name: "es-1", sha256: "92835f8be6b125d9ceb0961ed584fe90a76b00df471398e6b214f2b5cf2f768e" },
  { codec: 6, name: "fil-1", sha256: "9ba5e6738c93c8d3018e12301149ef8864bdb5d709dfad01de7b432b93b4a7df" },
  { codec: 7, name: "fr-1", sha256: "eb1fa1358ef427aa56b2bad34350b4acc7ad796612cf6bb700531387a9dd3f31" },
  { codec: 8, name: "no-1", sha256: "009456ee8aafdcb4ea3093f1edf8eca40e1acab4e658a0af210df26a15751bfd" },
  { codec: 9, name: "pt-1", sha256: "1e30aa49720e8ab1a310f4ae722d57d578f238e03e6f14be7784544391e91b70" },
  { codec: 10, name: "ru-1", sha256: "90e03f4e6a963d8a0836796da67ac0b8bf881f441d0b0308f76048f4db675976" },
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
