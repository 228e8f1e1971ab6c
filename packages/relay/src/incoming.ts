import { ProtocolError } from "@estafette/contract";
import type { Answer, NeverReason } from "@estafette/link";
import { headerValues, parseHeaderMailboxes, readMail, rebuildMail } from "@estafette/mail";
import {
  type ContentMessage,
  encodeAck,
  encodeSignedHeader,
  encodeTransit,
  type Head,
  makeAck,
  originKeysOf,
  type PathReport,
  type PublicKeys,
  payloadRoot,
  sameBytes,
  toHex,
  verifyChain,
  verifyHeader,
} from "@estafette/protocol";
import type { NewDelivery, NewNote } from "@estafette/spool";
import type { Core } from "./core.js";
import { sealDelivery } from "./deliveries.js";
import type { Peer } from "./directory.js";
import { noteFor } from "./notes.js";
import { isSealFault, type Opened, openPayload } from "./opening.js";
import { hopsOf, planHop } from "./planning.js";
import { lastNotes } from "./receipts.js";

/** A head that passed every check that needs no payload. */
export interface CheckedHead {
  readonly head: Head;
  readonly origin: PublicKeys;
  readonly path: PathReport;
  readonly forSelf: boolean;
}

export type Refusal = Extract<Answer, { answer: "never" | "not-now" }>;

const never = (reason: NeverReason): Refusal => ({ answer: "never", reason });

/**
 * Bounds first, signature second, meaning third. What fails here is refused and never marked as seen, so that a
 * damaged copy cannot keep a good one away.
 */
export function checkHead(core: Core, neighbour: Peer, head: Head): CheckedHead | Refusal {
  const { header, id } = head.signed;
  const origin = originKeysOf(head);
  if (!origin || !verifyHeader(head.signed, origin)) return never("invalid");
  if (head.transit.ageS >= header.lifetimeS) return never("expired");
  if (head.transit.hopsUsed > Math.min(header.hopMax, core.settings.hopMax)) return never("hop-limit");
  const path = verifyChain(head.transit.chain, {
    id,
    origin: header.origin,
    hopsUsed: head.transit.hopsUsed,
    self: core.identity.address,
    neighbour: neighbour.address,
  });
  const forSelf = sameBytes(header.destination, core.identity.address);
  if (!forSelf && !neighbour.transit) return never("denied");
  if (sameBytes(head.signed.originAddress, core.identity.address)) return never("loop");
  return { head, origin, path, forSelf };
}

/** What a neighbour sent that is not what it should be: counted, logged, refused. Anything else is a fault of ours. */
export function refusalOf(core: Core, neighbour: Peer, error: unknown): Refusal {
  if (!(error instanceof ProtocolError)) throw error;
  core.log("warn", "envelope refused", { neighbour: neighbour.name, code: error.code, why: error.message });
  return never("invalid");
}

/** Verifies, opens and keeps a complete envelope. Null: kept, or held already. Resolves after the commit. */
export async function keepEnvelope(
  core: Core,
  neighbour: Peer,
  checked: CheckedHead,
  payload: Uint8Array,
  /** Messages of it that were handed on while it was arriving: nobody is told of them again. */
  toldCount = 0,
): Promise<Refusal | null> {
  const { header } = checked.head.signed;
  if (!sameBytes(payloadRoot(payload), header.payloadRoot)) return never("invalid");
  return checked.forSelf
    ? await keepArrival(core, neighbour, checked, { payload, toldCount })
    : await keepTransit(core, neighbour, checked, payload);
}

