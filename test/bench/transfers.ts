import { type ChannelTraits, type Conversation, createConversation } from "@estafette/link";
import { createIdentity, type Identity, publicKeysOf } from "@estafette/protocol";
import { rng } from "../harness/node.js";
import type { Effort, Figure, Part } from "./figures.js";

/** The link engine alone: two conversations in one process, on a stream that is as fast as they are. */
export const transfers: Part = { name: "transfers", run: async (effort) => measure(effort) };

const STREAM: ChannelTraits = {
  parcelBytesMax: 16_384,
  duplex: "full",
  lossy: false,
  ordered: true,
  encrypt: true,
  airtimeMs: () => 0,
  turnaroundMs: 0,
  answerMs: 50,
};
/** Of a text with its head, and of a mail. */
const TEXT_BYTES = { head: 150, payload: 200 };
const MAIL_BYTES = { head: 150, payload: 20_000 };
/** Turns of the two ends a transfer may take; one that is stuck ends the bench. */
const TURNS_MAX = 1_000;

function measure({ transfers: count }: Effort): readonly Figure[] {
  return [
    rate(
      "transfers.asked",
      perSecond(count, TEXT_BYTES, true),
      "texts of 200 B, each offered and wanted first",
    ),
    rate("transfers.pushed", perSecond(count, TEXT_BYTES, false), "texts of 200 B, sent without asking"),
    rate("transfers.mails", perSecond(count / 4, MAIL_BYTES, false), "mails of 20 kB, sent without asking"),
  ];
}

function rate(id: string, value: number, what: string): Figure {
  return { id, what: `${what}; both ends on one processor`, value, unit: "1/s", aim: null };
}

interface Ends {
  readonly ship: Conversation;
  readonly shore: Conversation;
}

function perSecond(count: number, bytes: { head: number; payload: number }, probe: boolean): number {
  const ends = meet();
  const payload = rng.bytes(bytes.payload);
  const ids = Array.from({ length: count }, () => ({ id: rng.bytes(16), head: rng.bytes(bytes.head) }));
  const startMs = performance.now();
  let settled = 0;
  for (let key = 0, turns = 0; settled < count; turns++) {
    if (turns > TURNS_MAX + count * TURNS_MAX) throw new Error("transfers are stuck");
    for (let one = ids[key]; one && ends.ship.canOffer(); one = ids[++key])
      ends.ship.offer({ key, ...one, class: "normal", payload, probe }, performance.now());
    settled += turn(ends);
  }
  return (count * 1_000) / (performance.now() - startMs);
}

/** Each end says what it has; returns how many transfers the ship has settled. */
function turn({ ship, shore }: Ends): number {
  carry(ship, shore);
  settleAtShore(shore);
  carry(shore, ship);
  let settled = 0;
  for (const event of ship.takeEvents()) {
    if (event.type !== "settled") continue;
    if (event.result.result !== "accepted") throw new Error(`a transfer was ${event.result.result}`);
    settled++;
  }
  return settled;
}

function carry(from: Conversation, to: Conversation): void {
  for (let parcel = from.nextParcel(performance.now()); parcel; parcel = from.nextParcel(performance.now()))
    to.heard(parcel, performance.now());
}

function settleAtShore(shore: Conversation): void {
  for (const event of shore.takeEvents()) {
    if (event.type === "offered") shore.decide(event.tag, { answer: "want", held: [] }, performance.now());
    if (event.type === "pushed" || event.type === "complete") shore.accept(event.tag, performance.now());
  }
}

function meet(): Ends {
  const [one, other] = [createIdentity(rng.bytes(32)), createIdentity(rng.bytes(32))];
  const ends = { ship: conversationOf(one, other), shore: conversationOf(other, one) };
  ends.ship.start(performance.now());
  for (let turns = 0; !ends.ship.canOffer(); turns++) {
    if (turns > TURNS_MAX) throw new Error("the ends do not meet");
    carry(ends.ship, ends.shore);
    carry(ends.shore, ends.ship);
  }
  return ends;
}

function conversationOf(self: Identity, far: Identity): Conversation {
  const { root, sealing } = publicKeysOf(far.keys.root);
  return createConversation({
    self: {
      address: self.address,
      rootPublic: self.keys.root,
      staticPublic: self.keys.sealing,
      agree: (theirs) => self.agree(theirs),
    },
    expected: { address: far.address, rootPublic: root, staticPublic: sealing, pairSecret: null },
    admit: () => null,
    channel: STREAM,
    greeting: new Uint8Array(0),
    rng,
    nowMs: performance.now(),
  });
}
