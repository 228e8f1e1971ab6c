import {
  ackCommitment,
  type ContentMessage,
  encodeAck,
  encodeContent,
  encodeHeaderPrefix,
  encodeReceipt,
  encodeReceipts,
  makeAck,
  seal,
  signReceipt,
  signReceipts,
  toHex,
} from "@estafette/protocol";
import {
  ada,
  adaRotated,
  ben,
  CaseList,
  cleo,
  flipped,
  plainHeader,
  plainSigned,
  seed,
  seededRng,
  spliced,
} from "./case-list.js";

const base = { epoch: 7, sequence: 40, class: "normal", lifetimeS: 86_400 } as const;
const text = (words: string) => new TextEncoder().encode(words);
const first: ContentMessage = {
  ...base,
  kind: "text",
  receipt: false,
  token: null,
  laterS: 0,
  from: "ada@ship.example",
  to: ["ben@shore.example"],
  body: text("all well"),
};

/** vectors/content.json */
export function contentCases(): CaseList {
  const list = new CaseList();
  const takes = (name: string, messages: readonly ContentMessage[]) =>
    list.takes(name, { kind: "content", base, bytes: toHex(encodeContent(messages, base)) });
  takes("content, one message", [first]);
  takes("content, a series", [first, { ...first, sequence: 41 }, { ...first, sequence: 42, receipt: true }]);
  takes("content, everything explicit", [
    {
      ...first,
      epoch: 0xffff_ffff,
      sequence: Number.MAX_SAFE_INTEGER,
      class: "flash",
      lifetimeS: 3_600,
      kind: "mail",
      receipt: true,
      token: seed("token").slice(0, 16),
      laterS: 0xffff_ffff,
      from: "",
      to: ["grüße@schiff.example", "x@y"],
    },
    { ...first, kind: "notice", body: new Uint8Array(0) },
  ]);
  takes("content, later than created, and as late as the one before", [
    { ...first, laterS: 300 },
    { ...first, sequence: 41, laterS: 300 },
    { ...first, sequence: 42, laterS: 0 },
  ]);
  takes("content, token alone", [{ ...first, token: seed("token").slice(0, 16) }]);
  const letter = text("The pump is mended. ".repeat(16));
  takes("content, a body whose length takes two bytes", [{ ...first, kind: "mail", body: letter }]);
  takes("content, a notice nobody answers, to two", [
    { ...first, kind: "notice", from: "", to: ["ben@shore.example", "ada@ship.example"], body: letter },
  ]);
  const bytes = encodeContent([first], base);
  const refuses = (name: string, what: string) => list.refuses(name, { kind: "content", base, bytes: what });
  refuses("content, empty", "");
  refuses("content, no messages", "00");
  refuses("content, 257 messages", "8102");
  refuses("content, kind 3", flipped(bytes, 1, 0x02));
  refuses("content, same sender as nobody", "0140");
  refuses("content, same recipients as nobody", "018000");
  refuses("content, numbered without need", spliced(bytes, 1, 1, 0x11, 0, 0, 0, 7, 40));
  refuses("content, classed without need", spliced(bytes, 1, 1, 0x21, 2, 0x80, 0xa3, 0x05));
  refuses("content, lifetime too short", spliced(bytes, 1, 1, 0x21, 2, 60));
  refuses("content, class 4", spliced(bytes, 1, 1, 0x21, 4, 0x80, 0xa3, 0x05));
  refuses("content, more flags that say nothing", spliced(bytes, 1, 1, 0x09, 0));
  refuses("content, more flag 4", spliced(bytes, 1, 1, 0x09, 4));
  refuses("content, later without need", spliced(bytes, 1, 1, 0x09, 2, 0));
  refuses("content, later by 2^32", spliced(bytes, 1, 1, 0x09, 2, 0x80, 0x80, 0x80, 0x80, 0x10));
  refuses("content, line feed in the sender", spliced(bytes, 3, 1, 0x0a));
  refuses("content, sender is not UTF-8", spliced(bytes, 3, 1, 0xff));
  refuses("content, C1 control in the sender", spliced(bytes, 3, 2, 0xc2, 0x85));
  refuses("content, surrogate in the sender", spliced(bytes, 3, 3, 0xed, 0xa0, 0x80));
  refuses("content, no recipients", "01010000");
  refuses("content, empty recipient", "0101000100");
  refuses("content, cut", toHex(bytes.slice(0, -1)));
  refuses("content, trailing byte", `${toHex(bytes)}00`);
  refuses("content, recipients repeated instead of flagged", repeatedRecipients());
  return list;
}