async function keepTransit(
  core: Core,
  neighbour: Peer,
  checked: CheckedHead,
  payload: Uint8Array,
): Promise<Refusal | null> {
  const { signed, transit } = checked.head;
  const { header } = signed;
  if (transit.hopsUsed + 1 > Math.min(header.hopMax, core.settings.hopMax)) return never("hop-limit");
  const request = {
    destination: header.destination,
    relays: header.relays,
    relayIndex: transit.relayIndex,
    sealed: header.mode !== "clear-signed",
    from: neighbour.address,
    listStalled: false,
    bytes: payload.length,
    class: header.class,
    lifetimeMs: header.lifetimeS * 1000,
  };
  const plan = planHop(core, request);
  if (typeof plan === "string") return never(plan === "policy" ? "policy" : "no-route");
  const hops = hopsOf(core, plan.hop, request);
  core.faultPoint("transit-before-keep");
  await core.spool.acceptEnvelope({
    id: signed.id,
    head: encodeSignedHeader(signed),
    transit: encodeTransit(transit),
    destination: header.destination,
    class: header.class,
    lifetimeMs: header.lifetimeS * 1000,
    ageMs: transit.ageS * 1000,
    payload,
    from: neighbour.address,
    origin: signed.originAddress,
    ackCommitment: header.ackCommitment,
    hops,
  });
  core.faultPoint("transit-after-keep");
  core.emit({
    type: "relayed",
    envelopeId: toHex(signed.id),
    from: neighbour.name,
    path: pathText(core, checked.path),
  });
  for (const hop of hops) core.wake(hop);
  return null;
}

async function keepArrival(
  core: Core,
  neighbour: Peer,
  checked: CheckedHead,
  { payload, toldCount }: { readonly payload: Uint8Array; readonly toldCount: number },
): Promise<Refusal | null> {
  const { signed, transit } = checked.head;
  const { header } = signed;
  const opened = await openArrival(core, neighbour, checked, payload);
  if ("answer" in opened) return opened;
  const { messages, shared } = opened;
  if (!messages.every((m) => isAllowed(core, checked, m))) return never("denied");
  const origin = core.directory.peer(signed.originAddress);
  const defines = header.context?.defines ?? null;
  if (origin && defines !== null) await core.heldContexts.put(origin, defines, shared);
  const envelope = {
    id: signed.id,
    from: neighbour.address,
    lifetimeMs: header.lifetimeS * 1000,
    ageMs: transit.ageS * 1000,
    ackCommitment: header.ackCommitment,
  };
  const token = messages[0]?.token ?? null;
  const deliveries = deliveriesOf(core, neighbour, checked, messages, { firstIndex: 0, token });
  core.faultPoint("arrival-before-keep");
  const notes = header.mode === "exit" ? acceptedNotes(core, neighbour, signed.id, messages) : [];
  // What was handed on early may all have ended: then this commit is the one that answers.
  const last = token && header.chunked ? lastNotes(core, signed.id, token, neighbour.address) : null;
  const kept = await core.spool.acceptArrival({ envelope, deliveries, notes, last });
  core.faultPoint("arrival-after-keep");
  if (kept.outcome === "already-held") return null;
  for (const hop of kept.noteHops) core.wake(hop);
  tellArrived(core, checked, messages.slice(toldCount));
  core.wakeDeliveries();
  return null;
}

/** Where messages stand in their envelope. */
export interface Batch {
  /** Place of the first of them. */
  readonly firstIndex: number;
  /** Of the whole envelope; null: no receipt is wanted. */
  readonly token: Uint8Array | null;
}

/** Messages of a batch that is still arriving. Kept like any others; a repeat, with the whole, changes nothing. */
export async function keepEarly(
  core: Core,
  neighbour: Peer,
  checked: CheckedHead,
  messages: readonly ContentMessage[],
  batch: Batch,
): Promise<void> {
  const deliveries = deliveriesOf(core, neighbour, checked, messages, batch);
  await core.spool.acceptArrival({ envelope: null, deliveries, notes: [] });
  core.faultPoint("early-after-keep");
  tellArrived(core, checked, messages);
  core.wakeDeliveries();
}

function tellArrived(core: Core, checked: CheckedHead, messages: readonly ContentMessage[]): void {
  const { signed, transit } = checked.head;
  for (const message of messages) {
    core.emit({
      type: "arrived",
      envelopeId: toHex(signed.id),
      from: message.from,
      to: message.to,
      path: pathText(core, checked.path),
      verified: checked.path.verified,
      ageMs: transit.ageS * 1000,
    });
  }
}

/** What the header's context slot holds here; null: it was lost, or belongs to an origin that is no peer. */
export async function contextFor(core: Core, { head }: CheckedHead): Promise<Uint8Array | null> {
  const slot = head.signed.header.context?.uses ?? null;
  if (slot === null) return new Uint8Array(0);
  const origin = core.directory.peer(head.signed.originAddress);
  return origin && (await core.heldContexts.get(origin, slot));
}

