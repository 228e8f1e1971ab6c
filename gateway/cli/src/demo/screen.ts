import type { Telemetry } from "@estafette/daemon";
import { bytesText, plain } from "../format.js";

/** Where the demo tells its story: line by line, with one line that is written over on a terminal. */
export class Screen {
  #open = false;
  readonly #told = new Map<string, number>();

  constructor(
    readonly write: (text: string) => void,
    readonly isTerminal: boolean,
  ) {}

  say(text = ""): void {
    this.write(`${this.#open ? "\n" : ""}${text}\n`);
    this.#open = false;
  }

  /** What a gateway reports, if a person wants to see it. */
  show(who: string, event: Telemetry): void {
    if (event.type === "progress") {
      if (event.direction === "in") this.#progress(who, event);
      return;
    }
    const text = describe(event);
    if (text !== null) this.say(`  ${who.padEnd(7)} ${text}`);
  }

  #progress(who: string, event: Extract<Telemetry, { type: "progress" }>): void {
    const share = event.totalBytes === 0 ? 1 : event.bytes / event.totalBytes;
    const step = Math.floor(share * 4);
    const before = this.#told.get(event.envelopeId) ?? -1;
    if (!this.isTerminal && step <= before) return;
    this.#told.set(event.envelopeId, step);
    const bar = "#".repeat(Math.round(share * 24)).padEnd(24, ".");
    const text = `  ${who.padEnd(7)} receiving [${bar}] ${event.bytes} of ${event.totalBytes} B`;
    if (this.isTerminal) {
      this.write(`\r${text}${share >= 1 ? "\n" : ""}`);
      this.#open = share < 1;
    } else this.say(text);
  }
}

function describe(event: Telemetry): string | null {
  switch (event.type) {
    case "neighbour": {
      const verb = event.state === "established" ? "met" : "lost";
      return `${verb} ${plain(event.peer)} on ${plain(event.link)}${event.detail ? `, ${plain(event.detail)}` : ""}`;
    }
    case "accepted":
      return `accepted ${event.submissionId}: on disk, cannot be lost any more`;
    case "composed":
      return `joined, compressed, sealed, signed: ${bytesText(event.mailBytes)} of mail -> ${bytesText(event.envelopeBytes)}`;
    case "forwarded":
      return `${plain(event.peer)} confirmed that it keeps the message`;
    case "arrived":
      return `arrived, path ${plain(event.path)}, signatures ${event.verified ? "verified" : "UNVERIFIED"}`;
    case "delivered":
      return `delivered: ${plain(event.detail)}`;
    case "receipt":
      return `signed receipt for ${event.submissionId}: ${plain(event.detail)}`;
    case "ended":
      return event.end === "delivered" ? null : `${event.submissionId} ${event.end}: ${plain(event.detail)}`;
    case "refused":
      return `refused ${event.envelopeId.slice(0, 8)}: ${plain(event.why)}`;
    case "fault":
      return `fault in ${plain(event.where)}: ${plain(event.detail)}`;
    default:
      return null;
  }
}
