import type { Bearer, Bridge, Clock, SubmissionResult } from "@estafette/contract";
import type { Plant, WorldParameters } from "@estafette/simulation";
import type { MessageKey, Spool } from "@estafette/spool";

/*
 * Deliberate mistakes, each at a seam of the gateway, none in the code of production. A checker must see every one.
 */

/** A mistake, and the sentence by which a checker must give it away. */
export interface PlantedMistake extends Plant {
  readonly sign: RegExp;
  /** Bounds of a medium without which it cannot show. Default: any world will do. */
  needs?(bounds: WorldParameters["media"][number]["bounds"]): boolean;
}

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
const confirmsBeforeCommit: PlantedMistake = {
  name: "confirms-before-commit",
  sign: /was confirmed before .* was committed/,
  spool: (spool) =>
    patched(spool, {
      acceptMessages: async (...kept) => {
        void spool.acceptMessages(...kept);
      },
    }),
};

/** Takes custody of envelopes before the commit; the neighbour deletes its copy on our word. */
const takesCustodyEarly: PlantedMistake = {
  name: "takes-custody-early",
  sign: /before it was committed|does not have it/,
  spool: (spool, { clock }) =>
    patched(spool, {
      acceptEnvelope: async (envelope) => {
        clock.timer(3_000, () => void spool.acceptEnvelope(envelope));
        return "kept";
      },
      acceptArrival: async (arrival) => {
        if (arrival.envelope === null) return spool.acceptArrival(arrival);
        clock.timer(3_000, () => void spool.acceptArrival(arrival));
        return { outcome: "kept", noteHops: [] };
      },
    }),
};

/** Answers the user at once and keeps the message whenever it finds the time. */
const relayAnswersEarly: PlantedMistake = {
  name: "relay-answers-early",
  sign: /was confirmed before .* was committed/,
  relay: (relay) =>
    patched(relay, {
      submit: async (submission): Promise<SubmissionResult> => {
        void relay.submit(submission);
        return { outcome: "accepted", id: "0000-0000" };
      },
    }),
};

/**
 * The list of what was seen and delivered does not outlive the process: every life files under other numbers, and
 * shows the true ones to whoever asks.
 */
const forgetsAtRestart: PlantedMistake = {
  name: "forgets-what-was-delivered",
  sign: /handed over again without saying so/,
  spool: (spool, { life }) => {
    const veil = (life - 1) & 0xff;
    const filedId = (id: Uint8Array): Uint8Array => id.map((byte) => byte ^ veil);
    const filed = <T extends { readonly key: MessageKey }>(one: T): T => {
      const epoch = (one.key.epoch ^ veil) >>> 0;
      if (veil !== 0) trueEpochs.set(epoch, one.key.epoch);
      return { ...one, key: { ...one.key, epoch } };
    };
    const shown = <T extends { readonly key: MessageKey }>(one: T): T => ({
      ...one,
      key: { ...one.key, epoch: trueEpochs.get(one.key.epoch) ?? one.key.epoch },
    });
    return patched(spool, {
      seen: async (id) => {
        const own = await spool.seen(id);
        return veil === 0 || own?.from === null ? own : spool.seen(filedId(id));
      },
      acceptArrival: (arrival) =>
        spool.acceptArrival({
          ...arrival,
          envelope: arrival.envelope && { ...arrival.envelope, id: filedId(arrival.envelope.id) },
          deliveries: arrival.deliveries.map(filed),
        }),
      dueDeliveries: async (limit) => {
        const { due, nextAtMs } = await spool.dueDeliveries(limit);
        return { due: due.map(shown), nextAtMs };
      },
      settleDelivery: async (deliveryId, result) => shown(await spool.settleDelivery(deliveryId, result)),
    });
  },
};
const trueEpochs = new Map<number, number>();