/** Two messages, the second with the sender flagged as before and the same recipients written out. */
function repeatedRecipients(): string {
  const two = encodeContent([first, { ...first, sequence: 41 }], base);
  const at = two.length - first.body.length - 2;
  const recipient = [...text("ben@shore.example")];
  return spliced(two, at, 1, 0x41, 1, recipient.length, ...recipient);
}

/** vectors/seals.json */
export function sealCases(): CaseList {
  const list = new CaseList();
  for (const staticSeal of [false, true]) {
    const header = { ...plainHeader, staticSeal };
    const prefix = encodeHeaderPrefix(header);
    const rng = seededRng(`seal ${staticSeal}`);
    const plaintext = text("Dear Ben, the pump is mended.");
    const sealed = seal({ identity: ada, recipient: ben.keys, prefix, plaintext, staticSeal, rng });
    const right = {
      kind: "open",
      seed: toHex(seed("ben")),
      origin: toHex(ada.keys.root),
      prefix: toHex(prefix),
      payload: toHex(sealed),
      staticSeal,
    } as const;
    const how = staticSeal ? "static seal" : "ephemeral seal";
    const empty = seal({
      identity: ada,
      recipient: ben.keys,
      prefix,
      plaintext: new Uint8Array(0),
      staticSeal,
      rng,
    });
    list.takes(how, right, { plaintext: toHex(plaintext) });
    list.takes(`${how} of nothing`, { ...right, payload: toHex(empty) }, { plaintext: "" });
    const context = text("yesterday's content");
    const remembering = seal({
      identity: ada,
      recipient: ben.keys,
      prefix,
      plaintext,
      staticSeal,
      rng,
      context,
    });
    const inContext = { ...right, payload: toHex(remembering), context: toHex(context) };
    list.takes(`${how} in a context`, inContext, { plaintext: toHex(plaintext) });
    list.refuses(`${how} in a context, another context`, { ...inContext, context: flipped(context, 0) });
    list.refuses(`${how} in a context, none`, { ...inContext, context: "" });
    list.refuses(`${how} without context, some`, { ...right, context: toHex(context) });
    const byOrigin = { ...right, seed: toHex(seed("ada")), recipient: toHex(ben.keys.root) };
    if (staticSeal) list.takes(`${how}, opened by its origin`, byOrigin, { plaintext: toHex(plaintext) });
    else list.refuses(`${how}, opened by its origin`, byOrigin);
    list.refuses(`${how}, another recipient`, { ...right, seed: toHex(seed("cleo")) });
    const resigned = encodeHeaderPrefix({ ...header, origin: cleo.keys.root });
    const byCleo = { ...right, prefix: toHex(resigned), origin: toHex(cleo.keys.root) };
    list.refuses(`${how}, ciphertext signed again by another origin`, byCleo);
    const moved = encodeHeaderPrefix({ ...header, sequence: 8 });
    list.refuses(`${how}, moved to another header of the same origin`, { ...right, prefix: toHex(moved) });
    const exit = encodeHeaderPrefix({ ...header, mode: "exit" });
    list.refuses(`${how}, mode altered`, { ...right, prefix: toHex(exit) });
    list.refuses(`${how}, ciphertext altered`, { ...right, payload: flipped(sealed, 36) });
    list.refuses(`${how}, tag altered`, { ...right, payload: flipped(sealed, -1) });
    list.refuses(`${how}, salt altered`, { ...right, payload: flipped(sealed, 0) });
    list.refuses(`${how}, cut`, { ...right, payload: toHex(sealed.slice(0, -1)) });
    list.refuses(`${how}, too short`, { ...right, payload: toHex(sealed.slice(0, 23)) });
    list.refuses(`${how}, read as the other kind`, { ...right, staticSeal: !staticSeal });
    if (!staticSeal) {
      const zero = toHex(new Uint8Array(32)) + toHex(sealed.slice(32));
      list.refuses(`${how}, ephemeral key zero`, { ...right, payload: zero });
    }
    const clear = encodeHeaderPrefix({ ...header, staticSeal: false, mode: "clear-signed" });
    list.refuses(`${how}, in a clear-signed envelope`, { ...right, prefix: toHex(clear) });
  }
  return list;
}

