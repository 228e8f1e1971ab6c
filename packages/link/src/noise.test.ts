import { describe, expect, it } from "vitest";
import { CipherState, type DhKey, dhKeyFromSecret, HandshakeState, type NoisePattern } from "./noise.js";

/**
 * Published values, hexadecimal, for Noise_XX_25519_ChaChaPoly_SHA256 and Noise_KK_25519_ChaChaPoly_SHA256.
 * Source: the cacophony project's vector file (github.com/haskell-cryptography/cacophony, vectors/cacophony.txt),
 * as carried by github.com/mcginty/snow at 8ac60f51cfe3, tests/vectors/cacophony.txt.
 */
const NOISE_VECTORS: readonly {
  readonly pattern: NoisePattern;
  readonly prologue: string;
  readonly initiatorStatic: string;
  readonly initiatorEphemeral: string;
  readonly responderStatic: string;
  readonly responderEphemeral: string;
  readonly handshakeHash: string;
  /** Handshake messages first, then transport messages, the initiator beginning, in turn. */
  readonly messages: readonly { readonly payload: string; readonly sealed: string }[];
}[] = [
  {
    pattern: "XX",
    prologue: "4a6f686e2047616c74",
    initiatorStatic: "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1",
    initiatorEphemeral: "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
    responderStatic: "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893",
    responderEphemeral: "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
    handshakeHash: "c8e5f64e846193be2a834104c2a009868d6c9f3bd3c186299888b488b2f1f58e",
    messages: [
      {
        payload: "4c756477696720766f6e204d69736573",
        sealed: [
          "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79444c75647769672076",
          "6f6e204d69736573",
        ].join(""),
      },
      {
        payload: "4d757272617920526f746862617264",
        sealed: [
          "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f14480884381cbad1f276e038c",
          "48378ffce2b65285e08d6b68aaa3629a5a8639392490e5b9bd5269c2f1e4f488ed8831161f19b781",
          "5528f8982ffe09be9b5c412f8a0db50f8814c7194e83f23dbd8d162c9326ad",
        ].join(""),
      },
      {
        payload: "462e20412e20486179656b",
        sealed: [
          "c7195ffacac1307ff99046f219750fc47693e23c3cb08b89c2af808b444850a80ae475b9df0f169a",
          "e80a89be0865b57f58c9fea0d4ec82a286427402f113e4b6ae769a1d95941d49b25030",
        ].join(""),
      },
      { payload: "4361726c204d656e676572", sealed: "96763ed773f8e47bb3712f0e29b3060ffc956ffc146cee53d5e1df" },
      {
        payload: "4a65616e2d426170746973746520536179",
        sealed: "3e40f15f6f3a46ae446b253bf8b1d9ffb6ed9b174d272328ff91a7e2e5c79c07f5",
      },
      {
        payload: "457567656e2042f6686d20766f6e2042617765726b",
        sealed: "eb3f3515110702e047a6c9da4478b6ead94873c11c0f2d710ddb3f09fce024b3a58502ae3f",
      },
    ],
  },
  {
    pattern: "KK",
    prologue: "4a6f686e2047616c74",
    initiatorStatic: "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1",
    initiatorEphemeral: "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
    responderStatic: "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893",
    responderEphemeral: "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
    handshakeHash: "24c6b51ecb76277140ca018b5985bc9f03de321dae2d34dcae433dafef0131d9",
    messages: [
      {
        payload: "4c756477696720766f6e204d69736573",
        sealed: [
          "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79440177015efc1fe7a3",
          "7c629af7120a96274e6ab7afcc9261901d0e09ae32a5bb96",
        ].join(""),
      },
      {
        payload: "4d757272617920526f746862617264",
        sealed: [
          "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843b274d3429adc47ca",
          "093ba63ef90f8da89fda108db471dccfa4894aa7b00003",
        ].join(""),
      },
      { payload: "462e20412e20486179656b", sealed: "966b05bc69ec01b8454d3160a214e6f24a3d884eb31ec2408af63f" },
      { payload: "4361726c204d656e676572", sealed: "0ad887fba4f611bbb4afe44ba3556b8164332ca7d5934634d63d80" },
      {
        payload: "4a65616e2d426170746973746520536179",
        sealed: "012b28ae646ae7830e2c5472cb023eab071c1db3d8413ec69b513b83832f974c2d",
      },
      {
        payload: "457567656e2042f6686d20766f6e2042617765726b",
        sealed: "bb3e6a48160d9c5971d37f975727294e0d868342db31832e54d07191ab0ca3c3703b5ed3d9",
      },
    ],
  },
];

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const key = (byte: number): DhKey => dhKeyFromSecret(new Uint8Array(32).fill(byte));
const prologue = new TextEncoder().encode("test");

