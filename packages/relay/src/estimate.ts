import { ProtocolError, type Submission, type SubmissionRefusal } from "@estafette/contract";
import { meetingMessages } from "@estafette/link";
import { shrinkMail } from "@estafette/mail";
import {
  emptyChain,
  encodeCompactHead,
  encodeSignedHeader,
  encodeTransit,
  fromHex,
  sameBytes,
  signHeader,
} from "@estafette/protocol";
import { bytesOnAir } from "@estafette/router";
import type { Hop } from "@estafette/spool";
import type { Estimate, EstimatePart } from "./api.js";
import { carriesFullChain, chunkBytesMaxOf, parcelShapeOf } from "./channel.js";
import { bodiesOf, buildEnvelope, type Draft, NO_CONTEXT } from "./compose.js";
import type { Core } from "./core.js";
import type { Peer } from "./directory.js";
import { explainWay, noWay, requestTo } from "./explain.js";
import { LIMITS } from "./limits.js";
import type { Link } from "./link.js";
import { headForHop } from "./outgoing.js";
import { knownNeighbour } from "./pair-secret.js";
import { planOf } from "./planning.js";
import { greetingFor } from "./session.js";
import { type Group, groupsOf, modeOf, refusal, wantsReceipt } from "./submit.js";

type Links = ReadonlyMap<string, Link>;

/**
 * What a submission would cost now: the envelope it would become is made as compose makes it, with the contexts the
 * far gateway holds and with what waits for the same way already, and weighed. Nothing is kept, no number is used up.
 * What others will bring until the link opens, and what the channel will lose, nobody knows.
 */
export async function estimate(
  core: Core,
  links: Links,
  submission: Submission,
): Promise<Estimate | SubmissionRefusal> {
  try {
    const { content } = submission;
    const body =
      content.kind === "mail" ? shrinkMail(content.rfc5322) : new TextEncoder().encode(content.text);
    const parts: EstimatePart[] = [];
    for (const group of groupsOf(core, submission)) {
      const part = await partOf({ core, links, submission, body }, group);
      if ("outcome" in part) return part;
      parts.push(part);
    }
    return { parts };
  } catch (error) {
    if (error instanceof ProtocolError) return refusal("malformed", error.message);
    throw error;
  }
}

interface Asked {
  readonly core: Core;
  readonly links: Links;
  readonly submission: Submission;
  readonly body: Uint8Array;
}

async function partOf(asked: Asked, group: Group): Promise<EstimatePart | SubmissionRefusal> {
  const { peer, to } = group;
  if (peer !== null) return await partTo(asked, { ...group, peer });
  const { core, submission, body } = asked;
  const served = core.directory.serves(to[0] ?? "");
  if (served.by === "nobody") return refusal(served.why, served.text);
  const load = {
    bytes: 0,
    class: submission.class,
    lifetimeMs: lifetimeMsOf(asked),
    sealed: !submission.clear,
  };
  const route = explainWay(core, served, load);
  if ("outcome" in route) return route;
  return { to, bodyBytes: body.length, envelopeBytes: 0, airBytes: 0, joinedWith: 0, route };
}

/** First the way, by the size of the text; then the weight on that way; then what every way would cost with it. */
async function partTo(
  asked: Asked,
  group: Group & { readonly peer: Peer },
): Promise<EstimatePart | SubmissionRefusal> {
  const { core, links, submission, body } = asked;
  const { mode, peer, to } = group;
  const load = { class: submission.class, lifetimeMs: lifetimeMsOf(asked), sealed: !submission.clear };
  const plan = planOf(core, { ...requestTo(core, peer), ...load, bytes: body.length });
  const link = plan.plan === "hop" ? links.get(plan.link) : undefined;
  if (plan.plan === "never" || !link) return noWay(peer, plan.plan === "never" ? plan.why : "no-route");
  const hop = { link: plan.link, neighbour: fromHex(plan.neighbour) };
  const draft = draftOf(asked, group);
  const others = await companionsOf(core, hop, peer, draft);
  const joined = others.length > 0;
  const without = joined ? await toldBytes(core, { link, hop, peer, drafts: others }) : 0;
  const bytes = (await toldBytes(core, { link, hop, peer, drafts: [...others, draft] })) - without;
  const meetingBytes = await meetingBytesOf(core, link, hop);
  const served = { by: mode === "exit" ? ("exit" as const) : ("peer" as const), peer };
  const route = explainWay(core, served, { ...load, bytes, joined, meetingBytes });
  if ("outcome" in route) return route;
  const receiptBytes = draft.record.receipt && !joined ? receiptBytesOn(link) : 0;
  const airBytes = (route.ways.find((way) => way.chosen)?.airBytes ?? 0) + receiptBytes;
  const sizes = { bodyBytes: body.length, envelopeBytes: bytes, airBytes };
  return { to, ...sizes, joinedWith: others.length, route };
}

