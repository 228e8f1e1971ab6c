import { describe, expect, it } from "vitest";
import { toHex } from "./bytes.js";
import { directChain } from "./chain.js";
import {
  type CompactForm,
  encodeCompactHead,
  fitsTemplate,
  type HeadEnds,
  type HeadTemplate,
  readCompactHead,
  templateOf,
} from "./compact.js";
import { type Header, verifyHeader } from "./envelope.js";
import { encodeHead, type Head, type Transit } from "./head.js";
import type { Identity } from "./identity.js";
import { makeKeyRecord } from "./key-record.js";
import { payloadRoot } from "./payload.js";
import { ada, adaRotated, ben, cleo, codeOf, samplePayload, sampleSigned } from "./samples.js";

const ownLink: HeadEnds = { sender: ada.keys.root, receiver: ben.address };
const overCleo: HeadEnds = { sender: cleo.keys.root, receiver: ben.address };
const CREATED = 1_767_225_600;

/** A text on its way from Ada to Ben, as compose makes it. */
const text: Partial<Header> = {
  staticSeal: true,
  receipt: false,
  relays: [],
  ackCommitment: null,
  sequence: 301,
  createdUnixS: CREATED + 5,
};
const near: HeadTemplate = {
  ...templateOf(sampleSigned(ada, text).header),
  sequence: 300,
  createdUnixS: CREATED,
};
const atBen = (slot: number) => (slot === 3 ? near : null);

function headOf(identity: Identity, header: Partial<Header>, transit: Partial<Transit> = {}): Head {
  const signed = sampleSigned(identity, header);
  const chain = directChain(signed.id, identity.address, ben.address);
  return { signed, transit: { hopsUsed: 0, ageS: 7, relayIndex: 0, keyRecord: null, chain, ...transit } };
}

const costOf = (head: Head, how: Omit<CompactForm, "ends">, ends = ownLink) =>
  encodeCompactHead(head, { ends, ...how }).length;

describe("compact head: bytes", () => {
  const head = headOf(ada, text);
  const uses = { uses: 3, template: near };

  it("spends 71 on a text of its origin with a template and its payload at hand", () => {
    const parts = { form: 1, kind: 3, sequence: 1, created: 1, signature: 64, age: 1 };
    const sum = Object.values(parts).reduce((all, one) => all + one, 0);
    expect(costOf(head, { slot: uses, payloadFollows: true })).toBe(sum);
    expect(sum).toBe(71);
    const inContext = headOf(ada, { ...text, context: { uses: 2, defines: 3 } });
    expect(costOf(inContext, { slot: uses, payloadFollows: true })).toBe(72);
    expect(encodeHead(head).length).toBe(184);
  });

  it("spends one to three on created and on the sequence, by their distance", () => {
    for (const [apart, bytes] of [
      [63, 1],
      [-64, 1],
      [64, 2],
      [-8_192, 2],
      [8_192, 3],
      [1_048_575, 3],
      [-1_048_576, 3],
    ] as const) {
      const later = headOf(ada, { ...text, createdUnixS: CREATED + apart });
      expect(costOf(later, { slot: uses, payloadFollows: true })).toBe(70 + bytes);
    }
    const template = { ...near, sequence: 2_000_000 };
    const further = headOf(ada, { ...text, sequence: 2_000_063 });
    expect(costOf(further, { slot: { uses: 0, template }, payloadFollows: true })).toBe(71);
    const back = headOf(ada, { ...text, sequence: 1_991_808 });
    expect(costOf(back, { slot: { uses: 0, template }, payloadFollows: true })).toBe(72);
  });

  it("spends one to five on the age, and no created byte where there is none", () => {
    for (const [ageS, bytes] of [
      [0, 1],
      [127, 1],
      [128, 2],
      [86_400, 3],
      [0xffff_ffff, 5],
    ] as const) {
      expect(costOf(headOf(ada, text, { ageS }), { slot: uses, payloadFollows: true })).toBe(70 + bytes);
    }
    const timeless = headOf(ada, { ...text, createdUnixS: null, clockTrusted: false });
    expect(costOf(timeless, { slot: uses, payloadFollows: true })).toBe(70);
  });

  it("spends more without a template, less on its own ends, and 33 on what the payload would say", () => {
    // ends 1, key epoch 1, epoch 4, sequence 2, lifetime 3, hop limit 1, created 4
    const full = 1 + 3 + 1 + 1 + 4 + 2 + 3 + 1 + 4 + 64 + 1;
    expect(costOf(head, { slot: null, payloadFollows: true })).toBe(full);
    expect(costOf(head, { slot: { defines: 0 }, payloadFollows: true })).toBe(full);
    expect(costOf(head, { slot: null, payloadFollows: false })).toBe(full + 33);
    const { chain: _, ...others } = head.transit;
    const elided = { ...others, hopsUsed: 1, chain: { ...head.transit.chain, elidedCount: 2 } };
    const relayed: Head = { ...head, transit: elided };
    expect(costOf(relayed, { slot: null, payloadFollows: true }, overCleo)).toBe(full + 32 + 3 + 17);
    const onward = { sender: ada.keys.root, receiver: cleo.address };
    const atCleo: Head = {
      ...head,
      transit: { ...others, chain: directChain(head.signed.id, ada.address, cleo.address) },
    };
    expect(costOf(atCleo, { slot: null, payloadFollows: true }, onward)).toBe(full + 16);
  });

  it("is the form byte first: kind, payload, direct, slot", () => {
    const formOf = (slot: CompactForm["slot"], payloadFollows: boolean, ends = ownLink) =>
      encodeCompactHead(head, { ends, slot, payloadFollows })[0];
    expect(formOf(null, false)).toBe(0x08);
    expect(formOf({ defines: 15 }, true)).toBe(0xfd);
    expect(formOf(uses, true)).toBe(0x3e);
    expect(formOf(uses, true, overCleo)).toBe(0x36);
    for (const slot of [{ defines: 16 }, { defines: -1 }, { uses: 16, template: near }])
      expect(codeOf(() => formOf(slot, true))).toBe("EST_PROTOCOL_RANGE");
  });
});

