import { KNOWN_CODECS } from "@estafette/compression";
import { invariant, ProtocolError } from "@estafette/contract";
import {
  ackCommitment,
  ChunkSealer,
  type ContentMessage,
  emptyChain,
  encodeHeaderPrefix,
  encodeSignedHeader,
  encodeTransit,
  type Header,
  type HeaderPrefix,
  LIMITS as PROTOCOL_LIMITS,
  payloadRoot,
  sameBytes,
  seal,
  signHeader,
  toHex,
} from "@estafette/protocol";
import type { Leg, MessageRecord } from "@estafette/spool";
import { type Core, keyText, type PlanRequest, unixSecondsOrNull } from "./core.js";
import type { Peer } from "./directory.js";
import { LIMITS } from "./limits.js";
import { compressBatch, compressOne, type Known, type Part, sealBatch } from "./payload.js";
import { hopsOf } from "./planning.js";
import type { ContextOffer } from "./sent-contexts.js";

/** What of a message goes into an envelope. */
export interface Draft {
  readonly record: Pick<
    MessageRecord,
    | ("key" | "account" | "from" | "to" | "mode" | "class" | "receipt" | "bodyKind")
    | ("acceptedAtMs" | "deadlineMs")
  >;
  readonly body: Uint8Array;
}

/** A waiting message as compose takes it up. */
interface Waiting extends Draft {
  readonly leg: Leg;
  readonly record: MessageRecord;
}

/** What came of composing: legs that are gone, because their messages are in an envelope now. */
export interface Composed {
  readonly legIds: readonly number[];
  /** Legs whose message can never be sent, and why. */
  readonly hopeless: readonly { readonly leg: Leg; readonly why: string }[];
}

const NOTHING_COMPOSED: Composed = { legIds: [], hopeless: [] };

/**
 * Turns a waiting message, and those that wait for the same hop with it, into one finished envelope: join, compress,
 * seal, sign, commit. Runs just before carry, so that what waits can still be joined or withdrawn.
 */
export async function composeLeg(core: Core, leg: Leg, chunkBytesMax: number): Promise<Composed> {
  invariant(leg.what.kind === "message", "only messages are composed");
  const limits = { limit: PROTOCOL_LIMITS.contentMessagesMax, bodyBytesMax: LIMITS.batchBodyBytesMax };
  const alone = core.alone.has(keyText(leg.what.key));
  const companions = await core.spool.companions(leg, alone ? { ...limits, limit: 1 } : limits);
  const { waiting, hopeless } = await bodiesOf(core, companions);
  const [first] = waiting;
  if (first === undefined) return { ...NOTHING_COMPOSED, hopeless };
  const peer = core.directory.peer(first.record.destination);
  if (!peer) {
    const why = "its gateway is no longer a configured peer";
    return { legIds: [], hopeless: [...hopeless, ...waiting.map((w) => ({ leg: w.leg, why }))] };
  }
  try {
    await commit(core, peer, waiting, chunkBytesMax);
    return { legIds: waiting.map((w) => w.leg.legId), hopeless };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    if (error.code === "EST_PROTOCOL_STATE") return { legIds: [], hopeless }; // one of them ended meanwhile
    if (waiting.length > 1) return await composeAlone(core, peer, waiting, hopeless, chunkBytesMax);
    core.log("warn", "a message cannot be composed", {
      message: first.record.submissionId,
      why: error.message,
    });
    const why = `it cannot be put into an envelope: ${error.message}`;
    return { legIds: [], hopeless: [...hopeless, { leg: first.leg, why }] };
  }
}

/** One of several does not fit the format: each goes by itself, so that only that one stays behind. */
async function composeAlone(
  core: Core,
  peer: Peer,
  waiting: readonly Waiting[],
  already: Composed["hopeless"],
  chunkBytesMax: number,
): Promise<Composed> {
  const legIds: number[] = [];
  const hopeless = [...already];
  for (const one of waiting) {
    try {
      await commit(core, peer, [one], chunkBytesMax);
      legIds.push(one.leg.legId);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error.code === "EST_PROTOCOL_STATE") continue;
      hopeless.push({ leg: one.leg, why: `it cannot be put into an envelope: ${error.message}` });
    }
  }
  return { legIds, hopeless };
}

