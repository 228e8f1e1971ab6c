import { createHash } from "node:crypto";
import { ProtocolError } from "@estafette/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CODEC, compressContent, decompressContent, KNOWN_CODECS } from "./compression.js";
import { DICTIONARIES } from "./dictionaries.js";
import { LIMITS } from "./limits.js";

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const CASES = Number(process.env.FUZZ_CASES ?? 2000);

/** Times one bomb is opened, so that a busy machine is not taken for a slow decoder. */
const ATTEMPTS_MAX = 3;

/** Every codec byte that some content may carry. */
const SHAPES = KNOWN_CODECS.filter((id) => id !== CODEC.none).flatMap((id) => [id, id | CODEC.blocks]);

const prose = fc
  .array(fc.constantFrom("the ", "ship ", "wind ", "am ", "Hafen ", "письмо ", "\n", "42", "."), {
    maxLength: 900,
  })
  .map((words) => text(words.join("")));

function noise(bytes: number): Uint8Array {
  const parts = Array.from({ length: Math.ceil(bytes / 64) }, (_, i) =>
    createHash("sha512").update(`noise ${i}`).digest(),
  );
  return Buffer.concat(parts).subarray(0, bytes);
}

/** Opens, or says which code it was refused with. Anything but a ProtocolError is a fault of ours. */
function outcome(codec: number, bytes: Uint8Array): string {
  try {
    const opened = decompressContent(codec, bytes);
    expect(opened.length).toBeLessThanOrEqual(Math.max(16_384, bytes.length * 64));
    return "opened";
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return error.code;
  }
}

