import { type ByteLink, type Clock, invariant, OperatingError } from "@estafette/contract";
import { EMULATOR_LIMITS } from "./limits.js";
import { ModemPort } from "./modem-port.js";
import { RadioChannel, type RadioCounters, type RadioEvent, type Side } from "./radio-channel.js";
import { type RadioOptions, radioOptions } from "./radio-options.js";

/** Two radio modems in this process. */
export interface RadioPair {
  /** Opens the serial port of the modem at `side`; a port still open there is closed. Throws OperatingError
   *  EST_OPERATING_PORT_GONE while unplugged. */
  open(side: Side): ByteLink;
  /** Pulls the cable of one modem, or puts it back. */
  unplug(side: Side): void;
  plug(side: Side): void;
  /** Interrupts or restores the air, beside what is scripted. */
  setCut(cut: boolean): void;
  /** Lets the computer at `side` read bytes that came from nowhere: noise, or a forger. */
  inject(side: Side, bytes: Uint8Array): void;
  /** Calls `listener` with every event; the returned function ends that. */
  observe(listener: (event: RadioEvent) => void): () => void;
  counters(): RadioCounters;
  /** Ends both ports and all timers. */
  close(): void;
}

/** The in-process face: the same state machine as on a PTY, on whatever clock it is given. */
export function createRadioPair(given: Partial<RadioOptions> & { readonly clock: Clock }): RadioPair {
  const { clock, ...options } = given;
  return new InProcessPair(radioOptions(options), clock);
}

class InProcessPair implements RadioPair {
  readonly #channel: RadioChannel;
  readonly #ports: Record<Side, ModemPort | null> = { a: null, b: null };
  readonly #unplugged: Record<Side, boolean> = { a: false, b: false };
  readonly #listeners = new Set<(event: RadioEvent) => void>();
  #cancelTimer = (): void => {};
  #closed = false;

  constructor(
    private readonly options: RadioOptions,
    private readonly clock: Clock,
  ) {
    this.#channel = new RadioChannel(options, clock.monotonicMs());
    this.#plan();
  }

  open(side: Side): ByteLink {
    if (this.#closed || this.#unplugged[side]) {
      throw new OperatingError("EST_OPERATING_PORT_GONE", `modem ${side} is unplugged`);
    }
    this.#ports[side]?.close();
    const take = (bytes: Uint8Array): boolean => this.#take(side, bytes);
    const port = new ModemPort(`modem ${side}`, take, this.options.bufferBytesMax);
    this.#ports[side] = port;
    return port;
  }

  unplug(side: Side): void {
    this.#unplugged[side] = true;
    this.#ports[side]?.unplug();
    this.#ports[side] = null;
  }

  plug(side: Side): void {
    this.#unplugged[side] = false;
  }

  setCut(cut: boolean): void {
    this.#advance();
    this.#report(this.#channel.setCut(cut, this.clock.monotonicMs()));
  }

  inject(side: Side, bytes: Uint8Array): void {
    this.#ports[side]?.feed(bytes.slice());
  }

  observe(listener: (event: RadioEvent) => void): () => void {
    invariant(this.#listeners.size < EMULATOR_LIMITS.listenersMax, "too many listeners on one radio");
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  counters(): RadioCounters {
    return this.#channel.counters();
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer();
    this.#ports.a?.close();
    this.#ports.b?.close();
  }

  #take(side: Side, bytes: Uint8Array): boolean {
    this.#advance();
    const taken = this.#channel.write(side, bytes, this.clock.monotonicMs());
    this.#plan();
    return taken;
  }

  #advance(): void {
    this.#report(this.#channel.tick(this.clock.monotonicMs()));
    this.#plan();
  }

  #report(events: readonly RadioEvent[]): void {
    for (const event of events) {
      if (event.type === "received") this.#ports[event.side]?.feed(event.bytes);
      if (event.type === "frame-started") this.#ports[event.from]?.roomAgain();
      for (const listener of this.#listeners) listener(event);
    }
  }

  #plan(): void {
    this.#cancelTimer();
    const nextMs = this.#channel.nextMs();
    if (this.#closed || nextMs === null) return;
    const delayMs = Math.min(Math.max(0, nextMs - this.clock.monotonicMs()), TIMER_MS_MAX);
    this.#cancelTimer = this.clock.timer(delayMs, () => this.#advance());
  }
}

/** What a clock's timer can take; a later event is planned again then. */
const TIMER_MS_MAX = 2 ** 31 - 1;