export async function bodiesOf(
  core: Core,
  companions: readonly { readonly leg: Leg; readonly record: MessageRecord }[],
): Promise<{ readonly waiting: readonly Waiting[]; readonly hopeless: Composed["hopeless"] }> {
  const waiting: Waiting[] = [];
  const hopeless: { leg: Leg; why: string }[] = [];
  for (const [index, { leg, record }] of companions.entries()) {
    if (index > 0 && core.alone.has(keyText(record.key))) continue;
    const sealed = await core.spool.messageBody(record.key);
    if (!sealed) continue;
    try {
      waiting.push({ leg, record, body: core.vault.open(sealed, `message/${keyText(record.key)}`) });
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      core.log("warn", "a stored message cannot be read", {
        message: record.submissionId,
        why: error.message,
      });
      hopeless.push({ leg, why: `it cannot be put into an envelope: ${error.message}` });
    }
  }
  return { waiting, hopeless };
}

async function commit(
  core: Core,
  peer: Peer,
  waiting: readonly Waiting[],
  chunkBytesMax: number,
): Promise<void> {
  const [first] = waiting;
  invariant(first, "an envelope carries a message");
  const hops = hopsOf(core, first.leg.hop, requestFor(core, peer, waiting));
  // A context is between two neighbours: only the word of the destination itself says that it holds it.
  const isNear = hops.every((hop) => sameBytes(hop.neighbour, peer.address));
  const offer = isNear ? await core.sentContexts.offer(peer) : NO_CONTEXT;
  const built = buildEnvelope(core, peer, waiting, offer, chunkBytesMax);
  const { header, payload, shared } = built;
  const signed = signHeader(header, core.identity);
  const transit = { hopsUsed: 0, ageS: 0, relayIndex: 0, keyRecord: null, chain: emptyChain() };
  const head = encodeSignedHeader(signed);
  const records = waiting.map((w) => w.record);
  core.faultPoint("compose-before-commit");
  await core.spool.compose({
    messages: records.map((r) => r.key),
    envelope: {
      id: signed.id,
      head,
      transit: encodeTransit(transit),
      destination: peer.address,
      class: header.class,
      lifetimeMs: header.lifetimeS * 1000,
      ageMs: core.spool.nowMs() - oldestMs(records),
      payload,
      from: null,
      ackCommitment: header.ackCommitment,
      hops,
    },
  });
  if (header.context) await core.sentContexts.composed(peer, signed.id, header.context, shared);
  core.faultPoint("compose-after-commit");
  for (const hop of hops) if (hop.link !== first.leg.hop.link) core.wake(hop);
  core.emit({
    type: "composed",
    submissionIds: records.map((r) => r.submissionId),
    envelopeId: toHex(signed.id),
    mailBytes: waiting.reduce((sum, w) => sum + w.body.length, 0),
    envelopeBytes: head.length + payload.length,
  });
}

function requestFor(core: Core, peer: Peer, waiting: readonly Waiting[]): PlanRequest {
  const [first] = waiting;
  invariant(first, "an envelope carries a message");
  const { record } = first;
  return {
    destination: peer.address,
    relays: core.directory.relayListFor(peer),
    relayIndex: 0,
    sealed: record.mode !== "clear-signed",
    from: null,
    listStalled: false,
    bytes: waiting.reduce((sum, { body }) => sum + body.length, 0),
    class: record.class,
    ageMs: core.spool.nowMs() - record.acceptedAtMs,
    lifetimeMs: record.lifetimeMs,
  };
}

export const NO_CONTEXT: ContextOffer = { uses: null, defines: null };

function oldestMs(records: readonly Pick<MessageRecord, "acceptedAtMs">[]): number {
  return Math.min(...records.map((r) => r.acceptedAtMs));
}

interface Built {
  readonly header: Header;
  readonly payload: Uint8Array;
  /** What the content leaves as a context. */
  readonly shared: Uint8Array;
}