describe("content compression", () => {
  it("undoes itself for any content and any set of codecs, and never makes it longer", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 4000 }), prose),
        fc.option(fc.subarray([...KNOWN_CODECS])),
        (content, codecs) => {
          const { codec, bytes } = compressContent(content, codecs === null ? {} : { codecs });
          expect(bytes.length).toBeLessThanOrEqual(content.length);
          if (codecs !== null && codec !== CODEC.none) expect(codecs).toContain(codec & ~CODEC.blocks);
          expect(Buffer.from(decompressContent(codec, bytes))).toEqual(Buffer.from(content));
        },
      ),
    );
  });

  it("undoes itself around the sizes where something changes", () => {
    const line = "Position 61.5 N 004.9 E, wind north-west 23 knots, all well on board. ";
    const after = noise(70_000);
    for (const size of [0, 1, 2, 4095, 4096, 4097, 131_071, 131_072, 131_073, 400_000, 1_048_577]) {
      const content = Buffer.concat([noise(size >> 4), text(line.repeat(Math.ceil(size / line.length)))]);
      const { codec, bytes } = compressContent(content.subarray(0, size));
      expect(bytes.length).toBeLessThanOrEqual(size);
      expect(Buffer.compare(decompressContent(codec, bytes), content.subarray(0, size))).toBe(0);
      const next = compressContent(content.subarray(0, size), { after });
      expect(
        Buffer.compare(decompressContent(next.codec, next.bytes, after), content.subarray(0, size)),
      ).toBe(0);
    }
  });

  it("knows what helps: nothing, zstd alone, or the dictionary of the language", () => {
    const used = (content: Uint8Array): number => compressContent(content).codec & ~CODEC.blocks;
    const named = (name: string): number | undefined => DICTIONARIES.find((d) => d.name === name)?.codec;
    expect(used(noise(64))).toBe(CODEC.none);
    expect(used(text("qxzjv/kwq%".repeat(20_000)))).toBe(CODEC.zstd);
    expect(
      used(text("Nobody expected the government to change its mind about the fishing rights so quickly.")),
    ).toBe(named("en-1"));
    expect(used(text("Wir warten noch auf die Ersatzteile, dann können wir weiterfahren."))).toBe(
      named("de-1"),
    );
    expect(used(text("Мы ещё ждём запасные части и потом сможем продолжить работу."))).toBe(named("ru-1"));
    expect(used(text("$GPRMC,101112,A,5812.345,N,00512.345,E,05.1,123.4,010226,,,A*5C"))).toBe(
      named("report-1"),
    );
  });

  it("spends exactly these bytes", () => {
    const cost = (content: string): number => compressContent(text(content)).bytes.length;
    expect(SAMPLES.map(([content]) => cost(content))).toEqual(SAMPLES.map(([, bytes]) => bytes));
  });

  it("uses no codec the receiver does not know", () => {
    const letter = text("Please let me know whether the spare parts have arrived. ".repeat(3));
    expect(compressContent(letter, { codecs: [] }).codec).toBe(CODEC.none);
    expect(compressContent(letter, { codecs: [CODEC.none, CODEC.zstd, 31] }).codec & ~CODEC.blocks).toBe(
      CODEC.zstd,
    );
    expect(compressContent(letter, { codecs: [4] }).codec & ~CODEC.blocks).toBe(4);
  });

  it("refers to what came before, and opens with nothing else", () => {
    fc.assert(
      fc.property(prose, prose, fc.option(fc.subarray([...KNOWN_CODECS])), (before, content, codecs) => {
        const options = codecs === null ? { after: before } : { after: before, codecs };
        const { codec, bytes } = compressContent(content, options);
        expect(bytes.length).toBeLessThanOrEqual(content.length);
        expect(Buffer.compare(decompressContent(codec, bytes, before), content)).toBe(0);
      }),
      { numRuns: 60 },
    );
    const before = Buffer.concat([
      noise(100_000),
      text("Nordic Heron, berth 14, agent Okonkwo, 31 drums of lamp oil"),
    ]);
    const content = text("Again for Nordic Heron, berth 14, agent Okonkwo: 32 drums of lamp oil, not 31.");
    const known = compressContent(content, { after: before });
    expect(known.bytes.length).toBeLessThan(compressContent(content).bytes.length - 15);
    expect(Buffer.compare(decompressContent(known.codec, known.bytes, before), content)).toBe(0);
    expect(outcome(known.codec, known.bytes)).toMatch(/^opened$|ENCODING/);
  });

  it("pads what compresses better than a receiver believes", () => {
    for (const size of [20_000, 130_000, 4_000_000]) {
      const { codec, bytes } = compressContent(new Uint8Array(size));
      expect(codec & CODEC.blocks).toBe(CODEC.blocks);
      expect(bytes.length).toBeLessThan(size / 60);
      expect(decompressContent(codec, bytes).length).toBe(size);
    }
  });

  it("refuses what is too large, and every codec it does not know", () => {
    expect(outcome(CODEC.none, new Uint8Array(LIMITS.contentBytesMax + 1))).toBe("EST_PROTOCOL_RANGE");
    expect(compressContent(new Uint8Array(LIMITS.contentBytesMax + 1)).codec).toBe(CODEC.none);
    const known = new Set<number>([CODEC.none, ...SHAPES]);
    for (let codec = 0; codec < 256; codec++) {
      if (!known.has(codec)) expect(outcome(codec, text("anything"))).toBe("EST_PROTOCOL_VERSION");
    }
  });

  it("refuses what is cut, continues, or lies about its length", () => {
    const line = "harbour, weather and cargo; ";
    const { codec, bytes } = compressContent(new Uint8Array(100_000).map((_, i) => line.charCodeAt(i % 28)));
    expect(codec & CODEC.blocks).toBe(CODEC.blocks);
    for (let length = 0; length < bytes.length; length += 7) {
      expect(outcome(codec, bytes.subarray(0, length))).toMatch(/^EST_PROTOCOL_/);
    }
    expect(outcome(codec, Buffer.concat([bytes, Buffer.of(0)]))).toBe("EST_PROTOCOL_TRAILING");
    const shorter = Uint8Array.from(bytes);
    shorter[0] = (shorter[0] ?? 0) ^ 1;
    expect(outcome(codec, shorter)).toBe("EST_PROTOCOL_ENCODING");
    const padded = Buffer.concat([
      Buffer.of((bytes[0] ?? 0) | 128),
      bytes.subarray(1, 2),
      Buffer.of(0x86, 0),
    ]);
    expect(outcome(codec, padded)).toBe("EST_PROTOCOL_ENCODING");
    const bare = compressContent(text(line.repeat(9)));
    expect(outcome(bare.codec, bare.bytes.subarray(0, bare.bytes.length - 1))).toBe("EST_PROTOCOL_ENCODING");
  });
});

