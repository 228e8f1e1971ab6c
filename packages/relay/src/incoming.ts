import { decompressContent } from "@estafette/compression";
import { ProtocolError } from "@estafette/contract";
import type { Answer, NeverReason } from "@estafette/link";
import { headerValues, parseHeaderMailboxes, readMail, rebuildMail } from "@estafette/mail";
import {
  type ContentMessage,
  decodeContent,
  decodeHead,
  encodeAck,
  encodeHeaderPrefix,
  type Head,
  type Header,
  makeAck,
  openSealed,
  originKeysOf,
  type PathReport,
  type PublicKeys,
  payloadRoot,
  sameBytes,
  splitHead,
  toHex,
  verifyChain,
  verifyHeader,
} from "@estafette/protocol";
import type { NewDelivery, NewNote } from "@estafette/spool";
import type { Core } from "./core.js";
import { sealDelivery } from "./deliveries.js";
import type { Peer } from "./directory.js";
import { noteFor } from "./notes.js";
import { planHop } from "./planning.js";

/** A head that passed every check that needs no payload. */
export interface CheckedHead {
  readonly head: Head;
  /** As heard. */
  readonly bytes: Uint8Array;
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
export function checkHead(
  core: Core,
  neighbour: Peer,
  bytes: Uint8Array,
  offered: { readonly id: Uint8Array; readonly payloadBytes: number },
): CheckedHead | Refusal {
  try {
    const head = decodeHead(bytes);
    const { header, id } = head.signed;
    if (!sameBytes(id, offered.id) || header.payloadBytes !== offered.payloadBytes) return never("invalid");
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
    return { head, bytes, origin, path, forSelf };
  } catch (error) {
    if (error instanceof ProtocolError) {
      core.log("warn", "envelope refused", {
        neighbour: neighbour.name,
        code: error.code,
        why: error.message,
      });
      return never("invalid");
    }
    throw error;
  }
}

/** Verifies, opens and keeps a complete envelope. Null: kept, or held already. Resolves after the commit. */
export async function keepEnvelope(
  core: Core,
  neighbour: Peer,
  checked: CheckedHead,
  payload: Uint8Array,
): Promise<Refusal | null> {
  const { header } = checked.head.signed;
  if (!sameBytes(payloadRoot(payload), header.payloadRoot)) return never("invalid");
  return checked.forSelf
    ? await keepArrival(core, neighbour, checked, payload)
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
  const plan = planHop(core, {
    destination: header.destination,
    relays: header.relays,
    relayIndex: transit.relayIndex,
    sealed: header.mode !== "clear-signed",
    from: neighbour.address,
    listStalled: false,
  });
  if (typeof plan === "string") return never(plan === "policy" ? "policy" : "no-route");
  const parts = splitHead(checked.bytes);
  core.faultPoint("transit-before-keep");
  await core.spool.acceptEnvelope({
    id: signed.id,
    head: parts.head,
    transit: parts.transit,
    destination: header.destination,
    class: header.class,
    lifetimeMs: header.lifetimeS * 1000,
    ageMs: transit.ageS * 1000,
    payload,
    from: neighbour.address,
    ackCommitment: header.ackCommitment,
    hops: [plan.hop],
  });
  core.faultPoint("transit-after-keep");
  core.emit({
    type: "relayed",
    envelopeId: toHex(signed.id),
    from: neighbour.name,
    path: pathText(core, checked.path),
  });
  core.wake(plan.hop);
  return null;
}

async function keepArrival(
  core: Core,
  neighbour: Peer,
  checked: CheckedHead,
  payload: Uint8Array,
): Promise<Refusal | null> {
  const { signed, transit } = checked.head;
  const { header } = signed;
  let messages: readonly ContentMessage[];
  let allowed: boolean;
  try {
    messages = openContent(core, checked, payload);
    allowed = header.mode !== "exit" || messages.every((m) => exitAllowed(core, checked, m));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    core.log("warn", "envelope cannot be opened", {
      neighbour: neighbour.name,
      code: error.code,
      why: error.message,
    });
    return never("invalid");
  }
  if (!allowed) return never("denied");
  const path = pathText(core, checked.path);
  const deliveries = messages.flatMap((m) => deliveriesOf(core, checked, m, path));
  const envelope = {
    id: signed.id,
    from: neighbour.address,
    lifetimeMs: header.lifetimeS * 1000,
    ageMs: transit.ageS * 1000,
    ackCommitment: header.ackCommitment,
  };
  core.faultPoint("arrival-before-keep");
  const notes = header.mode === "exit" ? acceptedNotes(core, neighbour, signed.id, messages) : [];
  const kept = await core.spool.acceptArrival({ envelope, deliveries, notes });
  core.faultPoint("arrival-after-keep");
  if (kept === "already-held") return null;
  for (const note of notes) core.wake(note.hop);
  for (const message of messages) {
    core.emit({
      type: "arrived",
      envelopeId: toHex(signed.id),
      from: message.from,
      to: message.to,
      path,
      verified: checked.path.verified,
      ageMs: transit.ageS * 1000,
    });
  }
  core.wakeDeliveries();
  return null;
}

function openContent(core: Core, checked: CheckedHead, payload: Uint8Array): readonly ContentMessage[] {
  const { header } = checked.head.signed;
  const bytes =
    header.mode === "clear-signed"
      ? payload
      : openSealed({
          identity: core.identity,
          origin: checked.origin,
          prefix: encodeHeaderPrefix(header),
          payload,
          staticSeal: header.staticSeal,
        });
  return decodeContent(decompressContent(header.codec, bytes), baseOf(header));
}

function baseOf(header: Header): Pick<Header, "epoch" | "sequence" | "class" | "lifetimeS"> {
  const { epoch, sequence, class: messageClass, lifetimeS } = header;
  return { epoch, sequence, class: messageClass, lifetimeS };
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

/** One delivery per place: mailboxes here, or the internet for EXIT. Unknown mailboxes are refused at hand-over. */
function deliveriesOf(
  core: Core,
  checked: CheckedHead,
  message: ContentMessage,
  path: string,
): readonly NewDelivery[] {
  const { header, originAddress } = checked.head.signed;
  const plain = {
    key: { origin: originAddress, epoch: message.epoch, sequence: message.sequence },
    kind: header.mode === "exit" ? ("internet" as const) : ("mailbox" as const),
    from: message.from,
    to: message.to,
    envelopeId: checked.head.signed.id,
    lifetimeMs: patienceMs(message, checked.head.transit.ageS),
    body: message.body,
    context: {
      bodyKind: message.kind,
      path,
      verified: checked.path.verified,
      token: message.token && toHex(message.token),
      stage: message.token ? ("final" as const) : null,
      createdUnixS: header.createdUnixS,
    },
  };
  return [sealDelivery(core, plain)];
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
