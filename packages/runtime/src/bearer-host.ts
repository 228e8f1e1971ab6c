import type { BearerHost, Clock, Rng } from "@estafette/contract";
import { listenBytes, openByteLink } from "./links.js";

export interface BearerHostParts {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: BearerHost["log"];
}

/** What a bearer gets on a real machine. */
export function bearerHost({ clock, rng, log }: BearerHostParts): BearerHost {
  return { clock, rng, log, open: openByteLink, listen: listenBytes };
}
