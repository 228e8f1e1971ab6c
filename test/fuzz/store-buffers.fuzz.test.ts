import { decodeParcelFile, encodeParcelFile } from "@estafette/bearer-file";
import {
  DirectIpReader,
  decodeHook,
  decodeMoMessage,
  decodeMtAnswer,
  decodeMtStatus,
  ModemReader,
  parseSessionResult,
} from "@estafette/bearer-sbd";
import { ProtocolError } from "@estafette/contract";
import { describe, expect, it } from "vitest";

/** Cases for each decoder; CI takes the default, a long run sets the variable. */
const CASES = Number(process.env.FUZZ_CASES ?? 2_000);
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

function errorOf(act: () => unknown): unknown {
  try {
    act();
    return null;
  } catch (error) {
    return error;
  }
}

/** Whether it takes too long five times in a row; once is a busy machine. */
function isSlow(act: () => unknown): boolean {
  for (let attempt = 0; attempt < 5; attempt++) {
    const beganMs = performance.now();
    act();
    if (performance.now() - beganMs <= CASE_MS_MAX) return false;
  }
  return true;
}

/** A good input with a few bytes changed, removed, doubled or cut off; every fourth is noise. */
function damaged(good: Uint8Array, below: (bound: number) => number): Uint8Array {
  if (below(4) === 0) return Uint8Array.from({ length: below(400) }, () => below(256));
  const bytes = [...good];
  for (let change = below(4) + 1; change > 0; change--) {
    const at = below(bytes.length + 1);
    const kind = below(4);
    if (kind === 0) bytes[at] = below(256);
    else if (kind === 1) bytes.splice(at, below(8));
    else if (kind === 2) bytes.splice(at, 0, ...bytes.slice(at, at + below(16)));
    else bytes.length = at;
  }
  return Uint8Array.from(bytes, (byte) => byte ?? 0);
}

const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const words = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const imei = "300434060000001";
const mo = Uint8Array.from([
  ...[1, 0, 39, 1, 0, 28, 0, 0, 0, 9, ...text(imei), 0, 0, 7, 0, 0, 1, 2, 3, 4],
  ...[2, 0, 5, ...text("hello")],
]);
const mtAnswer = Uint8Array.from([1, 0, 28, 0x44, 0, 25, 1, 2, 3, 4, ...text(imei), 0, 0, 0, 1, 0, 3]);
const id = Uint8Array.of(1, 2, 3, 4);

const DECODERS: Readonly<Record<string, { good: Uint8Array; decode: (bytes: Uint8Array) => unknown }>> = {
  "a parcel file": {
    good: encodeParcelFile(text("a parcel")),
    decode: (bytes) => decodeParcelFile(bytes, 300),
  },
  "a message from a ship": { good: mo, decode: decodeMoMessage },
  "a stream of DirectIP": { good: mo, decode: (bytes) => new DirectIpReader().push(bytes) },
  "an answer of DirectIP": { good: mtAnswer, decode: (bytes) => decodeMtStatus(bytes, id) },
  "an answer to SBDIX": {
    good: text("+SBDIX: 0, 12, 1, 7, 270, 3"),
    decode: (bytes) => parseSessionResult(words(bytes)),
  },
  "a web hook's form": {
    good: text(`imei=${imei}&momsn=12&data=00ff17`),
    decode: (bytes) => decodeHook("application/x-www-form-urlencoded", bytes),
  },
  "a web hook's JSON": {
    good: text(`{"imei":"${imei}","momsn":12,"data":"00ff17"}`),
    decode: (bytes) => decodeHook("application/json", bytes),
  },
  "an answer of the web service": {
    good: text("FAILED,13,Insufficient credit"),
    decode: (bytes) => decodeMtAnswer(words(bytes)),
  },
};

describe.each(Object.entries(DECODERS))("%s", (_, { good, decode }) => {
  it("good, is read", () => {
    expect(() => decode(good)).not.toThrow();
  });

  it(`damaged in ${CASES} ways, is read or refused with a ProtocolError, soon`, () => {
    let refused = 0;
    for (let seed = 0; seed < CASES; seed++) {
      const input = damaged(good, chance(seed));
      let error: unknown;
      const slow = isSlow(() => {
        error = errorOf(() => decode(input));
      });
      if (slow) expect.fail(`case ${seed} takes more than ${CASE_MS_MAX} ms`);
      if (error === null) continue;
      if (!(error instanceof ProtocolError)) throw new Error(`case ${seed} throws ${String(error)}`);
      refused++;
    }
    expect(refused, "some damage is noticed").toBeGreaterThan(CASES / 10);
  });
});

describe("a modem's line", () => {
  const session = text("AT+SBDRB\r\r\nSBDRING\r\n\u0000\u0002\u0007\u0008\u0000\u000f\r\nOK\r\n");

  it(`damaged in ${CASES} ways, never throws, and the next line is found after at most one message`, () => {
    for (let seed = 0; seed < CASES; seed++) {
      const reader = new ModemReader();
      reader.expectMessage();
      for (const piece of reader.push(damaged(session, chance(seed))))
        if (piece.type === "line") expect(piece.text.length).toBeLessThanOrEqual(256);
      reader.forget();
      reader.push(text("\r\n"));
      expect(reader.push(text("\r\nOK\r\n")), `case ${seed}`).toContainEqual({ type: "line", text: "OK" });
    }
  });
});
