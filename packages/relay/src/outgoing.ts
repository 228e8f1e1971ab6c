import {
  appendEntry,
  type Chain,
  decodeHead,
  directChain,
  elideChain,
  type Head,
  joinHead,
  sameBytes,
} from "@estafette/protocol";
import type { EnvelopeRecord, Hop } from "@estafette/spool";
import type { Core } from "./core.js";

/** Head and transit fields of a held envelope. They were verified before they were kept. */
export function headOf(record: Pick<EnvelopeRecord, "head" | "transit">): Head {
  return decodeHead(joinHead(record));
}

/** What of an envelope makes its head. */
type HeadRecord = Pick<EnvelopeRecord, "id" | "head" | "transit" | "ageMs" | "keptAtMs" | "from">;

/**
 * The head as it leaves for `hop`: age and hop count of this moment, and our own chain entry that names the next hop.
 * Null when the envelope is past its lifetime. Signed anew for each carry, because the age is part of what we vouch for.
 */
export function headForHop(core: Core, record: HeadRecord, hop: Hop, fullChain: boolean): Head | null {
  const { signed, transit } = headOf(record);
  const { header } = signed;
  const ageMs = record.ageMs + (core.spool.nowMs() - record.keptAtMs);
  const ageS = Math.floor(ageMs / 1000);
  if (ageS >= header.lifetimeS) return null;
  const own = record.from === null;
  return {
    signed,
    transit: {
      ...transit,
      hopsUsed: own ? 0 : transit.hopsUsed + 1,
      ageS,
      relayIndex: relayIndexFor(core, header.relays, transit.relayIndex, hop),
      chain: chainForHop(core, record, { hop, ageS, fullChain, chain: transit.chain }),
    },
  };
}

/**
 * Constrained links carry one digest instead of the entries; the entries stay at the hop that made them. On the origin's
 * own link not even that: the link has authenticated who it comes from.
 */
function chainForHop(
  core: Core,
  record: HeadRecord,
  how: { readonly hop: Hop; readonly ageS: number; readonly fullChain: boolean; readonly chain: Chain },
): Chain {
  const { id, from } = record;
  const { address } = core.identity;
  const next = how.hop.neighbour;
  if (from === null && !how.fullChain) return directChain(id, address, next);
  const draft = { id, identity: core.identity, previous: from ?? address, next, ageS: how.ageS };
  const chain = appendEntry(how.chain, draft);
  return how.fullChain ? chain : elideChain(chain, id);
}

/** Where in its relay list the envelope stands for the next hop. Leaving the list, because it stalled, ends it. */
function relayIndexFor(core: Core, relays: readonly Uint8Array[], relayIndex: number, hop: Hop): number {
  let index = relayIndex;
  for (let relay = relays[index]; relay && sameBytes(relay, core.identity.address); relay = relays[index])
    index++;
  const next = relays[index];
  return next && !sameBytes(next, hop.neighbour) ? relays.length : index;
}