describe("compact head: refusals", () => {
  const how: CompactForm = { ends: ownLink, slot: { uses: 3, template: near }, payloadFollows: true };
  const head = headOf(ada, text);
  const told = encodeCompactHead(head, how);
  const complete = (bytes: Uint8Array, ends = ownLink, payload = samplePayload) =>
    codeOf(() => readCompactHead(bytes, ends, atBen)?.complete(payload));

  it("is nothing, not an error, where the template is missing", () => {
    expect(readCompactHead(told, ownLink, () => null)).toBeNull();
    const slot4 = told.slice();
    slot4[0] = 0x4e;
    expect(readCompactHead(slot4, ownLink, atBen)).toBeNull();
  });

  it("is refused when cut anywhere", () => {
    const forms: CompactForm[] = [
      how,
      { ...how, slot: null, payloadFollows: false },
      { ...how, ends: overCleo },
    ];
    for (const form of forms) {
      const bytes = encodeCompactHead(head, form);
      for (let length = 0; length < bytes.length; length++)
        expect(complete(bytes.slice(0, length), form.ends)).toBe("EST_PROTOCOL_TRUNCATED");
    }
  });

  it("never verifies with a bit flipped, another payload, another template or another end", () => {
    const verified = (bytes: Uint8Array, ends = ownLink, payload = samplePayload, template = near) => {
      let holds = false;
      const code = codeOf(() => {
        const read = readCompactHead(bytes, ends, (slot) => (slot === 3 ? template : null));
        if (read === null) return;
        const back = read.complete(payload);
        holds = verifyHeader(back.signed, ada.keys) && toHex(encodeHead(back)) === toHex(encodeHead(head));
      });
      return { holds, code };
    };
    expect(verified(told).holds).toBe(true);
    let wellFormed = 0;
    for (let bit = 0; bit < told.length * 8; bit++) {
      const altered = told.slice();
      altered[bit >> 3] = altered[bit >> 3]! ^ (1 << (bit & 7));
      const { holds, code } = verified(altered);
      expect([bit, holds]).toEqual([bit, false]);
      if (code === "none") wellFormed += 1;
    }
    expect(wellFormed).toBeGreaterThan(500);
    expect(verified(told, ownLink, samplePayload.slice(1)).holds).toBe(false);
    expect(verified(told, overCleo)).toEqual({ holds: false, code: "EST_PROTOCOL_ENCODING" });
    expect(verified(told, { ...ownLink, receiver: cleo.address }).holds).toBe(false);
    const drifted: Partial<HeadTemplate>[] = [
      { sequence: 299 },
      { createdUnixS: CREATED + 1 },
      { createdUnixS: null },
      { destination: cleo.address },
      { origin: cleo.keys.root },
      { keyEpoch: 1 },
      { epoch: 1 },
      { lifetimeS: 3_600 },
      { hopMax: 7 },
    ];
    for (const changes of drifted) {
      const template = { ...near, ...changes };
      expect(verified(told, ownLink, samplePayload, template).holds).toBe(false);
    }
  });

  it("has one form for each way to tell it", () => {
    const inFull = encodeCompactHead(head, { ...how, slot: null });
    const splice = (at: number, count: number, ...by: number[]) =>
      Uint8Array.of(...inFull.slice(0, at), ...by, ...inFull.slice(at + count));
    const endsAt = 4;
    expect(inFull[endsAt]).toBe(3);
    expect(complete(splice(endsAt, 1, 2, ...ada.keys.root))).toBe("EST_PROTOCOL_ENCODING");
    expect(complete(splice(endsAt, 1, 1, ...ben.address))).toBe("EST_PROTOCOL_ENCODING");
    expect(complete(splice(endsAt, 1, 4))).toBe("EST_PROTOCOL_VERSION");
    expect(complete(splice(0, 1, 0x0f))).toBe("EST_PROTOCOL_VERSION");
    expect(complete(splice(0, 1, 0x1c))).toBe("EST_PROTOCOL_ENCODING");
    // The direct chain written out where one bit would do, and the bit where the sender is not the origin.
    const { chain } = head.transit;
    const transit = [0, 7, 0x20, 1, ...chain.elidedDigest!];
    expect(complete(Uint8Array.of(0x04, ...inFull.slice(1, -1), transit.length, ...transit))).toBe(
      "EST_PROTOCOL_ENCODING",
    );
    const relayed = encodeCompactHead(head, { ...how, ends: overCleo, slot: null });
    const signatureEnd = relayed.length - 1 - transit.length;
    expect(complete(Uint8Array.of(0x0c, ...relayed.slice(1, signatureEnd), 7), overCleo)).toBe(
      "EST_PROTOCOL_ENCODING",
    );
  });

  it("gives no head outside the limits of the header", () => {
    const withDifference = (sequence: number[], created: number[]) =>
      complete(Uint8Array.of(...told.slice(0, 4), ...sequence, ...created, ...told.slice(6)));
    expect(withDifference([2], [10])).toBe("none");
    expect(withDifference([0xd9, 0x04], [10])).toBe("EST_PROTOCOL_RANGE");
    expect(withDifference([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f], [10])).toBe("EST_PROTOCOL_RANGE");
    expect(withDifference([2], [0xff, 0xff, 0xff, 0xff, 0x7f])).toBe("EST_PROTOCOL_RANGE");
    expect(withDifference([0x82, 0x00], [10])).toBe("EST_PROTOCOL_ENCODING");
    const far = { ...near, sequence: Number.MAX_SAFE_INTEGER };
    const beyond = () => readCompactHead(told, ownLink, () => far)?.complete(samplePayload);
    expect(codeOf(beyond)).toBe("EST_PROTOCOL_RANGE");
    const apart = { ...near, sequence: 2 ** 53 - 1 };
    expect(codeOf(() => encodeCompactHead(head, { ...how, slot: { uses: 3, template: apart } }))).toBe(
      "EST_PROTOCOL_RANGE",
    );
    const facts = encodeCompactHead(head, { ...how, payloadFollows: false });
    const atLength = 6;
    const tooLong = Uint8Array.of(
      ...facts.slice(0, atLength),
      0x81,
      0x80,
      0x80,
      0x05,
      ...facts.slice(atLength + 1),
    );
    expect(complete(tooLong)).toBe("EST_PROTOCOL_RANGE");
  });

  it("is held against the header: relay index, key record, transit", () => {
    const tell = (transit: Partial<Transit>, identity = ada) =>
      encodeCompactHead(headOf(identity, text, transit), { ...how, slot: null });
    expect(complete(tell({ relayIndex: 1 }))).toBe("EST_PROTOCOL_RANGE");
    const keyRecord = makeKeyRecord(ada, adaRotated.keys);
    expect(complete(tell({ keyRecord }))).toBe("EST_PROTOCOL_KEY");
    expect(complete(tell({ keyRecord }, adaRotated))).toBe("none");
    const forged = tell({ keyRecord }, adaRotated);
    forged[forged.length - 30] = forged[forged.length - 30]! ^ 1;
    expect(complete(forged)).toBe("EST_PROTOCOL_SIGNATURE");
  });

  it("takes length and root from the head where they are told, and from the payload where it follows", () => {
    const facts = encodeCompactHead(head, { ...how, payloadFollows: false });
    const read = readCompactHead(facts, ownLink, atBen)!;
    expect(read.complete(new Uint8Array(0)).signed.header.payloadRoot).toEqual(payloadRoot(samplePayload));
    expect(
      readCompactHead(told, ownLink, atBen)!.complete(new Uint8Array(3)).signed.header.payloadBytes,
    ).toBe(3);
  });
});

describe("template", () => {
  it("fits heads that differ from it only in number, time and kind", () => {
    const { header } = sampleSigned(ada, text);
    expect(fitsTemplate(header, near)).toBe(true);
    expect(fitsTemplate({ ...header, class: "flash", codec: 9, createdUnixS: null }, near)).toBe(true);
    const others: Partial<Header>[] = [
      { destination: cleo.address },
      { origin: cleo.keys.root },
      { keyEpoch: 3 },
      { epoch: 1 },
      { lifetimeS: 3_600 },
      { hopMax: 7 },
    ];
    for (const other of others) expect(fitsTemplate({ ...header, ...other }, near)).toBe(false);
  });
});