/** Joins, compresses and seals. Nothing is kept by it. */
export function buildEnvelope(
  core: Core,
  peer: Peer,
  waiting: readonly Draft[],
  offer: ContextOffer,
  chunkBytesMax: number,
): Built {
  const records = waiting.map((w) => w.record);
  const [first] = records;
  invariant(first, "an envelope carries a message");
  const token = records.some((r) => r.receipt) ? core.rng.bytes(16) : null;
  const { parts, lifetimeS } = partsOf(waiting, token);
  const [lead] = parts;
  invariant(lead, "an envelope carries a message");
  const { epoch, sequence } = lead.message;
  const base = { epoch, sequence, class: first.class, lifetimeS };
  const mayShare = first.mode !== "clear-signed" && !lead.apart;
  const context = mayShare ? (offer.uses?.bytes ?? NOTHING) : NOTHING;
  const known: Known = { codecs: core.greetings.get(peer.addressHex)?.codecs ?? KNOWN_CODECS, context };
  const chunked = parts.length > 1 && first.mode !== "clear-signed";
  const batch = chunked ? compressBatch(parts, base, known, chunkBytesMax) : null;
  const one = batch ? null : compressOne(lead, base, known);
  const shared = batch?.shared ?? one?.shared ?? NOTHING;
  const use = mayShare && shared.length >= LIMITS.contextBytesMin ? offer : { ...offer, defines: null };
  const uses = context.length > 0 ? (offer.uses?.slot ?? null) : null;
  const nowS = unixSecondsOrNull(core.clock);
  const ageS = Math.floor((core.spool.nowMs() - oldestMs(records)) / 1000);
  const fields: HeaderPrefix = {
    mode: first.mode,
    class: first.class,
    codec: one?.codec ?? 0,
    context: mayShare && (uses !== null || use.defines !== null) ? { uses, defines: use.defines } : null,
    destination: peer.address,
    origin: core.identity.keys.root,
    keyEpoch: core.identity.keys.epoch,
    epoch,
    sequence,
    createdUnixS: nowS === null ? null : nowS - ageS,
    clockTrusted: nowS !== null && core.clock.trust() === "trusted",
    staticSeal: first.mode !== "clear-signed",
    receipt: token !== null,
    chunked,
    lifetimeS,
    hopMax: core.settings.hopMax,
    relays: [...core.directory.relayListFor(peer)],
    ackCommitment: token && ackCommitment(token),
  };
  const prefix = encodeHeaderPrefix(fields);
  const { identity, rng } = core;
  const recipient = peer.keys;
  let payload = one?.bytes ?? NOTHING;
  if (batch)
    payload = sealBatch(new ChunkSealer({ identity, recipient, prefix, rng, context }), batch.chunks);
  else if (fields.staticSeal)
    payload = seal({ identity, recipient, prefix, plaintext: payload, staticSeal: true, rng, context });
  return {
    header: { ...fields, payloadBytes: payload.length, payloadRoot: payloadRoot(payload) },
    payload,
    shared,
  };
}

const NOTHING = new Uint8Array(0);

/** The messages as content: own accounts first, then in the order of their sequence. The longest lifetime is the header's. */
function partsOf(
  waiting: readonly Draft[],
  token: Uint8Array | null,
): { readonly parts: readonly Part[]; readonly lifetimeS: number } {
  const bornMs = oldestMs(waiting.map((w) => w.record));
  const ordered = [...waiting].sort((a, b) => inContent(a.record, b.record));
  const wantedS = ordered.map(({ record }) => lifetimeSOf(record.deadlineMs - bornMs));
  const lifetimeS = Math.max(...wantedS);
  let expectedS = lifetimeS;
  const parts = ordered.map(({ record, body }, index) => {
    const ownS = wantedS[index] ?? lifetimeS;
    // Our own count decides when a message of ours ends; a few per cent at the far end are not worth four bytes.
    if (Math.abs(ownS - expectedS) > ownS * LIMITS.lifetimeSlack) expectedS = ownS;
    const message: ContentMessage = {
      epoch: record.key.epoch,
      sequence: record.key.sequence,
      class: record.class,
      lifetimeS: expectedS,
      kind: record.bodyKind,
      receipt: record.receipt,
      token: index === 0 ? token : null,
      laterS: Math.floor((record.acceptedAtMs - bornMs) / 1000),
      from: record.from,
      to: [...record.to],
      body,
    };
    return { message, apart: isOutsider(record) };
  });
  return { parts, lifetimeS };
}

function inContent(a: Draft["record"], b: Draft["record"]): number {
  return Number(isOutsider(a)) - Number(isOutsider(b)) || a.key.sequence - b.key.sequence;
}

function lifetimeSOf(lifetimeMs: number): number {
  const { lifetimeSMin, lifetimeSMax } = PROTOCOL_LIMITS;
  return Math.min(Math.max(Math.floor(lifetimeMs / 1000), lifetimeSMin), lifetimeSMax);
}

/** Mail of a stranger shares no compression context: its writer could otherwise learn from lengths what others wrote. */
function isOutsider(record: Pick<MessageRecord, "account">): boolean {
  return record.account === null;
}
