import type { ByteLink, Clock } from "@estafette/contract";
import { EMULATOR_LIMITS } from "./limits.js";
import { ModemPort } from "./modem-port.js";
import type { SbdGateway } from "./sbd-gateway.js";
import { type SbdOptions, sbdOptions } from "./sbd-options.js";
import { SeededChance } from "./seeded-chance.js";

export interface SbdModemSetup extends Partial<SbdOptions> {
  readonly clock: Clock;
  readonly gateway: SbdGateway;
}

/** What the next session does: a MO status, or the defect that the gateway takes the message and its answer is lost. */
export type SessionFate = number | "reply-lost";

/** What the modem expects from the computer next. */
type Reading =
  | { readonly what: "command" }
  | { readonly what: "binary"; readonly count: number; readonly cancel: () => void }
  | { readonly what: "text" };

/** An Iridium 9602/9603 on its serial line, as its AT command reference describes it. */
export class SbdModem {
  readonly options: SbdOptions;
  readonly #chance: SeededChance;
  #port: ModemPort | null = null;
  #input: number[] = [];
  #reading: Reading = { what: "command" };
  /** A session, or another slow command, is under way: input waits. */
  #busy = false;
  #echo = true;
  #ringsWanted = false;
  #eventsWanted = false;
  #registered = false;
  #ringDue = false;
  #service = true;
  #mo: Uint8Array = new Uint8Array(0);
  #mt: Uint8Array = new Uint8Array(0);
  #hasMt = false;
  #momsn = 0;
  #mtmsn = 0;
  #script: SessionFate[] = [];
  #timers = new Set<() => void>();
  sessions = 0;

