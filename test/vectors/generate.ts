import { chunkCases } from "./cases-chunks.js";
import { compactCases } from "./cases-compact.js";
import { contentCases, greetingCases, noteCases, payloadCases, sealCases } from "./cases-content.js";
import { chainCases, envelopeCases } from "./cases-envelope.js";
import { addressCases, keyCases } from "./cases-keys.js";
import type { VectorCase } from "./vector-case.js";

/**
 * All vector files by name, the same at each call. vectors.test.ts compares or, when told to, writes
 * them.
 */
export function generateVectors(): Readonly<Record<string, readonly VectorCase[]>> {
  return {
    "addresses.json": addressCases().cases,
    "chains.json": chainCases().cases,
    "chunks.json": chunkCases().cases,
    "compact.json": compactCases().cases,
    "content.json": contentCases().cases,
    "envelopes.json": envelopeCases().cases,
    "greetings.json": greetingCases().cases,
    "keys.json": keyCases().cases,
    "notes.json": noteCases().cases,
    "payloads.json": payloadCases().cases,
    "seals.json": sealCases().cases,
  };
}

/** One case a line, so that a change shows as the lines it touches. */
export function formatVectors(cases: readonly VectorCase[]): string {
  return `[\n${cases.map((one) => `  ${JSON.stringify(one)}`).join(",\n")}\n]\n`;
}
