import type { Bearer, BearerEvent, Bridge } from "@estafette/contract";
import type { Spool } from "@estafette/spool";

/** Thrown by a fault point when the power goes at that instant. Nobody who still has power ever sees it. */
export class PowerCut extends Error {
  constructor(readonly where: string) {
    super(`power cut at ${where}`);
    this.name = "PowerCut";
  }
}

/** What a process without power waits for. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}

/**
 * One life of one gateway process, from boot to power cut or stop. Every door of the process passes through
 * its life: once ended, nothing goes in or out, and whatever the abandoned objects still compute is seen by nobody.
 */
export class Life {
  readonly #controller = new AbortController();
  #alive = true;

  get alive(): boolean {
    return this.#alive;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    this.#alive = false;
    this.#controller.abort();
  }

  /** The promise's outcome while alive; nothing at all afterwards. */
  async only<T>(promise: Promise<T>): Promise<T> {
    try {
      const value = await promise;
      return this.#alive ? value : await never<T>();
    } catch (error) {
      if (this.#alive) throw error;
      return never<T>();
    }
  }
}

/** Runs `call` with a signal that aborts with `theirs` or with the end of the life, whichever comes first. */
async function withSignal<T>(
  life: Life,
  theirs: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  if (theirs.aborted || life.signal.aborted) abort();
  theirs.addEventListener("abort", abort);
  life.signal.addEventListener("abort", abort);
  try {
    return await life.only(call(controller.signal));
  } finally {
    theirs.removeEventListener("abort", abort);
    life.signal.removeEventListener("abort", abort);
  }
}

/** The store as one life sees it. */
export function spoolOfLife(spool: Spool, life: Life): Spool {
  return new Proxy(spool, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== "function") return member;
      if (property === "nowMs") return () => target.nowMs();
      return (...args: unknown[]) => {
        if (!life.alive) return never();
        const outcome: unknown = Reflect.apply(member, target, args);
        return outcome instanceof Promise ? life.only(outcome) : outcome;
      };
    },
  });
}

/** The link as one life sees it. `watch` sees every parcel that really goes out. */
export function bearerOfLife(bearer: Bearer, life: Life, watch: (bytes: Uint8Array) => void): Bearer {
  return {
    get capabilities() {
      return bearer.capabilities;
    },
    run: (signal) => eventsOfLife(bearer, life, signal),
    send: (parcel, signal) => {
      if (!life.alive) return never();
      watch(parcel.bytes);
      return withSignal(life, signal, (either) => bearer.send(parcel, either));
    },
    settle: (parcelId, verdict) => (life.alive ? life.only(bearer.settle(parcelId, verdict)) : never()),
    contact: (request, signal) =>
      life.alive ? withSignal(life, signal, (either) => bearer.contact(request, either)) : never(),
    airtimeMs: (byteCount) => bearer.airtimeMs(byteCount),
  };
}

async function* eventsOfLife(bearer: Bearer, life: Life, signal: AbortSignal): AsyncIterable<BearerEvent> {
  if (!life.alive) await never();
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  signal.addEventListener("abort", abort);
  life.signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  for await (const event of bearer.run(controller.signal)) {
    if (!life.alive) break;
    yield event;
  }
  if (!life.alive) await never();
}

/** The bridge as one life sees it; what was handed over before the end stays handed over. */
export function bridgeOfLife(bridge: Bridge, life: Life): Bridge {
  return {
    delivers: bridge.delivers,
    start: (signal) => (life.alive ? life.only(bridge.start(signal)) : never()),
    deliver: (delivery, signal) => (life.alive ? life.only(bridge.deliver(delivery, signal)) : never()),
  };
}