/** Takes two mails from the same writer to the same readers for one. */
const deduplicatesOnText: PlantedMistake = {
  name: "deduplicates-on-what-a-sender-chose",
  sign: /accepted and not delivered|recorded as delivered, .* has nothing/,
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
const mixesPartials: PlantedMistake = {
  name: "mixes-partial-ranges",
  sign: /refused on the way|accepted and not delivered/,
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
const agesOnWallClock: PlantedMistake = {
  name: "ages-on-the-wall-clock",
  sign: /expired after|delivered, yet recorded as expired/,
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

/** Takes the next node's word for the recipient's: what was forwarded counts as delivered. */
const takesCustodyForReceipt: PlantedMistake = {
  name: "takes-custody-for-a-receipt",
  sign: /recorded as delivered before it was|recorded as delivered, .* has nothing/,
  spool: (spool) => {
    const envelopes = new Map<number, Uint8Array>();
    return patched(spool, {
      ready: async (where) => {
        const legs = await spool.ready(where);
        for (const leg of legs) if (leg.what.kind === "envelope") envelopes.set(leg.legId, leg.what.id);
        return legs;
      },
      settleLeg: async (legId, outcome) => {
        const id = envelopes.get(legId);
        const settled = await spool.settleLeg(legId, outcome);
        if (outcome.outcome !== "taken" || id === undefined) return settled;
        const delivered = await spool.settleEnvelope(id, "delivered", "the next node has it");
        return { ...settled, ended: [...settled.ended, ...delivered] };
      },
    });
  },
};

/** Tells the gateway that the mailbox has it, and walks there afterwards. */
const bridgeAnswersEarly: PlantedMistake = {
  name: "bridge-answers-early",
  sign: /recorded as delivered before it was|accepted and not delivered|has nothing/,
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
const forgetsBeginnings: PlantedMistake = {
  name: "forgets-that-a-hand-over-began",
  sign: /handed over again without saying so/,
  spool: (spool: Spool): Spool => patched(spool, { beginDelivery: () => Promise.resolve() }),
};

/** What was used of a budget does not outlive the process. */
const forgetsBudgets: PlantedMistake = {
  name: "forgets-budgets-at-restart",
  sign: /used .* of airtime|used .* credits in a day/,
  needs: ({ airtimeMsPerHourMax, credits }) => airtimeMsPerHourMax !== null || credits !== null,
  spool: (spool) =>
    patched(spool, {
      getState: (name) => (name.startsWith("budget/") ? Promise.resolve(null) : spool.getState(name)),
    }),
};

/** Handshakes, answers and receipts are short: takes them for free. */
const SHORT_BYTES = 120;
const countsOnlyPayload: PlantedMistake = {
  name: "counts-no-airtime-for-answers",
  sign: /used .* of airtime/,
  needs: ({ airtimeMsPerHourMax }) => airtimeMsPerHourMax !== null,
  bearer: (bearer: Bearer) =>
    patched(bearer, {
      airtimeMs: (byteCount) => (byteCount < SHORT_BYTES ? 0 : bearer.airtimeMs(byteCount)),
    }),
};

/** Takes a parcel that went out for one that did not: its money comes back, and it goes again. */
const refundsWhatWasSpent: PlantedMistake = {
  name: "refunds-what-was-spent",
  sign: /used .* credits in a day/,
  needs: ({ credits }) => credits !== null,
  bearer: (bearer: Bearer) => {
    let count = 0;
    return patched(bearer, {
      send: async (parcel, signal) => {
        const result = await bearer.send(parcel, signal);
        const went = result.outcome === "sent" || result.outcome === "acknowledged";
        if (!went || ++count % 2 === 0) return result;
        return { outcome: "deferred", why: "busy", retryAfterMs: 100 };
      },
    });
  },
};

/** All of them. */
export const PLANTS: readonly PlantedMistake[] = [
  confirmsBeforeCommit,
  takesCustodyEarly,
  relayAnswersEarly,
  forgetsAtRestart,
  deduplicatesOnText,
  mixesPartials,
  agesOnWallClock,
  takesCustodyForReceipt,
  bridgeAnswersEarly,
  forgetsBeginnings,
  forgetsBudgets,
  countsOnlyPayload,
  refundsWhatWasSpent,
];
