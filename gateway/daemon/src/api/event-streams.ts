import type { ServerResponse } from "node:http";
import type { Clock } from "@estafette/contract";
import type { Relay, Telemetry } from "@estafette/relay";
import { DAEMON_LIMITS as LIMITS } from "../limits.js";
import { ApiProblem } from "./problem.js";

/** Live events as JSON lines. A reader that falls behind is cut off rather than buffered for. */
export class EventStreams {
  #open = 0;
  constructor(
    readonly relay: Relay,
    readonly clock: Clock,
  ) {}

  open(response: ServerResponse): "streaming" {
    if (this.#open >= LIMITS.eventListenersMax) {
      throw new ApiProblem(429, "too-many-listeners", `at most ${LIMITS.eventListenersMax} at once`);
    }
    this.#open++;
    response.writeHead(200, { "content-type": "application/jsonl", "cache-control": "no-store" });
    response.flushHeaders();
    const end = this.relay.listen((event) => {
      response.write(`${JSON.stringify({ at: this.#now(), ...renderEvent(event) })}\n`);
      if (response.writableLength > LIMITS.eventBacklogBytesMax) response.destroy();
    });
    response.once("close", () => {
      end();
      this.#open--;
    });
    return "streaming";
  }

  #now(): string | null {
    return this.clock.trust() === "untrusted" ? null : new Date(this.clock.unixMs()).toISOString();
  }
}

/** Field names as in the rest of the interface: `submissionId` → `submission_id`. */
function renderEvent(event: Telemetry): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(event).map(([key, value]) => [
      key.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`),
      value,
    ]),
  );
}