describe("whatever arrives", () => {
  it("is opened or refused, never anything else, for any bytes", () => {
    fc.assert(
      fc.property(fc.constantFrom(...SHAPES), fc.uint8Array({ maxLength: 400 }), (codec, bytes) => {
        outcome(codec, bytes);
      }),
      { numRuns: CASES },
    );
  });

  it("is opened or refused with any bits flipped", () => {
    const contents = [
      text("position 61.5N 004.9E, wind 23 kn, all well. "),
      noise(300),
      new Uint8Array(40_000),
    ];
    const sent = contents.flatMap((content) => [
      compressContent(Buffer.concat([content, text("We will be back on Friday. ".repeat(20))])),
      compressContent(content, { codecs: [CODEC.zstd] }),
    ]);
    let opened = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...sent),
        fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
        (good, flips) => {
          const bytes = Uint8Array.from(good.bytes);
          for (const flip of flips) {
            const at = (flip >> 3) % bytes.length;
            bytes[at] = (bytes[at] ?? 0) ^ (1 << (flip & 7));
          }
          if (outcome(good.codec, bytes) === "opened") opened++;
        },
      ),
      { numRuns: CASES },
    );
    expect(opened).toBeGreaterThan(0);
  });

  it("is never a bomb: 200 of them, each within 20 ms and 2 MB", () => {
    outcome(CODEC.zstd | CODEC.blocks, text("warm up"));
    for (let i = 0; i < 200; i++) {
      const [codec, bytes] = bomb(i);
      const before = process.memoryUsage().arrayBuffers;
      const spentMs = Array.from({ length: ATTEMPTS_MAX }, () => {
        const startMs = performance.now();
        expect(outcome(codec, bytes)).toMatch(/^EST_PROTOCOL_(RANGE|ENCODING|TRUNCATED)$/);
        return performance.now() - startMs;
      });
      expect(Math.min(...spentMs)).toBeLessThan(20);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
    }
  });
});

/** Sentences nobody trained with, and what they cost with the dictionaries of version 1. */
const SAMPLES: readonly (readonly [string, number])[] = [
  ["All well, back on Tuesday.", 16],
  ["Could you ask the agent whether the customs papers are ready? We arrive tomorrow around nine.", 38],
  ["Wind turbine blade 2 has a nick as long as my thumb. Braked it for now, running on diesel.", 50],
  ["Mi hermana llega el jueves con los repuestos del motor.", 28],
];

/** zstd's own answer to 128 kB of nothing: a compressed block of a few bytes. */
function denseBlock(): Uint8Array {
  const { bytes } = compressContent(new Uint8Array(131_072).fill(7, 1), { codecs: [CODEC.zstd] });
  const last = bytes.findLastIndex((_, at) => {
    const size = ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16)) >> 3;
    return ((bytes[at] ?? 0) & 7) === 5 && at + 3 + size === bytes.length;
  });
  expect(last).toBeGreaterThan(0);
  return bytes.subarray(last + 3);
}

function blockHeader(last: boolean, type: number, sizeBytes: number): number[] {
  const header = (last ? 1 : 0) | (type << 1) | (sizeBytes << 3);
  return [header & 255, (header >> 8) & 255, header >> 16];
}

function length(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...length(value >> 7)];
}

const DENSE = denseBlock();

/** Runs, dense blocks alone, dense blocks in rows; their length told, untold or hidden. */
function bomb(i: number): readonly [number, Uint8Array] {
  const id =
    KNOWN_CODECS.filter((known) => known !== CODEC.none)[i % (KNOWN_CODECS.length - 1)] ?? CODEC.zstd;
  const count = 2 + i;
  const runs = Array.from({ length: count }, (_, at) => [
    ...blockHeader(at === count - 1, 1, 131_072),
    0,
  ]).flat();
  const rows = Array.from({ length: count }, (_, at) => [
    ...blockHeader(at === count - 1, 2, DENSE.length),
    ...DENSE,
  ]).flat();
  const truth = count * 131_072;
  const believed = Math.min(1_900_000, rows.length * 64, 16_000 + i);
  const bombs = [
    [id | CODEC.blocks, [...length(truth), ...runs]],
    [id | CODEC.blocks, [...length(truth), ...rows]],
    [id | CODEC.blocks, [...length(believed), ...runs]],
    [id | CODEC.blocks, [...length(believed), ...rows]],
    [id, DENSE],
    [id | CODEC.blocks, [...length(15_000_000 + i), ...Buffer.alloc(260_000)]],
  ] as const;
  const [codec, bytes] = bombs[i % bombs.length] ?? bombs[0];
  return [codec, Uint8Array.from(bytes)];
}