/** vectors/payloads.json */
export function payloadCases(): CaseList {
  const list = new CaseList();
  for (const length of [0, 1, 1_023, 1_024, 1_025, 2_048, 3_000, 5_120, 7_168, 100_000]) {
    list.takes(`payload of ${length} bytes`, { kind: "payload-root", length });
  }
  return list;
}

/** Receipts for several messages. */
function severalCases(list: CaseList): void {
  const { id } = plainSigned;
  const root = toHex(ben.keys.root);
  const signed = (messages: readonly number[]) =>
    encodeReceipts(signReceipts({ id, outcome: "delivered", reason: 0, messages }, ben));
  const all = Array.from({ length: 256 }, (_, i) => i);
  for (const messages of [[0], [7, 8], [0, 3, 200], [255], all]) {
    const name = messages.length > 3 ? "all 256" : messages.join(", ");
    const bytes = toHex(signed(messages));
    list.takes(`receipt for messages ${name}, read`, { kind: "note", bytes }, { kind: "receipts", messages });
    list.takes(`receipt for messages ${name}`, { kind: "receipt", bytes, root }, { valid: true });
  }
  const bytes = signed([1, 9]);
  const forged = { kind: "receipt", bytes: flipped(bytes, 18), root } as const;
  list.takes("receipt for messages, one more", forged, { valid: false });
  const byAda = { kind: "receipt", bytes: toHex(bytes), root: toHex(ada.keys.root) } as const;
  list.takes("receipt for messages, expected from another node", byAda, { valid: false });
  const one = signReceipt({ id, outcome: "delivered", reason: 0, message: 0 }, ben);
  const moved = toHex(signed([0]).slice(0, -64)) + toHex(one.signature);
  list.takes(
    "receipt for messages, signature for one",
    { kind: "receipt", bytes: moved, root },
    { valid: false },
  );
  const refuses = (name: string, what: string) =>
    list.refuses(`note, receipt for messages, ${name}`, { kind: "note", bytes: what });
  refuses("none", spliced(bytes, 17, 3, 0));
  refuses("bitmap of 33 bytes", spliced(bytes, 17, 3, 33, ...Array(33).fill(1)));
  refuses("bitmap with an empty last byte", spliced(bytes, 17, 3, 3, 2, 2, 0));
  refuses("bitmap of zeros", spliced(bytes, 17, 3, 1, 0));
  refuses("outcome 4", spliced(bytes, 20, 1, 4));
  refuses("cut", toHex(bytes.slice(0, -1)));
  refuses("trailing byte", `${toHex(bytes)}00`);
}