function pair(pattern: NoisePattern, changes: { rs?: Uint8Array; prologue?: Uint8Array } = {}) {
  const [a, b] = [key(1), key(2)];
  const known = pattern === "KK";
  const initiator = HandshakeState.begin({
    pattern,
    initiator: true,
    prologue,
    s: a,
    e: key(3),
    rs: known ? (changes.rs ?? b.public) : null,
  });
  const responder = HandshakeState.begin({
    pattern,
    initiator: false,
    prologue: changes.prologue ?? prologue,
    s: b,
    e: key(4),
    rs: known ? a.public : null,
  });
  return { initiator, responder, a, b };
}

describe("Noise, published vectors", () => {
  for (const vector of NOISE_VECTORS) {
    it(`${vector.pattern} gives every byte of every message`, () => {
      const own = (secret: string): DhKey => dhKeyFromSecret(hex(secret));
      const [a, b] = [own(vector.initiatorStatic), own(vector.responderStatic)];
      const known = vector.pattern === "KK";
      const side = (initiator: boolean): HandshakeState =>
        HandshakeState.begin({
          pattern: vector.pattern,
          initiator,
          prologue: hex(vector.prologue),
          s: initiator ? a : b,
          e: own(initiator ? vector.initiatorEphemeral : vector.responderEphemeral),
          rs: known ? (initiator ? b.public : a.public) : null,
        });
      const [initiator, responder] = [side(true), side(false)];
      let ciphers: readonly [CipherState, CipherState][] | null = null;
      vector.messages.forEach((message, index) => {
        const fromInitiator = index % 2 === 0;
        const [from, to] = fromInitiator ? [initiator, responder] : [responder, initiator];
        if (!from.finished) {
          expect(toHex(from.write(hex(message.payload)))).toBe(message.sealed);
          expect(toHex(to.read(hex(message.sealed)))).toBe(message.payload);
          return;
        }
        ciphers ??= [initiator, responder].map((end) => {
          const [first, second] = end.result().keys;
          return [new CipherState(first), new CipherState(second)];
        });
        const which = fromInitiator ? 0 : 1;
        const none = new Uint8Array(0);
        const [writer, reader] = fromInitiator ? [ciphers[0]!, ciphers[1]!] : [ciphers[1]!, ciphers[0]!];
        expect(toHex(writer[which].encrypt(none, hex(message.payload)))).toBe(message.sealed);
        expect(toHex(reader[which].decrypt(none, hex(message.sealed)))).toBe(message.payload);
      });
      expect(toHex(initiator.result().hash)).toBe(vector.handshakeHash);
      expect(toHex(responder.result().hash)).toBe(vector.handshakeHash);
      expect(toHex(initiator.remoteStatic!)).toBe(toHex(b.public));
      expect(toHex(responder.remoteStatic!)).toBe(toHex(a.public));
    });
  }
});

describe("Noise, what must fail", () => {
  it("refuses a change of any byte of an authenticated message", () => {
    for (const pattern of ["XX", "KK"] as const) {
      const { initiator, responder } = pair(pattern);
      const first = initiator.write(hex("01"));
      if (pattern === "XX") responder.read(first);
      const [reader, message] =
        pattern === "KK" ? [responder, first] : [initiator, responder.write(hex("02"))];
      for (let index = 0; index < message.length; index++) {
        const changed = message.slice();
        changed[index]! ^= 0x40;
        expect(() => reader.copy().read(changed)).toThrow(/tag|key/);
      }
      expect(reader.copy().read(message)).toHaveLength(1);
    }
  });

  it("refuses the wrong static key, the wrong prologue and its own reflection", () => {
    const wrongKey = pair("KK", { rs: key(9).public });
    const message = wrongKey.initiator.write(hex(""));
    expect(() => wrongKey.responder.read(message)).toThrow(/tag/);
    const wrongPrologue = pair("KK", { prologue: hex("00") });
    const other = wrongPrologue.initiator.write(hex(""));
    expect(() => wrongPrologue.responder.read(other)).toThrow(/tag/);
    const reflected = pair("XX");
    const sent = reflected.initiator.write(hex(""));
    expect(() => reflected.initiator.read(sent)).toThrow();
  });

  it("refuses every truncation and keys of small order", () => {
    const { initiator, responder } = pair("KK");
    const message = initiator.write(hex("0102"));
    for (let length = 0; length < message.length; length++) {
      expect(() => responder.copy().read(message.subarray(0, length))).toThrow();
    }
    const weak = new Uint8Array(80);
    expect(() => responder.copy().read(weak)).toThrow(/key/);
  });

  it("refuses a replayed transport message", () => {
    const cipher = new CipherState(new Uint8Array(32).fill(7));
    const other = new CipherState(new Uint8Array(32).fill(7));
    const none = new Uint8Array(0);
    const sealed = cipher.encrypt(none, hex("aa"));
    expect(toHex(other.decrypt(none, sealed))).toBe("aa");
    expect(() => other.decrypt(none, sealed)).toThrow(/tag/);
  });
});
