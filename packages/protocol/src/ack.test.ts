import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ackCommitment,
  decodeNote,
  decodeReceipt,
  encodeAck,
  encodeReceipt,
  encodeReceipts,
  makeAck,
  RECEIPT_REASONS,
  signReceipt,
  signReceipts,
  verifyAck,
  verifyReceipt,
  verifyReceipts,
} from "./ack.js";
import { toHex } from "./bytes.js";
import { LIMITS } from "./limits.js";
import { ada, adaRotated, ben, codeOf, sampleSigned, seededRng, seedOf } from "./samples.js";

const { id } = sampleSigned();
const token = seedOf("token").slice(0, 16);
const commitment = ackCommitment(token);

describe("ack", () => {
  it("proves each stage against the one commitment, in 33 bytes", () => {
    for (const stage of ["accepted", "final"] as const) {
      const ack = makeAck(id, stage, token);
      const bytes = encodeAck(ack);
      expect(bytes.length).toBe(33);
      expect(decodeNote(bytes)).toEqual({ kind: "ack", ...ack });
      expect(verifyAck(ack, commitment)).toBe(true);
      expect(verifyAck(ack, seedOf("other").slice(0, 16))).toBe(false);
    }
  });

  it("does not let the first stage pass for the second, nor the commitment for either", () => {
    const accepted = makeAck(id, "accepted", token);
    expect(verifyAck({ ...accepted, stage: "final" }, commitment)).toBe(false);
    expect(verifyAck({ ...makeAck(id, "final", token), stage: "accepted" }, commitment)).toBe(false);
    for (const stage of ["accepted", "final"] as const) {
      expect(verifyAck({ id, stage, proof: commitment }, commitment)).toBe(false);
      expect(verifyAck({ id, stage, proof: new Uint8Array(0) }, commitment)).toBe(false);
    }
  });

  it("is not guessed", () => {
    const rng = seededRng("guess");
    for (let i = 0; i < 5_000; i++) {
      const stage = i % 2 ? "final" : "accepted";
      expect(verifyAck({ id, stage, proof: rng.bytes(16) }, commitment)).toBe(false);
    }
  });
});

describe("signed receipt", () => {
  const reason = RECEIPT_REASONS["unknown-user"];

  it("survives the wire and verifies under its signer only", () => {
    for (const message of [null, 0, 127, 255]) {
      const receipt = signReceipt({ id, outcome: "refused", reason, message }, ben);
      const bytes = encodeReceipt(receipt);
      expect(bytes.length).toBeLessThanOrEqual(118);
      expect(decodeNote(bytes)).toEqual({ kind: "receipt", ...receipt });
      expect(decodeReceipt(bytes)).toEqual(receipt);
      expect(verifyReceipt(receipt, ben.keys)).toBe(true);
      expect(verifyReceipt(receipt, ada.keys)).toBe(false);
      expect(verifyReceipt(receipt, { ...ben.keys, epoch: 1 })).toBe(false);
      expect(verifyReceipt(receipt, { ...ben.keys, root: ada.keys.root })).toBe(false);
      expect(verifyReceipt({ ...receipt, outcome: "delivered" }, ben.keys)).toBe(false);
      expect(verifyReceipt({ ...receipt, message: 3 }, ben.keys)).toBe(false);
      expect(verifyReceipt({ ...receipt, signer: ada.keys.root }, ada.keys)).toBe(false);
    }
  });

  it("names the key epoch it was signed in", () => {
    const receipt = signReceipt({ id, outcome: "delivered", reason: 0 }, adaRotated);
    expect(verifyReceipt(receipt, adaRotated.keys)).toBe(true);
    expect(verifyReceipt(receipt, ada.keys)).toBe(false);
    expect(verifyReceipt({ ...receipt, keyEpoch: 0 }, ada.keys)).toBe(false);
  });

  it("fails for every flipped bit", () => {
    const bytes = encodeReceipt(signReceipt({ id, outcome: "expired", reason: 1 }, ben));
    for (let bit = 8; bit < bytes.length * 8; bit++) {
      const altered = bytes.slice();
      altered[bit >> 3] = altered[bit >> 3]! ^ (1 << (bit & 7));
      let verified = false;
      codeOf(() => {
        const receipt = decodeReceipt(altered);
        verified = verifyReceipt(receipt, { ...ben.keys, root: receipt.signer, epoch: receipt.keyEpoch });
      });
      expect(verified).toBe(false);
    }
  });

  it("has no encoding for positions and reasons out of range", () => {
    const make = (message: number | null, why: number) => () =>
      signReceipt({ id, outcome: "refused", reason: why, message }, ben);
    expect(codeOf(make(256, 0))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(make(-1, 0))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(make(null, 256))).toBe("EST_PROTOCOL_RANGE");
  });
});

