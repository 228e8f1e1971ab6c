import {
  appendEntry,
  type Chain,
  decodeHead,
  elideChain,
  encodeHead,
  type Head,
  joinHead,
} from "@estafette/protocol";
import type { EnvelopeRecord, Hop } from "@estafette/spool";
import type { Core } from "./core.js";
import { planHop } from "./planning.js";

/** Head and transit fields of a held envelope. They were verified before they were kept. */
export function headOf(record: Pick<EnvelopeRecord, "head" | "transit">): Head {
  return decodeHead(joinHead(record));
}

/**
 * The head as it leaves for `hop`: age and hop count of this moment, and our own chain entry that names the next hop.
 * Null when the envelope is past its lifetime. Signed anew for each carry, because the age is part of what we vouch for.
 */
export function headForHop(
  core: Core,
  record: EnvelopeRecord,
  hop: Hop,
  fullChain: boolean,
): Uint8Array | null {
  const { signed, transit } = headOf(record);
  const { header, id } = signed;
  const ageMs = record.ageMs + (core.spool.nowMs() - record.keptAtMs);
  const ageS = Math.floor(ageMs / 1000);
  if (ageS >= header.lifetimeS) return null;
  const own = record.from === null;
  const plan = planHop(core, {
    destination: header.destination,
    relays: header.relays,
    relayIndex: transit.relayIndex,
    sealed: header.mode !== "clear-signed",
    from: record.from,
    listStalled: true,
  });
  const relayIndex = typeof plan === "string" ? transit.relayIndex : plan.relayIndex;
  const previous = record.from ?? core.identity.address;
  const chain = appendEntry(transit.chain, {
    id,
    identity: core.identity,
    previous,
    next: hop.neighbour,
    ageS,
  });
  return encodeHead({
    signed,
    transit: {
      ...transit,
      hopsUsed: own ? 0 : transit.hopsUsed + 1,
      ageS,
      relayIndex,
      chain: fullChain ? chain : shorten(chain, id),
    },
  });
}

/** Constrained links carry one digest instead of the entries; the entries stay at the hop that made them. */
function shorten(chain: Chain, id: Uint8Array): Chain {
  return elideChain(chain, id);
}
