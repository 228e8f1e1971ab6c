import type { MemoryProfile } from "@estafette/bearer-memory";
import type { Bearer, BearerCapabilities } from "@estafette/contract";
import type { VirtualWorld } from "./world.js";

/** The bearers of a medium, whose parcels and content policy can be changed while they run. */
export function changeable(world: VirtualWorld, base: MemoryProfile) {
  const { bearer } = world.medium(base);
  const tellers = new Set<() => void>();
  let now: Partial<BearerCapabilities> = {};
  const wrap = (station: string): Bearer => {
    const inner = bearer(station);
    const waiting: (() => void)[] = [];
    const tell = (): void => waiting.splice(0).forEach((go) => void go());
    tellers.add(tell);
    const changes = () =>
      new Promise<"changed">((resolve) => {
        waiting.push(() => resolve("changed"));
      });
    return {
      get capabilities() {
        return { ...inner.capabilities, ...now };
      },
      async *run(signal) {
        const events = inner.run(signal)[Symbol.asyncIterator]();
        let next = events.next();
        let change = changes();
        for (;;) {
          const first = await Promise.race([next, change]);
          if (first === "changed") {
            change = changes();
            yield { type: "capabilities", capabilities: { ...inner.capabilities, ...now } };
          } else {
            if (first.done) return;
            next = events.next();
            yield first.value;
          }
        }
      },
      send: (parcel, signal) =>
        parcel.bytes.length > (now.parcelBytesMax ?? Number.POSITIVE_INFINITY)
          ? Promise.resolve({ outcome: "refused", why: "too-large" })
          : inner.send(parcel, signal),
      settle: (id, verdict) => inner.settle(id, verdict),
      contact: (request, signal) => inner.contact(request, signal),
      airtimeMs: (byteCount) => inner.airtimeMs(byteCount),
    };
  };
  return {
    bearer: wrap,
    change(to: Partial<BearerCapabilities>) {
      now = to;
      for (const tell of tellers) tell();
    },
  };
}