describe("signed receipts for several messages", () => {
  const make = (messages: readonly number[], by = ben) =>
    signReceipts({ id, outcome: "delivered", reason: 0, messages }, by);

  it("survive the wire and verify under their signer only", () => {
    const positions = fc.uniqueArray(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 256 });
    fc.assert(
      fc.property(positions, (messages) => {
        const receipts = make(messages);
        const bytes = encodeReceipts(receipts);
        const ascending = [...messages].sort((a, b) => a - b);
        expect(receipts.messages).toEqual(ascending);
        expect(bytes.length).toBe(117 + Math.floor(ascending.at(-1)! / 8) + 1);
        const note = decodeNote(bytes);
        expect(note).toEqual({ kind: "receipts", ...receipts });
        expect(verifyReceipts(receipts, ben.keys)).toBe(true);
        expect(verifyReceipts(receipts, ada.keys)).toBe(false);
      }),
      { numRuns: 60 },
    );
    const receipts = make([0, 9]);
    for (const wrong of [
      { messages: [0] },
      { messages: [0, 9, 10] },
      { outcome: "refused" as const },
      { reason: 1 },
      { id: seedOf("id").slice(0, 16) },
    ])
      expect(verifyReceipts({ ...receipts, ...wrong }, ben.keys)).toBe(false);
    expect(verifyReceipts(receipts, { ...ben.keys, epoch: 1 })).toBe(false);
    const rotated = make([3], adaRotated);
    expect(verifyReceipts(rotated, adaRotated.keys)).toBe(true);
    expect(verifyReceipts(rotated, ada.keys)).toBe(false);
  });

  it("have the bytes of the specification", () => {
    const { signer, signature } = make([0, 3, 8, 8, 15]);
    const bytes = encodeReceipts(make([8, 15, 0, 3]));
    expect(toHex(bytes)).toBe(`04${toHex(id)}0209810000${toHex(signer)}00${toHex(signature)}`);
    expect(encodeReceipts(make([0])).length).toBe(118);
    expect(encodeReceipts(make([255])).length).toBe(149);
  });

  it("are never what is signed for one message", () => {
    for (const message of [null, 0, 126, 127, 255]) {
      const receipt = signReceipt({ id, outcome: "delivered", reason: 0, message }, ben);
      for (const messages of [[0], [7], [0, 1, 2, 3, 4, 5, 6, 7]]) {
        const receipts = { ...make(messages), signature: receipt.signature };
        expect(verifyReceipts(receipts, ben.keys)).toBe(false);
        expect(verifyReceipt({ ...receipt, signature: make(messages).signature }, ben.keys)).toBe(false);
      }
    }
  });

  it("fail for every flipped bit, and decode to the same bytes where they decode", () => {
    const bytes = encodeReceipts(make([1, 20]));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const altered = bytes.slice();
      altered[bit >> 3] = altered[bit >> 3]! ^ (1 << (bit & 7));
      let verified = false;
      codeOf(() => {
        const note = decodeNote(altered);
        if (note.kind !== "receipts") return;
        expect(encodeReceipts(note)).toEqual(altered);
        verified = verifyReceipts(note, { ...ben.keys, root: note.signer, epoch: note.keyEpoch });
      });
      expect(verified).toBe(false);
    }
  });

  it("are refused when cut, longer, of no message or with a bitmap that is too long", () => {
    const bytes = encodeReceipts(make([1, 20]));
    for (let length = 0; length < bytes.length; length++)
      expect(codeOf(() => decodeNote(bytes.slice(0, length)))).toBe("EST_PROTOCOL_TRUNCATED");
    expect(codeOf(() => decodeNote(Uint8Array.of(...bytes, 0)))).toBe("EST_PROTOCOL_TRAILING");
    const withBitmap = (...bitmap: number[]) =>
      codeOf(() => decodeNote(Uint8Array.of(...bytes.slice(0, 17), ...bitmap, ...bytes.slice(21))));
    expect(withBitmap(3, 2, 0, 16)).toBe("none");
    expect(withBitmap(0)).toBe("EST_PROTOCOL_RANGE");
    expect(withBitmap(1, 0)).toBe("EST_PROTOCOL_ENCODING");
    expect(withBitmap(2, 5, 0)).toBe("EST_PROTOCOL_ENCODING");
    expect(withBitmap(33, ...Array(33).fill(1))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(() => make([]))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(() => make([256]))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(() => make([-1]))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(() => decodeReceipt(bytes))).toBe("EST_PROTOCOL_VERSION");
  });
});

describe("note", () => {
  it("is refused when cut, longer, unknown or too long", () => {
    const ack = encodeAck(makeAck(id, "final", token));
    const receipt = encodeReceipt(signReceipt({ id, outcome: "delivered", reason: 0 }, ben));
    for (const bytes of [ack, receipt]) {
      for (let length = 0; length < bytes.length; length++) {
        expect(codeOf(() => decodeNote(bytes.slice(0, length)))).toBe("EST_PROTOCOL_TRUNCATED");
      }
      expect(codeOf(() => decodeNote(Uint8Array.of(...bytes, 0)))).toBe("EST_PROTOCOL_TRAILING");
    }
    expect(codeOf(() => decodeNote(Uint8Array.of(0)))).toBe("EST_PROTOCOL_VERSION");
    expect(codeOf(() => decodeNote(Uint8Array.of(5)))).toBe("EST_PROTOCOL_VERSION");
    expect(codeOf(() => decodeNote(new Uint8Array(LIMITS.noteBytesMax + 1)))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(() => decodeReceipt(ack))).toBe("EST_PROTOCOL_VERSION");
    const outcome = receipt.slice();
    outcome[18] = 9;
    expect(codeOf(() => decodeNote(outcome))).toBe("EST_PROTOCOL_VERSION");
    const longForm = Uint8Array.of(...receipt.slice(0, 17), 0x80, ...receipt.slice(17));
    expect(codeOf(() => decodeNote(longForm))).toBe("EST_PROTOCOL_ENCODING");
  });
});
