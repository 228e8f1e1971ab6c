import { type ByteLink, type Clock, OperatingError } from "@estafette/contract";
import { SBD_LIMITS } from "./limits.js";
import { checksum, ModemReader } from "./modem-reader.js";
import { parseSessionResult, type SessionResult } from "./session-result.js";

/** What a modem says unasked. */
export type Unsolicited = "ring" | "service" | "no-service";

/** The command under way. */
interface Waiting {
  readonly lines: string[];
  message: Uint8Array | null | undefined;
  readonly isOver: (line: string) => boolean;
  readonly finish: () => void;
}

/** The dialogue with a 9602/9603 over one open port, one command at a time. A method answers null or false when the modem
 *  did not answer as it should; `closed` tells whether the port is gone. */
export class Modem {
  readonly #reader = new ModemReader();
  #waiting: Waiting | null = null;
  closed = false;

  constructor(
    private readonly link: ByteLink,
    private readonly clock: Clock,
    private readonly onUnsolicited: (what: Unsolicited) => void,
  ) {}

  /** Reads until the port closes. Throws OperatingError when it breaks. */
  async run(): Promise<void> {
    try {
      for await (const chunk of this.link.readable) {
        for (const piece of this.#reader.push(chunk)) {
          if (piece.type === "line") this.#onLine(piece.text.trim());
          else if (this.#waiting) this.#waiting.message = piece.bytes;
        }
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    this.closed = true;
    this.link.close();
    this.#waiting?.finish();
  }

  /** Calls until the modem answers, then sets it up as we need it. Throws OperatingError when it never does. */
  async begin(): Promise<void> {
    if (!(await this.#call())) {
      if (this.closed) return;
      throw new OperatingError("EST_OPERATING_PORT_GONE", `${this.link.remote}: the modem does not answer`);
    }
    for (const setting of SETTINGS) await this.#command(setting);
  }

  /** Puts a message into the modem's outgoing buffer. */
  async load(bytes: Uint8Array): Promise<boolean> {
    const ready = await this.#command(`AT+SBDWB=${bytes.length}`, {
      isOver: (line) => line === "READY" || line === "OK" || line === "ERROR",
    });
    if (ready?.at(-1) !== "READY") return this.#recover(false);
    const sum = checksum(bytes);
    const block = Uint8Array.of(...bytes, sum >> 8, sum & 0xff);
    const answer = await this.#exchange(block, {
      isOver: (line) => line === "OK" || line === "ERROR" || line === "1",
    });
    return answer?.includes("0") ? true : this.#recover(false);
  }

  /** Clears the outgoing or the incoming buffer. */
  async clear(which: "outgoing" | "incoming"): Promise<boolean> {
    const answer = await this.#command(`AT+SBDD${which === "outgoing" ? 0 : 1}`);
    return answer?.includes("0") ? true : this.#recover(false);
  }

  /** One session with the satellite; null: its outcome is unknown. */
  async session(answersRing: boolean): Promise<SessionResult | null> {
    const command = answersRing ? "AT+SBDIXA" : "AT+SBDIX";
    const answer = await this.#command(command, { msMax: SBD_LIMITS.sessionMsMax });
    for (const line of answer ?? []) {
      try {
        if (line.startsWith("+SBDIX")) return parseSessionResult(line);
      } catch {
        return this.#recover(null); // a garbled line: as good as none
      }
    }
    return this.#recover(null);
  }

  /** What the incoming buffer holds, empty when nothing; null: it could not be read. */
  async read(): Promise<Uint8Array | null> {
    for (let attempt = 0; attempt < SBD_LIMITS.readTriesMax && !this.closed; attempt++) {
      this.#reader.expectMessage();
      const message = await this.#readOnce();
      this.#reader.forget();
      if (message) return message;
      if (!(await this.#call())) return null;
    }
    return null;
  }

  async #readOnce(): Promise<Uint8Array | null> {
    let message: Uint8Array | null | undefined;
    await this.#command("AT+SBDRB", {
      onEnd: (waiting) => {
        message = waiting.message;
      },
    });
    return message ?? null;
  }

  /** After an answer that was not one: make sure that the modem listens, and with our settings. */
  async #recover<Value>(value: Value): Promise<Value> {
    if (!this.closed && (await this.#call())) await this.#command("ATE0");
    return value;
  }

  /** Says AT until the modem says OK. */
  async #call(): Promise<boolean> {
    for (let call = 0; call < SBD_LIMITS.callsMax && !this.closed; call++) {
      const answer = await this.#command("AT", { msMax: CALL_MS });
      if (answer?.at(-1) === "OK") return true;
    }
    return false;
  }

  #command(text: string, how: Partial<CommandOptions> = {}): Promise<readonly string[] | null> {
    return this.#exchange(new TextEncoder().encode(`${text}\r`), how);
  }

  /** Writes, and collects lines until one ends the reply; null: none did in time. */
  #exchange(bytes: Uint8Array, how: Partial<CommandOptions>): Promise<readonly string[] | null> {
    if (this.closed) return Promise.resolve(null);
    const { isOver = isFinal, msMax = SBD_LIMITS.commandMsMax } = how;
    return new Promise((resolve) => {
      const finish = (): void => {
        stop();
        this.#waiting = null;
        how.onEnd?.(waiting);
        resolve(waiting.lines.some(isOver) ? waiting.lines : null);
      };
      const waiting: Waiting = { lines: [], message: undefined, isOver, finish };
      const stop = this.clock.timer(msMax, finish);
      this.#waiting = waiting;
      this.link.write(bytes).catch(() => this.close());
    });
  }

  #onLine(line: string): void {
    const event = unsolicitedOf(line);
    if (event) {
      this.onUnsolicited(event);
      return;
    }
    const waiting = this.#waiting;
    if (!waiting || line === "" || /^AT/i.test(line) || /^\+CIEV:/.test(line)) return; // echo, signal strength
    if (waiting.lines.length < SBD_LIMITS.replyLinesMax) waiting.lines.push(line);
    if (waiting.isOver(line)) {
      if (waiting.lines.at(-1) !== line) waiting.lines.push(line);
      waiting.finish();
    }
  }
}

interface CommandOptions {
  readonly isOver: (line: string) => boolean;
  readonly msMax: number;
  readonly onEnd: (waiting: Waiting) => void;
}

/** Also a ring that a modem writes in front of another line. */
function unsolicitedOf(line: string): Unsolicited | null {
  if (line === "SBDRING") return "ring";
  const service = /^\+CIEV:\s*1\s*,\s*([01])$/.exec(line);
  if (!service) return null;
  return service[1] === "1" ? "service" : "no-service";
}

function isFinal(line: string): boolean {
  return line === "OK" || line === "ERROR";
}

/** No echo, no flow control on three wires, DTR ignored, ring alerts, events of service. */
const SETTINGS = ["ATE0", "AT&K0", "AT&D0", "AT+SBDMTA=1", "AT+CIER=1,0,1"];
const CALL_MS = 2_000;