async function openArrival(
  core: Core,
  neighbour: Peer,
  checked: CheckedHead,
  payload: Uint8Array,
): Promise<Opened | Refusal> {
  const { header } = checked.head.signed;
  const context = await contextFor(core, checked);
  if (context === null) return never("context");
  try {
    return openPayload(core, { header, origin: checked.origin, context }, payload);
  } catch (error) {
    // With a context the seal is bound to what we remember: perhaps it is that which differs.
    if (context.length > 0 && isSealFault(error)) return never("context");
    return refusalOf(core, neighbour, error);
  }
}

/** Whether this gateway does with a message what its envelope asks for. */
export function isAllowed(core: Core, checked: CheckedHead, message: ContentMessage): boolean {
  return checked.head.signed.header.mode !== "exit" || exitAllowed(core, checked, message);
}

/** An exit serves origins it knows, each with its own addresses, in the envelope and in the mail itself. */
function exitAllowed(core: Core, checked: CheckedHead, message: ContentMessage): boolean {
  const origin = checked.head.signed.originAddress;
  if (message.from === "")
    return core.directory.peer(origin) !== null && (core.directory.peer(origin)?.exitFrom.length ?? 0) > 0;
  if (!core.directory.exitAllows(origin, message.from)) return false;
  if (message.kind === "text") return true;
  const authors = headerValues(readMail(rebuildMail(message.body)), "From").map(parseHeaderMailboxes);
  const addresses = authors.flatMap((list) => list ?? []);
  return (
    authors.length === 1 &&
    addresses.length === 1 &&
    addresses.every((a) => core.directory.exitAllows(origin, a.address.text))
  );
}

/** The way as configured names: `aurora -> relay -> shore`. ASCII, because it stands in a mail header too. */
function pathText(core: Core, path: PathReport): string {
  const names = path.hops.map((hop) => {
    const name = hop.address === null ? "unknown" : core.directory.nameOf(hop.address);
    return hop.status === "verified" ? name : `${name} (${hop.status})`;
  });
  return [...names, core.settings.name].join(" -> ");
}

/**
 * How long hand-over is tried. With several recipients one may be served and another not: then a tenth of the lifetime
 * stays for saying so, before the origin counts all of them as expired. Our choice.
 */
function patienceMs(message: ContentMessage, ageS: number): number {
  const leftMs = Math.max(0, message.lifetimeS - ageS) * 1000;
  const forTheWordMs = message.to.length > 1 ? message.lifetimeS * 100 : 0;
  return Math.max(0, leftMs - forTheWordMs);
}

/** One delivery per message: mailboxes here, or the internet for EXIT. Unknown mailboxes are refused at hand-over. */
function deliveriesOf(
  core: Core,
  neighbour: Peer,
  checked: CheckedHead,
  messages: readonly ContentMessage[],
  { firstIndex, token }: Batch,
): readonly NewDelivery[] {
  const { header, originAddress, id } = checked.head.signed;
  return messages.map((message, index) =>
    sealDelivery(core, {
      key: { origin: originAddress, epoch: message.epoch, sequence: message.sequence },
      kind: header.mode === "exit" ? ("internet" as const) : ("mailbox" as const),
      from: message.from,
      to: message.to,
      envelopeId: id,
      place: header.chunked ? firstIndex + index : null,
      lifetimeMs: patienceMs(message, checked.head.transit.ageS),
      body: message.body,
      context: {
        bodyKind: message.kind,
        path: pathText(core, checked.path),
        verified: checked.path.verified,
        token: token && toHex(token),
        place: header.chunked ? firstIndex + index : null,
        from: toHex(neighbour.address),
        createdUnixS: header.createdUnixS === null ? null : header.createdUnixS + message.laterS,
      },
    }),
  );
}

/** First of the two receipts of EXIT mode: this gateway has it (design §4.9). */
function acceptedNotes(
  core: Core,
  neighbour: Peer,
  id: Uint8Array,
  messages: readonly ContentMessage[],
): readonly NewNote[] {
  const token = messages[0]?.token;
  return token ? [noteFor(core, neighbour.address, encodeAck(makeAck(id, "accepted", token)))] : [];
}
