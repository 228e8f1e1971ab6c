import { type ByteLink, type Clock, invariant, OperatingError } from "@estafette/contract";
import { KissInput, kissOutput } from "./kiss-bytes.js";
import { EMULATOR_LIMITS } from "./limits.js";
import { ModemPort } from "./modem-port.js";
import { PacketChannel, type PacketCounters, type PacketEvent } from "./packet-channel.js";
import { type PacketOptions, packetOptions } from "./packet-options.js";

/** KISS TNCs on one radio channel, in this process. Stations are counted from 0. */
export interface PacketRadio {
  readonly stations: number;
  /** Another computer at the TNC `station`; each hears every frame. Throws OperatingError EST_OPERATING_PORT_GONE while
   *  it is unplugged or without power, or when eight computers are there. */
  open(station: number): ByteLink;
  /** Pulls the cables of one TNC, or puts them back. */
  unplug(station: number): void;
  plug(station: number): void;
  /** Takes the power away for `offMs` of the clock: frames and parameters are gone. `hangsUp`: its computers are cut off
   *  and none is let in meanwhile, as with TCP; else they notice nothing, as on a serial port. */
  restart(station: number, how: { readonly offMs: number; readonly hangsUp: boolean }): void;
  /** Interrupts or restores the air. */
  setCut(cut: boolean): void;
  /** Lets the computers at `station` read bytes that came from nowhere. */
  inject(station: number, bytes: Uint8Array): void;
  /** Calls `listener` with every event; the returned function ends that. */
  observe(listener: (event: PacketEvent) => void): () => void;
  counters(): PacketCounters;
  /** Ends all ports and timers. */
  close(): void;
}

/** The in-process face: the same state machine as behind sockets and terminals, on whatever clock it is given. */
export function createPacketRadio(given: Partial<PacketOptions> & { readonly clock: Clock }): PacketRadio {
  const { clock, ...options } = given;
  return new InProcessPacketRadio(packetOptions(options), clock);
}

class InProcessPacketRadio implements PacketRadio {
  readonly #channel: PacketChannel;
  readonly #ports: readonly Set<ModemPort>[];
  readonly #unplugged = new Set<number>();
  readonly #letsInAtMs: number[];
  readonly #listeners = new Set<(event: PacketEvent) => void>();
  #cancelTimer = (): void => {};
  #closed = false;

  constructor(
    private readonly options: PacketOptions,
    private readonly clock: Clock,
  ) {
    this.#channel = new PacketChannel(options);
    this.#ports = Array.from({ length: options.stations }, () => new Set<ModemPort>());
    this.#letsInAtMs = this.#ports.map(() => 0);
  }

  get stations(): number {
    return this.options.stations;
  }

  open(station: number): ByteLink {
    const ports = this.#portsOf(station);
    for (const port of ports) if (port.isOver) ports.delete(port);
    const isOff = this.clock.monotonicMs() < (this.#letsInAtMs[station] ?? 0);
    if (this.#closed || isOff || this.#unplugged.has(station) || ports.size >= EMULATOR_LIMITS.computersMax)
      throw new OperatingError("EST_OPERATING_PORT_GONE", `TNC ${station} lets nobody in`);
    const input = new KissInput(this.options.frameBytesMax + 1);
    const take = (bytes: Uint8Array): boolean => {
      this.#advance();
      const nowMs = this.clock.monotonicMs();
      for (const message of input.push(bytes)) this.#report(this.#channel.obey(station, message, nowMs));
      this.#plan();
      return true;
    };
    const port = new ModemPort(`TNC ${station}`, take, EMULATOR_LIMITS.kissWriteBytesMax);
    ports.add(port);
    return port;
  }

  unplug(station: number): void {
    this.#unplugged.add(station);
    for (const port of this.#portsOf(station)) port.unplug();
  }

  plug(station: number): void {
    this.#unplugged.delete(station);
  }

  restart(station: number, { offMs, hangsUp }: { offMs: number; hangsUp: boolean }): void {
    this.#advance();
    const nowMs = this.clock.monotonicMs();
    this.#report(this.#channel.powerCycle(station, offMs, nowMs));
    if (hangsUp) {
      this.#letsInAtMs[station] = nowMs + offMs;
      for (const port of this.#portsOf(station)) port.close();
    }
    this.#plan();
  }

  setCut(cut: boolean): void {
    this.#advance();
    this.#channel.setCut(cut);
  }

  inject(station: number, bytes: Uint8Array): void {
    for (const port of this.#portsOf(station)) port.feed(bytes.slice());
  }

  observe(listener: (event: PacketEvent) => void): () => void {
    invariant(this.#listeners.size < EMULATOR_LIMITS.listenersMax, "too many listeners on one channel");
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  counters(): PacketCounters {
    return this.#channel.counters();
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer();
    for (const ports of this.#ports) for (const port of ports) port.close();
  }

  #portsOf(station: number): Set<ModemPort> {
    const ports = this.#ports[station];
    if (!ports) throw new RangeError(`there is no station ${station}`);
    return ports;
  }

  #advance(): void {
    this.#report(this.#channel.tick(this.clock.monotonicMs()));
    this.#plan();
  }

  #report(events: readonly PacketEvent[]): void {
    for (const event of events) {
      if (event.type === "received") this.#handOver(event.station, event.frame);
      for (const listener of this.#listeners) listener(event);
    }
  }

  #handOver(station: number, frame: Uint8Array): void {
    const has = (defect: PacketOptions["defects"][number]): boolean => this.options.defects.includes(defect);
    const fends = has("repeated-fends") ? 3 : 1;
    const pieces = [kissOutput(0, frame, fends)];
    if (has("garbage-between-frames")) pieces.unshift(TERMINAL_TALK);
    if (has("empty-frames")) pieces.push(kissOutput(0, new Uint8Array(0), fends));
    if (has("second-port")) pieces.push(kissOutput(1, frame, fends));
    for (const piece of pieces) {
      const step = has("single-bytes") ? 1 : piece.length;
      for (let at = 0; at < piece.length; at += step) this.inject(station, piece.subarray(at, at + step));
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

/** What a TNC in terminal mode says when it is spoken to. */
const TERMINAL_TALK = new Uint8Array([0xc0, ...new TextEncoder().encode("\r\n?EH\r\ncmd:"), 0xc0]);

/** What a clock's timer can take; a later event is planned again then. */
const TIMER_MS_MAX = 2 ** 31 - 1;