function lifetimeMsOf({ core, submission }: Asked): number {
  return (submission.lifetimeS ?? core.settings.lifetimeS) * 1000;
}

/** The message as it would be accepted now; its number is that of none. */
function draftOf(asked: Asked, { mode, to }: Group): Draft {
  const { core, submission, body } = asked;
  const { account, from, content } = submission;
  const acceptedAtMs = core.spool.nowMs();
  const record = {
    ...{ key: core.likelyKey(), account, from, to, class: submission.class, bodyKind: content.kind },
    mode: modeOf(submission, mode),
    receipt: wantsReceipt(core, submission),
    acceptedAtMs,
    deadlineMs: acceptedAtMs + lifetimeMsOf(asked),
  };
  return { record, body };
}

/** Messages that wait for the same hop and would be joined with this one. */
async function companionsOf(core: Core, hop: Hop, peer: Peer, { record }: Draft): Promise<readonly Draft[]> {
  const legs = await core.spool.legs({ link: hop.link, afterLegId: 0, limit: LIMITS.estimateLegsMax });
  const limits = { limit: LIMITS.estimateJoinedMax, bodyBytesMax: LIMITS.estimateJoinedBytesMax };
  for (const leg of legs) {
    const isLike = leg.what.kind === "message" && leg.class === record.class;
    if (!isLike || !sameBytes(leg.hop.neighbour, hop.neighbour)) continue;
    const found = await core.spool.companions(leg, limits);
    const first = found[0]?.record;
    if (first?.mode !== record.mode || !sameBytes(first.destination, peer.address)) continue;
    return (await bodiesOf(core, found)).waiting;
  }
  return [];
}

interface Weighed {
  readonly link: Link;
  readonly hop: Hop;
  readonly peer: Peer;
  readonly drafts: readonly Draft[];
}

/** Bytes of the envelope of these messages as its neighbour is told it: head in its shortest form, and payload. */
async function toldBytes(core: Core, { link, hop, peer, drafts }: Weighed): Promise<number> {
  const isNear = sameBytes(hop.neighbour, peer.address);
  const offer = isNear ? await core.sentContexts.offer(peer) : NO_CONTEXT;
  const { bearer, settings } = link;
  const { header, payload } = buildEnvelope(core, peer, drafts, offer, chunkBytesMaxOf(bearer, settings));
  const signed = signHeader(header, core.identity);
  const transit = { hopsUsed: 0, ageS: 0, relayIndex: 0, keyRecord: null, chain: emptyChain() };
  const made = { id: signed.id, head: encodeSignedHeader(signed), transit: encodeTransit(transit) };
  const age = { ageMs: 0, keptAtMs: core.spool.nowMs(), from: null };
  const head = headForHop(core, { ...made, ...age }, hop, carriesFullChain(bearer, settings));
  const neighbour = core.directory.peer(hop.neighbour);
  if (!head || !neighbour) return made.head.length + payload.length;
  const ends = { sender: core.identity.keys.root, receiver: hop.neighbour };
  const slot = (await core.templates.sent(neighbour)).likelyForm(header);
  return encodeCompactHead(head, { ends, slot, payloadFollows: true }).length + payload.length;
}

/** Bytes on the channel of the receipt that comes back, where the far gateway is the next one, and of its answer. */
function receiptBytesOn(link: Link): number {
  return bytesOnAir(RECEIPT_BYTES, parcelShapeOf(link.bearer));
}

/** An acknowledgement (SPEC.md §11) in a NOTE of one part. */
const RECEIPT_BYTES = 35;

/** Bytes on the channel of the handshake with the next gateway. */
async function meetingBytesOf(core: Core, link: Link, hop: Hop): Promise<number> {
  const neighbour = core.directory.peer(hop.neighbour);
  if (!neighbour) return 0;
  const { pairSecret } = await knownNeighbour(core, neighbour);
  const greeting = await greetingFor({ core, settings: link.settings }, neighbour);
  const [first, second] = meetingMessages(pairSecret !== null, greeting.length);
  return first + second + 2 * parcelShapeOf(link.bearer).framingBytes;
}