  constructor(private readonly setup: SbdModemSetup) {
    this.options = sbdOptions(setup);
    this.#chance = new SeededChance(this.options.seed);
    setup.gateway.subscribe(this.options.imei, () => this.#later(this.options.ringMs, () => this.#ring()));
  }

  /** The computer's end of the cable. Opening again pulls the earlier one out. */
  open(): ByteLink {
    this.#port?.unplug();
    this.#port = new ModemPort("sbd modem", (bytes) => this.#take(bytes), EMULATOR_LIMITS.unreadBytesMax);
    return this.#port;
  }

  unplug(): void {
    this.#port?.unplug();
    this.#port = null;
  }

  /** What becomes of the next sessions, one by one; after these, weather. */
  script(...fates: readonly SessionFate[]): void {
    this.#script.push(...fates.slice(0, EMULATOR_LIMITS.sbdScriptMax));
  }

  /** Whether there is a satellite above. */
  setService(service: boolean): void {
    if (service === this.#service) return;
    this.#service = service;
    if (this.#eventsWanted) this.#say(`+CIEV:0,${service ? 4 : 0}`, `+CIEV:1,${service ? 1 : 0}`);
    if (service && this.setup.gateway.queued(this.options.imei) > 0) this.#ring();
  }

  /** Power off and on: buffers and settings are gone, and the line may spit. */
  powerCycle(): void {
    this.close();
    this.#input = [];
    this.#reading = { what: "command" };
    this.#busy = false;
    this.#echo = true;
    this.#ringsWanted = this.#eventsWanted = this.#registered = this.#ringDue = false;
    this.#mo = this.#mt = new Uint8Array(0);
    this.#hasMt = false;
    const { garbageBytes } = this.options;
    if (garbageBytes > 0)
      this.#port?.feed(Uint8Array.from({ length: garbageBytes }, () => this.#chance.below(256)));
  }

  /** Bytes for the computer that nobody sent. */
  inject(bytes: Uint8Array): void {
    this.#port?.feed(bytes);
  }

  /** Cancels what is under way; the line stays. */
  close(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #take(bytes: Uint8Array): boolean {
    if (this.#input.length + bytes.length > EMULATOR_LIMITS.unreadBytesMax) return true; // overrun: lost
    this.#input.push(...bytes);
    this.#consume();
    return true;
  }

  #consume(): void {
    while (!this.#busy && this.#input.length > 0) {
      if (this.#reading.what === "binary") {
        if (this.#input.length < this.#reading.count + 2) return;
        this.#reading.cancel();
        this.#writeBinary(this.#input.splice(0, this.#reading.count + 2));
        continue;
      }
      const end = this.#input.indexOf(CR);
      if (end < 0) {
        if (this.#input.length > EMULATOR_LIMITS.sbdLineBytesMax) this.#input = [];
        return;
      }
      const line = this.#input.splice(0, end + 1);
      if (this.#echo) this.#port?.feed(Uint8Array.from(line));
      const text = String.fromCharCode(...line.slice(0, -1)).trim();
      if (this.#reading.what === "text") this.#writeText(text);
      else if (text !== "") this.#obey(text);
    }
  }

  #obey(line: string): void {
    const command = line.toUpperCase();
    if (command.startsWith("AT+SBDWB=")) this.#prepareBinary(Number(command.slice(9)));
    else if (command === "AT+SBDWT") {
      this.#reading = { what: "text" };
      this.#say("READY");
    } else if (command.startsWith("AT+SBDWT=")) {
      const fits = line.length - 9 <= 120;
      if (fits) this.#mo = latin1(line.slice(9));
      this.#say(fits ? "OK" : "ERROR");
    } else if (/^AT\+SBDIXA?(=.*)?$/.test(command)) void this.#session();
    else if (command === "AT+SBDRB") this.#readBinary();
    else if (command === "AT+SBDRT") this.#say(`+SBDRT:\r\n${String.fromCharCode(...this.#mt)}`, "OK");
    else if (/^AT\+SBDD[012]$/.test(command)) this.#clear(Number(command.at(-1)));
    else if (command === "AT+SBDTC") this.#copy();
    else if (this.#isStatus(command)) this.#status(command);
    else this.#set(command);
  }

  #isStatus(command: string): boolean {
    return ["AT+SBDS", "AT+SBDSX", "AT+CSQ", "AT+CSQF", "AT-MSSTM", "AT+CGSN", "AT+GSN"].includes(command);
  }

  #status(command: string): void {
    const mo = this.#mo.length > 0 ? 1 : 0;
    const mt = this.#hasMt ? 1 : 0;
    const mtmsn = this.#hasMt ? this.#mtmsn : -1;
    if (command.endsWith("GSN")) this.#say(this.options.imei, "OK");
    else if (!this.options.answersStatus) this.#say("ERROR");
    else if (command === "AT+SBDS") this.#say(`+SBDS: ${mo}, ${this.#momsn}, ${mt}, ${mtmsn}`, "OK");
    else if (command === "AT+SBDSX") {
      const ring = this.#ringDue ? 1 : 0;
      this.#say(`+SBDSX: ${mo}, ${this.#momsn}, ${mt}, ${mtmsn}, ${ring}, 0`, "OK");
    } else if (command === "AT-MSSTM")
      this.#say(this.#service ? "-MSSTM: 1a2b3c4d" : "-MSSTM: no network service", "OK");
    else if (command === "AT+CSQF") this.#say(`+CSQF:${this.#service ? 4 : 0}`, "OK");
    else {
      this.#busy = true;
      this.#later(2_000, () => this.#finish(`+CSQ:${this.#service ? 4 : 0}`, "OK"));
    }
  }

  #set(command: string): void {
    if (command === "ATE0" || command === "ATE1") this.#echo = command === "ATE1";
    else if (command.startsWith("AT+SBDMTA=")) this.#ringsWanted = command.endsWith("1");
    else if (command.startsWith("AT+CIER=")) this.#eventsWanted = command.startsWith("AT+CIER=1");
    else if (/^AT\+SBDA?REG(=.*)?$/.test(command)) this.#registered = true;
    else if (!/^AT($|&[KDWFY]\d?$|Z\d?$|V1$|Q0$|\*F$)/.test(command)) {
      this.#say("ERROR");
      return;
    }
    this.#say("OK");
  }

  #prepareBinary(count: number): void {
    if (!Number.isInteger(count) || count < 1 || count > EMULATOR_LIMITS.sbdMoBytesMax) {
      this.#say("3", "OK");
      return;
    }
    const cancel = this.#later(60_000, () => {
      this.#reading = { what: "command" };
      this.#input = [];
      this.#say("1");
    });
    this.#reading = { what: "binary", count, cancel };
    this.#say("READY");
  }

  #writeBinary(bytes: readonly number[]): void {
    this.#reading = { what: "command" };
    const payload = bytes.slice(0, -2);
    const claimed = ((bytes.at(-2) ?? 0) << 8) | (bytes.at(-1) ?? 0);
    const isWhole = claimed === checksum(payload);
    if (isWhole) this.#mo = Uint8Array.from(payload);
    this.#say(isWhole ? "0" : "2", "OK");
  }

