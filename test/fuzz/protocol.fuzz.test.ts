import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { ProtocolError } from "@estafette/contract";
import {
  ChunkOpener,
  type ContentBase,
  createIdentity,
  decodeBlocks,
  decodeChain,
  decodeContent,
  decodeHead,
  decodeHeader,
  decodeKeyRecord,
  decodeNote,
  decodeSignedHeader,
  decodeTransit,
  encodeAck,
  encodeBlocks,
  encodeChain,
  encodeCompactHead,
  encodeContent,
  encodeHead,
  encodeHeader,
  encodeKeyRecord,
  encodeReceipt,
  encodeReceipts,
  encodeSignedHeader,
  encodeTransit,
  formatAddress,
  fromHex,
  type HeadTemplate,
  joinHead,
  openSealed,
  parseAddress,
  readCompactHead,
  SeriesReader,
  SeriesWriter,
  sameBytes,
  splitHead,
  toHex,
  verifyChain,
  verifyHeader,
} from "@estafette/protocol";
import { describe, expect, it } from "vitest";

/** Cases for each decoder; CI takes the default, a long run sets the variable. */
const CASES = Number(process.env.FUZZ_CASES ?? 2_000);
/** What it must catch is time that grows with what the input claims. */
const CASE_MS_MAX = 50;

/** A small seeded generator (SplitMix32): a failing case is named by its number alone. */
function chance(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % bound;
  };
}

interface CorpusCase {
  readonly bytes?: string;
  readonly head?: string;
  readonly payload?: string;
}

/** All byte strings of one vector file: good and bad examples to start from. */
function corpus(file: string): Uint8Array[] {
  const url = new URL(`../../packages/protocol/vectors/${file}`, import.meta.url);
  const cases = JSON.parse(readFileSync(url, "utf8")) as CorpusCase[];
  const texts = cases.flatMap((one) => [one.bytes, one.head, one.payload]);
  return texts.flatMap((text) => (text ? [fromHex(text)] : []));
}

const INTERESTING = [0, 1, 2, 16, 17, 31, 32, 63, 64, 127, 128, 200, 254, 255];

/** One to four small changes, or noise from nothing. */
function mutate(samples: readonly Uint8Array[], roll: (bound: number) => number): Uint8Array {
  if (roll(10) === 0) return Uint8Array.from({ length: roll(300) }, () => roll(256));
  let bytes = [...samples[roll(samples.length)]!];
  for (let change = roll(4); change >= 0; change--) {
    const at = roll(bytes.length + 1);
    switch (roll(7)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << roll(8));
        break;
      case 1:
        bytes[at] = INTERESTING[roll(INTERESTING.length)]!;
        break;
      case 2:
        bytes.splice(at, 0, ...Array.from({ length: 1 + roll(9) }, () => (roll(2) ? 0xff : 0x80)));
        break;
      case 3:
        bytes.splice(at, 1 + roll(40));
        break;
      case 4:
        bytes = bytes.slice(0, at);
        break;
      case 5:
        bytes.splice(at, 0, ...samples[roll(samples.length)]!.slice(0, roll(80)));
        break;
      default:
        bytes.push(roll(256));
    }
  }
  return Uint8Array.from(bytes);
}

