import type { Bridge, Clock, SubmissionResult } from "@estafette/contract";
import type { Plant } from "@estafette/simulation";
import type { Spool } from "@estafette/spool";

/*
 * Deliberate mistakes, each at a seam of the gateway, none in the code of production. A checker must see every one.
 */

/** The same object with some members replaced. */
function patched<T extends object>(whole: T, members: Partial<T>): T {
  return new Proxy(whole, {
    get(target, property) {
      const own: unknown = Reflect.get(members, property);
      if (own !== undefined) return own;
      const member: unknown = Reflect.get(target, property, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

/** Says "kept" for own messages before the commit. */
const confirmsBeforeCommit: Plant = {
  name: "confirms-before-commit",
  spool: (spool) =>
    patched(spool, {
      acceptMessages: async (messages) => {
        void spool.acceptMessages(messages);
      },
    }),
};

/** Takes custody of envelopes before the commit; the neighbour deletes its copy on our word. */
const takesCustodyEarly: Plant = {
  name: "takes-custody-early",
  spool: (spool, { clock }) =>
    patched(spool, {
      acceptEnvelope: async (envelope) => {
        clock.timer(3_000, () => void spool.acceptEnvelope(envelope));
        return "kept";
      },
      acceptArrival: async (arrival) => {
        clock.timer(3_000, () => void spool.acceptArrival(arrival));
        return "kept";
      },
    }),
};

/** Answers the user at once and keeps the message whenever it finds the time. */
const relayAnswersEarly: Plant = {
  name: "relay-answers-early",
  relay: (relay) =>
    patched(relay, {
      submit: async (submission): Promise<SubmissionResult> => {
        void relay.submit(submission);
        return { outcome: "accepted", id: "0000-0000" };
      },
    }),
};

/** The list of what was seen and delivered does not outlive the process: every life has its own. */
const forgetsAtRestart: Plant = {
  name: "forgets-what-was-delivered",
  spool: (spool, { life }) => {
    const veiled = (id: Uint8Array): Uint8Array => id.map((byte) => byte ^ (life & 0xff));
    return patched(spool, {
      seen: (id) =>
        life === 1
          ? spool.seen(id)
          : spool.seen(id).then((own) => (own?.from === null ? own : spool.seen(veiled(id)))),
      acceptArrival: (arrival) =>
        life === 1 || arrival.envelope === null
          ? spool.acceptArrival(arrival)
          : spool.acceptArrival({
              ...arrival,
              envelope: { ...arrival.envelope, id: veiled(arrival.envelope.id) },
              deliveries: arrival.deliveries.map((one) => ({
                ...one,
                key: { ...one.key, epoch: (one.key.epoch ^ life) >>> 0 },
              })),
            }),
    });
  },
};

/** Takes two mails from the same writer to the same readers for one. */
const deduplicatesOnText: Plant = {
  name: "deduplicates-on-what-a-sender-chose",
  spool: (spool) => {
    const known = new Set<string>();
    return patched(spool, {
      acceptArrival: (arrival) => {
        const fresh = arrival.deliveries.filter((one) => {
          const words = `${one.from} ${one.to.join(" ")}`;
          const isNew = !known.has(words);
          known.add(words);
          return isNew;
        });
        return spool.acceptArrival({ ...arrival, deliveries: fresh });
      },
    });
  },
};

/** Puts ranges of every payload of the same length into the same place. */
const mixesPartials: Plant = {
  name: "mixes-partial-ranges",
  spool: (spool) => {
    const first = new Map<number, Uint8Array>();
    const place = (id: Uint8Array, totalBytes: number): Uint8Array => {
      const shared = Math.floor(totalBytes / 4_096);
      const known = first.get(shared) ?? id;
      first.set(shared, known);
      return known;
    };
    const places = new Map<string, Uint8Array>();
    const placeOf = (id: Uint8Array): Uint8Array => places.get(id.join()) ?? id;
    return patched(spool, {
      writePartial: (id, totalBytes, start, bytes) => {
        places.set(id.join(), place(id, totalBytes));
        return spool.writePartial(placeOf(id), totalBytes, start, bytes);
      },
      readPartial: (id) => spool.readPartial(placeOf(id)),
      dropPartial: () => Promise.resolve(),
      partial: (id) => spool.partial(placeOf(id)),
    });
  },
};

/** Counts lifetimes on the wall clock: a step of years ends everything early. */
const agesOnWallClock: Plant = {
  name: "ages-on-the-wall-clock",
  clock: (clock: Clock): Clock => {
    const beganUnixMs = clock.unixMs();
    const beganMs = clock.monotonicMs();
    return {
      monotonicMs: () => Math.max(0, beganMs + clock.unixMs() - beganUnixMs),
      bootId: () => clock.bootId(),
      unixMs: () => clock.unixMs(),
      trust: () => clock.trust(),
      timer: (delayMs, onElapsed) => clock.timer(delayMs, onElapsed),
    };
  },
};

/** Counts a hand-over that was put off as done. */
const takesDeferredForDone: Plant = {
  name: "takes-deferred-for-delivered",
  spool: (spool) =>
    patched(spool, {
      settleDelivery: (deliveryId, result) =>
        spool.settleDelivery(deliveryId, {
          ...result,
          retryAtMs: null,
          refused: [],
          delivered: ["everybody"],
        }),
    }),
};

/** Tells the gateway that the mailbox has it, and walks there afterwards. */
const bridgeAnswersEarly: Plant = {
  name: "bridge-answers-early",
  bridge: (bridge: Bridge, clock: Clock): Bridge => ({
    delivers: bridge.delivers,
    start: (signal) => bridge.start(signal),
    deliver: async (delivery, signal) => {
      clock.timer(20_000, () => void bridge.deliver(delivery, signal).catch(() => undefined));
      return { recipients: delivery.to.map(() => ({ outcome: "delivered", detail: "250 soon" })) };
    },
  }),
};

/** Does not write down that a hand-over begins: a repeat after a power cut looks like the first. */
const forgetsBeginnings: Plant = {
  name: "forgets-that-a-hand-over-began",
  spool: (spool: Spool): Spool => patched(spool, { beginDelivery: () => Promise.resolve() }),
};

/** All of them. */
export const PLANTS: readonly Plant[] = [
  confirmsBeforeCommit,
  takesCustodyEarly,
  relayAnswersEarly,
  forgetsAtRestart,
  deduplicatesOnText,
  mixesPartials,
  agesOnWallClock,
  takesDeferredForDone,
  bridgeAnswersEarly,
  forgetsBeginnings,
];
