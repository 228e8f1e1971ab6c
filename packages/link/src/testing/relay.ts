import type { OutgoingTransfer } from "../api.js";
import type { End } from "./world.js";

/** Kills one end: a new process without a session, with or without what it had stored. */
export function restart(end: End, keepsSecret: boolean, starts: boolean): void {
  const { world } = end;
  end.conversation.close(world.nowMs, "killed");
  end.react();
  if (!keepsSecret) end.keeper.pairSecret = null;
  end.conversation = end.create();
  if (starts) end.conversation.start(world.nowMs);
}

/** Offers until the neighbour has it, again whenever it broke, as a relay does. To be asked again and again. */
export function offerUntilTaken(end: End, transfer: OutgoingTransfer): () => boolean {
  const from = end.keeper.results.length;
  let offered = 0;
  return () => {
    const mine = end.keeper.results.slice(from).filter(({ key }) => key === transfer.key);
    if (mine.some(({ result }) => result.result === "accepted" || result.result === "already-held"))
      return true;
    if (end.conversation.canOffer() && offered <= mine.length) {
      offered++;
      end.conversation.offer(transfer, end.world.nowMs);
    }
    return false;
  };
}