/** "accepted", "refused", or throws when `decode` broke its promise. */
function tryOne(bytes: Uint8Array, decode: (bytes: Uint8Array) => Uint8Array): "accepted" | "refused" {
  const given = bytes.slice();
  let again: Uint8Array | null = null;
  try {
    again = decode(bytes);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  if (!sameBytes(bytes, given)) throw new Error("the input was changed");
  if (again !== null && !sameBytes(again, given)) throw new Error("two encodings of one value");
  return again === null ? "refused" : "accepted";
}

/** Slow once may be the machine; slow three times is the decoder. */
function isSlow(run: () => void): boolean {
  for (let attempt = 0; attempt < 3; attempt++) {
    const startedMs = performance.now();
    run();
    if (performance.now() - startedMs <= CASE_MS_MAX) return false;
  }
  return true;
}

/** Runs `decode` on mutants; returns how many were accepted. `decode` gives the bytes encoded again. */
function fuzz(
  name: string,
  samples: readonly Uint8Array[],
  decode: (bytes: Uint8Array) => Uint8Array,
): number {
  let accepted = 0;
  for (let number = 0; number < CASES; number++) {
    const bytes = mutate(samples, chance(number * 2_654_435_761));
    try {
      let outcome = "refused";
      const slow = isSlow(() => {
        outcome = tryOne(bytes, decode);
      });
      if (slow) throw new Error(`took more than ${CASE_MS_MAX} ms`);
      if (outcome === "accepted") accepted += 1;
    } catch (cause) {
      throw new Error(`${name}, case ${number}, input ${toHex(bytes)}`, { cause });
    }
  }
  return accepted;
}

const heads = [...corpus("envelopes.json"), ...corpus("chains.json")].filter((bytes) => bytes.length > 160);
const envelopeBytes = corpus("envelopes.json").filter((bytes) => bytes.length < 300);
/** Mutated vectors that still decode prove that the cases reach beyond the first byte. */
const ACCEPTED_MIN = CASES / 100;

describe(`${CASES} mutants for each decoder: a value with one encoding, or a ProtocolError`, () => {
  it("header", () => {
    const accepted = fuzz("header", envelopeBytes, (bytes) => encodeHeader(decodeHeader(bytes)));
    expect(accepted).toBeGreaterThan(ACCEPTED_MIN);
  });

  it("head, its parts and what is checked on it", () => {
    const nobody = new Uint8Array(16);
    const accepted = fuzz("head", heads, (bytes) => {
      const parts = splitHead(bytes);
      if (!sameBytes(joinHead(parts), bytes)) throw new Error("split and join differ");
      const head = decodeHead(bytes);
      const signed = encodeSignedHeader(decodeSignedHeader(parts.head));
      if (!sameBytes(signed, parts.head)) throw new Error("signed header differs");
      const { header, id } = head.signed;
      const keys = { root: header.origin, epoch: header.keyEpoch, signing: header.origin, sealing: nobody };
      verifyHeader(head.signed, keys);
      const context = { id, origin: header.origin, self: nobody, neighbour: nobody };
      try {
        verifyChain(head.transit.chain, { ...context, hopsUsed: head.transit.hopsUsed });
      } catch (error) {
        if (!(error instanceof ProtocolError) || error.code !== "EST_PROTOCOL_CHAIN") throw error;
      }
      return encodeHead(head);
    });
    expect(accepted).toBeGreaterThan(ACCEPTED_MIN);
  });

  it("transit and chain", () => {
    const transits = heads.flatMap((bytes) => {
      try {
        return [splitHead(bytes).transit];
      } catch {
        return [];
      }
    });
    const accepted = fuzz("transit", transits, (bytes) => encodeTransit(decodeTransit(bytes)));
    expect(accepted).toBeGreaterThan(ACCEPTED_MIN);
    const chains = transits.flatMap((bytes) => {
      try {
        return [encodeChain(decodeTransit(bytes).chain)];
      } catch {
        return [];
      }
    });
    const taken = fuzz("chain", chains, (bytes) => encodeChain(decodeChain(bytes)));
    expect(taken).toBeGreaterThan(ACCEPTED_MIN);
  });

  it("key record", () => {
    const records = corpus("keys.json").filter((bytes) => bytes.length > 150);
    const accepted = fuzz("key record", records, (bytes) => encodeKeyRecord(decodeKeyRecord(bytes)));
    // Signed as a whole: only a mutation that undoes itself may pass.
    expect(accepted).toBeLessThan(ACCEPTED_MIN);
  });

  it("content", () => {
    const base: ContentBase = { epoch: 7, sequence: 40, class: "normal", lifetimeS: 86_400 };
    const samples = corpus("content.json");
    const accepted = fuzz("content", samples, (bytes) => encodeContent(decodeContent(bytes, base), base));
    expect(accepted).toBeGreaterThan(ACCEPTED_MIN);
  });

  it("note", () => {
    const accepted = fuzz("note", corpus("notes.json"), (bytes) => {
      const note = decodeNote(bytes);
      if (note.kind === "ack") return encodeAck(note);
      return note.kind === "receipt" ? encodeReceipt(note) : encodeReceipts(note);
    });
    expect(accepted).toBeGreaterThan(ACCEPTED_MIN);
  });

  it("seal", () => {
    const identity = createIdentity(new Uint8Array(createHash("sha256").update("fuzz").digest()));
    const prefix = endToEndPrefix();
    const payloads = heads.map((bytes) => bytes.slice(0, 200));
    const opened = fuzz("seal", payloads, (payload) =>
      openSealed({ identity, origin: identity.keys, prefix, payload, staticSeal: payload.length % 2 === 0 }),
    );
    expect(opened).toBe(0);
  });

  it("chunks: nothing opens, wherever the payload is cut", () => {
    const identity = createIdentity(new Uint8Array(createHash("sha256").update("fuzz").digest()));
    const prefix = endToEndPrefix();
    const payloads = corpus("chunks.json").filter((bytes) => bytes.length > 100);
    const opened = fuzz("chunks", payloads, (payload) => {
      const opener = new ChunkOpener({ identity, origin: identity.keys, prefix });
      for (let length = 0; length < payload.length; length += 7)
        if (opener.next(payload.subarray(0, length), payload.length) !== null) throw new Error("opened");
      const chunk = opener.next(payload, payload.length);
      if (chunk === null && payload.length > 8) throw new Error("neither opened nor refused");
      return payload;
    });
    // Up to its salt a payload is as good as any other.
    expect(opened).toBeLessThan(CASES / 20);
  });

  it("blocks of a chunk", () => {
    const samples = [...corpus("chunks.json"), Uint8Array.of(0x22, 1, 97, 0x60, 0, 0x83, 98)];
    const accepted = fuzz("blocks", samples, (bytes) => encodeBlocks(decodeBlocks(bytes)));
    expect(accepted).toBeGreaterThan(ACCEPTED_MIN);
  });

  it("series, in one piece and in many", () => {
    const base: ContentBase = { epoch: 7, sequence: 40, class: "normal", lifetimeS: 86_400 };
    const accepted = fuzz("series", beginningsOfSeries(), (bytes) => {
      const whole = new SeriesReader(base);
      const messages = whole.push(bytes);
      const steps = new SeriesReader(base);
      const again = [];
      for (let at = 0; at < bytes.length; at += 5) again.push(...steps.push(bytes.subarray(at, at + 5)));
      expect(again).toEqual(messages);
      whole.end();
      steps.end();
      const writer = new SeriesWriter(base);
      return Uint8Array.from(messages.flatMap((message) => [...writer.add(message, false)]));
    });
    expect(accepted).toBeGreaterThan(ACCEPTED_MIN);
  });

  it("compact head", () => {
    const { ends, template, payload, samples } = compactCorpus();
    const accepted = fuzz("compact head", samples, (bytes) => {
      const read = readCompactHead(bytes, ends, (slot) => (slot === template.slot ? template : null));
      if (read === null) return bytes;
      const head = read.complete(payload);
      const slot = { uses: template.slot, template };
      const { defines, usesTemplate, payloadFollows } = read;
      const how = usesTemplate ? slot : defines === null ? null : { defines };
      const again = encodeCompactHead(head, { ends, slot: how, payloadFollows });
      if (again.length !== read.bytes) throw new Error("its length is not what was read");
      encodeHead(head);
      return Uint8Array.from([...again, ...bytes.slice(read.bytes)]);
    });
    expect(accepted).toBeGreaterThan(ACCEPTED_MIN);
  });

  it("written address", () => {
    const roll = chance(1);
    for (let number = 0; number < CASES; number++) {
      const address = Uint8Array.from({ length: 16 }, () => roll(256));
      const text = formatAddress(address);
      const at = roll(text.length);
      const letter = String.fromCodePoint(roll(3) ? 33 + roll(94) : roll(0xd800));
      const altered = text.slice(0, at) + letter + text.slice(at + roll(3));
      try {
        expect(formatAddress(parseAddress(altered))).toBe(altered.toLowerCase());
        expect(altered).toBe(text);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
      }
    }
  });
});

function casesOf<T>(file: string, kind: string): T[] {
  const url = new URL(`../../packages/protocol/vectors/${file}`, import.meta.url);
  const cases = JSON.parse(readFileSync(url, "utf8")) as { readonly kind: string }[];
  return cases.filter((one) => one.kind === kind) as T[];
}

/** What each series begins with: a later piece means nothing without the one before it. */
function beginningsOfSeries(): Uint8Array[] {
  const cases = casesOf<{ readonly pieces: readonly { readonly bytes: string }[] }>("chunks.json", "series");
  const pieces = cases.map((one) => fromHex(one.pieces[0]?.bytes ?? ""));
  return pieces.filter((bytes) => bytes.length > 0 && bytes.length < 2_000);
}

type TemplateJson = Omit<HeadTemplate, "origin" | "destination"> & {
  readonly slot: number;
  readonly origin: string;
  readonly destination: string;
};

interface CompactCase {
  readonly bytes: string;
  readonly sender: string;
  readonly receiver: string;
  readonly payload: string;
  readonly template: TemplateJson | null;
}

/** All compact heads, as the receiver of the first one hears them. */
function compactCorpus() {
  const cases = casesOf<CompactCase>("compact.json", "compact-head");
  const { sender, receiver, payload, template } = cases[0]!;
  const { origin, destination, ...rest } = template!;
  return {
    ends: { sender: fromHex(sender), receiver: fromHex(receiver) },
    template: { ...rest, origin: fromHex(origin), destination: fromHex(destination) },
    payload: fromHex(payload),
    samples: cases.map(({ bytes }) => fromHex(bytes)).filter((bytes) => bytes.length > 0),
  };
}

/** Any end-to-end prefix will do; the seal only hashes it. */
function endToEndPrefix(): Uint8Array {
  return envelopeBytes.find((bytes) => bytes[0] === 0x12)!.slice(0, 60);
}