  #writeText(text: string): void {
    this.#reading = { what: "command" };
    const fits = text.length <= EMULATOR_LIMITS.sbdMoBytesMax;
    if (fits) this.#mo = latin1(text);
    this.#say(fits ? "0" : "1", "OK");
  }

  #readBinary(): void {
    const sum = checksum([...this.#mt]);
    const length = this.#mt.length;
    this.#port?.feed(Uint8Array.from([length >> 8, length & 0xff, ...this.#mt, sum >> 8, sum & 0xff]));
    this.#ringInside();
    this.#say("OK");
  }

  #clear(which: number): void {
    if (which !== 1) this.#mo = new Uint8Array(0);
    if (which !== 0) {
      this.#mt = new Uint8Array(0);
      this.#hasMt = false;
    }
    this.#say("0", "OK");
  }

  #copy(): void {
    this.#mt = this.#mo.slice();
    this.#hasMt = true;
    this.#say(`SBDTC: Outbound SBD copied to Inbound SBD: size = ${this.#mo.length}`, "OK");
  }

  /** The MO buffer survives a session; so does the MT buffer until the next message overwrites it. */
  async #session(): Promise<void> {
    this.sessions++;
    this.#busy = true;
    const fate = this.#script.shift() ?? this.#weather();
    const { sessionMs, failureMs } = this.options;
    const [least, most] = fate === 0 || fate === "reply-lost" ? sessionMs : failureMs;
    const takesMs = least + this.#chance.fraction() * (most - least);
    await new Promise<void>((resolve) => void this.#later(takesMs, resolve));
    const completed = typeof fate === "number" && fate <= 4;
    const up = this.#mo.slice();
    if (completed && this.#service) return this.#completed(up);
    if (fate === "reply-lost") this.setup.gateway.session(this.options.imei, this.#momsn, up, true);
    this.#answer([
      typeof fate === "number" && !completed ? fate : fate === "reply-lost" ? 18 : 32,
      this.#momsn,
      2,
      0,
      0,
      0,
    ]);
  }

  #completed(up: Uint8Array): void {
    const { mt, queued } = this.setup.gateway.session(this.options.imei, this.#momsn, up, false);
    this.#registered = true;
    if (queued === 0) this.#ringDue = false;
    const used = this.#momsn;
    this.#momsn = (this.#momsn + 1) & 0xffff;
    if (mt) {
      this.#mt = mt.payload;
      this.#hasMt = true;
      this.#mtmsn = mt.mtmsn;
    }
    this.#answer([0, used, mt ? 1 : 0, mt?.mtmsn ?? 0, mt?.payload.length ?? 0, queued]);
  }

  #weather(): SessionFate {
    if (!this.#service) return 32;
    return this.#chance.happens(this.options.failures) ? 18 : 0;
  }

  #answer(fields: readonly number[]): void {
    this.#write(`+SBDIX: ${fields.join(this.options.spaces ? ", " : ",")}`);
    this.#ringInside();
    this.#finish("OK");
  }

  #finish(...lines: readonly string[]): void {
    this.#busy = false;
    this.#say(...lines);
    this.#consume();
  }

  #ring(): void {
    this.#ringDue = true;
    if (!this.#ringsWanted || !this.#registered || !this.#service) return;
    if (this.#busy && this.options.ringInsideReply) return; // comes in the middle of the reply
    this.#write("SBDRING");
  }

  #ringInside(): void {
    if (this.options.ringInsideReply && this.#ringDue && this.#ringsWanted) this.#write("SBDRING");
  }

  #say(...lines: readonly string[]): void {
    for (const line of lines) this.#write(line);
  }

  #write(line: string): void {
    this.#port?.feed(latin1(`\r\n${line}\r\n`));
  }

  /** After so many scaled milliseconds; the returned function cancels. */
  #later(delayMs: number, then: () => void): () => void {
    const cancel = this.setup.clock.timer(delayMs / this.options.timeScale, () => {
      this.#timers.delete(cancel);
      then();
    });
    this.#timers.add(cancel);
    return () => {
      this.#timers.delete(cancel);
      cancel();
    };
  }
}

/** Sum of the bytes, modulo 65 536: "hello" is 0x0214. */
function checksum(bytes: readonly number[]): number {
  return bytes.reduce((sum, byte) => (sum + byte) & 0xffff, 0);
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);
}

const CR = 0x0d;
