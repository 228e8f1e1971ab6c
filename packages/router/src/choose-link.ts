import { bytesOnAir, type ClassRank, type Eta, etaOf, type LinkTiming } from "./eta.js";

/** One link over which a neighbour may be reached, as it is now. */
export interface LinkOffer extends LinkTiming {
  readonly name: string;
  /** An authenticated conversation with the neighbour is open now. */
  readonly established: boolean;
  readonly costPerContact: number;
  readonly costPerByte: number;
  /** What it takes to begin a conversation, in bytes on the channel; counts where none is open. */
  readonly meetingBytes: number;
}

/** What is to be carried. */
export interface Load {
  readonly bytes: number;
  readonly rank: ClassRank;
  /** Milliseconds from now. */
  readonly deadlineMs: number;
  /** It goes in one envelope with others, which pay for the contact, the meeting and the answer. Default: no. */
  readonly joined?: boolean;
}

export interface Choice {
  readonly link: string;
  readonly established: boolean;
  /** On the channel, both directions, with the meeting where there is none yet, and with what the bearer adds. */
  readonly airBytes: number;
  /** Money or credits for this message, in the link's own unit. */
  readonly cost: number;
  readonly eta: Eta;
  readonly meetsDeadline: boolean;
  /** Of the hour's channel time, what this message takes [0…]; 0 where there is no bound. */
  readonly airtimeShare: number;
}

/**
 * The links in the order in which they would be taken, best first; ties keep the configured order.
 *
 * Who meets the deadline comes before who does not, and what is known before what nobody knows. Among links that
 * meet it the cheapest wins, then the one in conversation, then the one that spares channel time, then the earliest.
 * Where none does, urgent messages go the earliest way and the others the cheapest.
 */
export function rankLinks(links: readonly LinkOffer[], load: Load, nowMs: number): readonly Choice[] {
  const choices = links.map((link) => choiceOf(link, load, nowMs));
  return choices.sort((a, b) => compare(a, b, load.rank <= 1));
}

function choiceOf(link: LinkOffer, load: Load, nowMs: number): Choice {
  const eta = etaOf(link, load.bytes, nowMs);
  const aloneMs = etaOf(
    { ...link, backlogBytes: 0, airtimeMsPerHourMax: null },
    load.bytes,
    nowMs,
  ).transferMs;
  const meetingBytes = link.established || load.joined === true ? 0 : link.meetingBytes;
  const airBytes = bytesOnAir(load.bytes, link.parcels, load.joined === true) + meetingBytes;
  return {
    link: link.name,
    established: link.established,
    airBytes,
    cost: (load.joined === true ? 0 : link.costPerContact) + link.costPerByte * airBytes,
    eta,
    meetsDeadline: eta.ms !== null && eta.ms <= load.deadlineMs,
    airtimeShare: link.airtimeMsPerHourMax === null ? 0 : aloneMs / Math.max(link.airtimeMsPerHourMax, 1),
  };
}

function compare(a: Choice, b: Choice, isUrgent: boolean): number {
  const tier = tierOf(a) - tierOf(b);
  if (tier !== 0) return tier;
  const soonest = waitOf(a) - waitOf(b);
  if (isUrgent && tierOf(a) > 0 && soonest !== 0) return soonest;
  return (
    a.cost - b.cost ||
    Number(b.established) - Number(a.established) ||
    a.airtimeShare - b.airtimeShare ||
    soonest
  );
}

/** 0 meets the deadline, 1 is known to come later, 2 nobody knows when it opens. */
function tierOf({ meetsDeadline, eta }: Choice): 0 | 1 | 2 {
  if (meetsDeadline) return 0;
  return eta.ms === null ? 2 : 1;
}

/** Of links that may open any time the one that is faster then. */
function waitOf({ eta }: Choice): number {
  return eta.ms ?? eta.transferMs;
}
