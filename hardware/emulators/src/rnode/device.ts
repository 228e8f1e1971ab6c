import type { Clock } from "@estafette/contract";
import type { ModemPort } from "../modem-port.js";
import { DATA_BYTES_MAX, type KissCommand, kissFrame, RnodeReader } from "./kiss.js";
import type { RnodeOptions } from "./options.js";
import type { RnodeRadio } from "./radio.js";

/** Settings as the firmware keeps them. */
export interface RnodeSettings {
  frequencyHz: number;
  bandwidthHz: number;
  txPowerDbm: number;
  spreadingFactor: number;
  codingRate: number;
  isOn: boolean;
  /** Hundredths of a percent; 0: no limit. */
  shortLock: number;
  longLock: number;
}

/** One RNode as its host sees it: commands in, echoes and packets out. */
export class RnodeDevice {
  readonly settings: RnodeSettings = {
    ...{ frequencyHz: 0, bandwidthHz: 0, txPowerDbm: 0, spreadingFactor: 0, codingRate: 5 },
    ...{ isOn: false, shortLock: 0, longLock: 0 },
  };
  readonly #reader = new RnodeReader((command) => LENGTHS[command] ?? (command === DATA ? null : 1));
  #port: ModemPort | null = null;
  #cancelBoot: (() => void) | null = null;
  receivedCount = 0;

  constructor(
    private readonly clock: Clock,
    private readonly options: RnodeOptions,
    private readonly radio: RnodeRadio,
  ) {
    radio.onHeard = (payload, how) => this.#heard(payload, how);
  }

  /** Opening the port pulls DTR: the board restarts and talks to its console meanwhile. */
  attach(port: ModemPort): void {
    this.#port = port;
    this.restart();
  }

  restart(): void {
    this.#cancelBoot?.();
    this.radio.reset();
    this.#reader.reset();
    Object.assign(this.settings, { isOn: false, frequencyHz: 0, shortLock: 0, longLock: 0 });
    this.#port?.feed(new TextEncoder().encode("ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET)\r\n"));
    this.#cancelBoot = this.clock.timer(this.options.bootMs, () => {
      this.#cancelBoot = null;
    });
  }

  stop(): void {
    this.#cancelBoot?.();
    this.#cancelBoot = null;
    this.radio.reset();
    this.settings.isOn = false;
  }

  fromHost(bytes: Uint8Array): void {
    if (this.#cancelBoot || this.options.defects.isNoRnode) return;
    for (const command of this.#reader.push(bytes)) this.#obey(command);
  }

  #obey({ command, data }: KissCommand): void {
    const [value = 0] = data;
    if (command === DATA) this.#send(data);
    else if (command === 0x06) this.#switch(value);
    else if (command >= 0x01 && command <= 0x0c && command !== 0x08 && command !== 0x0a)
      this.#set(command, data);
    else this.#answer(command, value);
  }

  /** Settings are clamped, and echoed as they are now; 0 or FF only asks. */
  #set(command: number, data: Uint8Array): void {
    const { settings } = this;
    const value = data.reduce((sum, byte) => sum * 256 + byte, 0);
    const clamped = (low: number, high: number): number => Math.min(high, Math.max(low, value));
    if (command === 0x01) this.#frequency(value);
    else if (command === 0x02) {
      if (value > 0) settings.bandwidthHz = clamped(7_800, 500_000);
      this.#say(0x02, bigEndian(settings.bandwidthHz, 4));
    } else if (command === 0x03) {
      if (value !== QUERY) settings.txPowerDbm = clamped(0, this.options.txPowerDbmMax);
      this.#say(0x03, [settings.txPowerDbm]);
    } else if (command === 0x04) {
      if (value !== QUERY) settings.spreadingFactor = clamped(5, 12);
      this.#say(0x04, [settings.spreadingFactor]);
    } else if (command === 0x05) {
      if (value !== QUERY) settings.codingRate = clamped(5, 8);
      this.#say(0x05, [settings.codingRate]);
    } else if (command === 0x0b || command === 0x0c) {
      if (command === 0x0b) settings.shortLock = value;
      else settings.longLock = value;
      this.#say(command, bigEndian(value, 2));
    }
  }

  #answer(command: number, value: number): void {
    if (command === 0x08 && value === 0x73) this.#say(0x08, [0x46]);
    else if (command === 0x0a && value === QUERY) this.#switch(0);
    else if (command === 0x0f) this.#say(0x0f, [this.radio.hasRoom ? 1 : 0]);
    else if (command === 0x21) this.#say(0x21, bigEndian(this.receivedCount, 4));
    else if (command === 0x22) this.#say(0x22, bigEndian(this.radio.sentCount, 4));
    else if (command === 0x47) this.#say(0x47, [0x35]);
    else if (command === 0x48) this.#say(0x48, [0x80]);
    else if (command === 0x49) this.#say(0x49, [0x81]);
    else if (command === 0x50) this.#say(0x50, [1, 80]);
    else if (command === 0x55 && value === 0xf8) this.restart();
  }

  #frequency(hz: number): void {
    if (hz > 0) this.settings.frequencyHz = hz;
    const echoed = this.settings.frequencyHz + (this.options.defects.wrongEcho ? 10_000 : 0);
    this.#say(0x01, bigEndian(echoed, 4));
  }

  #switch(state: number): void {
    const { settings, options } = this;
    const isSetUp = settings.frequencyHz > 0 && settings.bandwidthHz > 0 && settings.spreadingFactor > 0;
    if (state === 1 && (!isSetUp || options.defects.failsInit)) this.#say(0x90, [0x01]);
    else if (state !== QUERY) settings.isOn = state === 1;
    if (!settings.isOn) this.radio.reset();
    this.#say(0x06, [settings.isOn ? 1 : 0]);
  }

  #send(data: Uint8Array): void {
    if (!this.settings.isOn || data.length === 0 || data.length > DATA_BYTES_MAX) return;
    if (!this.radio.put(data, this.settings)) this.#say(0x90, [0x04]);
  }

  #heard(payload: Uint8Array, how: { readonly rssi: number; readonly snr: number }): void {
    if (!this.settings.isOn) return;
    this.receivedCount++;
    this.#say(0x23, [how.rssi + 157]);
    this.#say(0x24, [(how.snr * 4) & 0xff]);
    this.#say(DATA, payload);
  }

  #say(command: number, data: ArrayLike<number>): void {
    this.#port?.feed(kissFrame(command, data));
  }
}

function bigEndian(value: number, byteCount: number): number[] {
  return Array.from({ length: byteCount }, (_, at) => (value >>> (8 * (byteCount - 1 - at))) & 0xff);
}

const DATA = 0x00;
const QUERY = 0xff;
/** Bytes of data a command waits for; one where nothing is said. */
const LENGTHS: Readonly<Record<number, number>> = { 1: 4, 2: 4, 11: 2, 12: 2 };