/** vectors/notes.json */
export function noteCases(): CaseList {
  const list = new CaseList();
  const { id } = plainSigned;
  const token = seed("token").slice(0, 16);
  const commitment = toHex(ackCommitment(token));
  list.takes("commitment", { kind: "commitment", token: toHex(token) }, { commitment });
  const accepted = encodeAck(makeAck(id, "accepted", token));
  const final = encodeAck(makeAck(id, "final", token));
  for (const [name, bytes] of Object.entries({ accepted, final })) {
    list.takes(`ack ${name}, read`, { kind: "note", bytes: toHex(bytes) }, { kind: "ack", stage: name });
    list.takes(`ack ${name}`, { kind: "ack", bytes: toHex(bytes), commitment }, { valid: true });
    const forged = { kind: "ack", bytes: flipped(bytes, -1), commitment } as const;
    list.takes(`ack ${name}, forged`, forged, { valid: false });
  }
  const promoted = { kind: "ack", bytes: flipped(accepted, 0, 3), commitment } as const;
  list.takes("ack accepted passed off as final", promoted, { valid: false });
  const echo = `02${toHex(id)}${commitment}`;
  list.takes("ack with the commitment itself", { kind: "ack", bytes: echo, commitment }, { valid: false });
  const receipt = encodeReceipt(signReceipt({ id, outcome: "refused", reason: 4 }, ben));
  const single = encodeReceipt(signReceipt({ id, outcome: "delivered", reason: 0, message: 200 }, ben));
  const root = toHex(ben.keys.root);
  for (const [name, bytes] of Object.entries({ whole: receipt, "one message": single })) {
    list.takes(`receipt for ${name}, read`, { kind: "note", bytes: toHex(bytes) }, { kind: "receipt" });
    list.takes(`receipt for ${name}`, { kind: "receipt", bytes: toHex(bytes), root }, { valid: true });
  }
  const turned = { kind: "receipt", bytes: flipped(receipt, 18, 3), root } as const;
  list.takes("receipt, refused made delivered", turned, { valid: false });
  const byAda = { kind: "receipt", bytes: toHex(receipt), root: toHex(ada.keys.root) } as const;
  list.takes("receipt, expected from another node", byAda, { valid: false });
  const rotated = encodeReceipt(signReceipt({ id, outcome: "expired", reason: 1 }, adaRotated));
  const epoch = { kind: "receipt", bytes: toHex(rotated), root: toHex(ada.keys.root) } as const;
  list.takes("receipt of a later key epoch under the root key", epoch, { valid: false });
  severalCases(list);
  const refuses = (name: string, bytes: string) => list.refuses(name, { kind: "note", bytes });
  refuses("note, empty", "");
  refuses("note, type 0", `00${toHex(final.slice(1))}`);
  refuses("note, type 5", `05${toHex(final.slice(1))}`);
  refuses("note, ack cut", toHex(final.slice(0, -1)));
  refuses("note, ack with a trailing byte", `${toHex(final)}00`);
  refuses("note, receipt cut", toHex(receipt.slice(0, -1)));
  refuses("note, receipt with a trailing byte", `${toHex(receipt)}00`);
  refuses("note, outcome 4", spliced(receipt, 18, 1, 4));
  refuses("note, position 257", spliced(receipt, 17, 1, 0x81, 0x02));
  refuses("note, longer form of the position", spliced(receipt, 17, 1, 0x80, 0x00));
  refuses("note, 257 bytes", "03".repeat(257));
  return list;
}

/** vectors/greetings.json */
export function greetingCases(): CaseList {
  const list = new CaseList();
  const told = (bytes: string) => ({ kind: "greeting", bytes }) as const;
  list.takes("greeting, empty", told(""), { edition: 1, drainBytesPerS: null, held: null });
  list.takes("greeting, cannot say what it holds", told("0100"), { held: null });
  list.takes("greeting, holds nothing", told("4100"), { edition: 1 });
  list.takes("greeting, of a later edition, with a drain rate", told("7fac02"), { edition: 63 });
  list.takes("greeting, the highest drain rate", told("41ffffffff0f"), { drainBytesPerS: 0xffff_ffff });
  list.takes("greeting, holds templates and contexts", told("816412340003"));
  list.takes("greeting, holds a context only", told("810000000001"));
  list.refuses("greeting, without a drain rate", told("41"));
  list.refuses("greeting, longer form of the drain rate", told("41e400"));
  list.refuses("greeting, drain rate of 2^32", told("418080808010"));
  list.refuses("greeting, a byte more", told("410000"));
  list.refuses("greeting, cut", told("8164123400"));
  list.refuses("greeting, holds nothing, told at length", told("810000000000"));
  list.refuses("greeting, both flags", told("c10012340003"));
  return list;
}
