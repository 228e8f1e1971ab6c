import type { Telemetry } from "@estafette/relay";
import type { Log } from "./log.js";

/** Writes what happens in a gateway to its log: no addresses, subjects or bodies. */
export function logTelemetry(log: Log): (event: Telemetry) => void {
  return (event) => {
    const [level, message, fields] = lineOf(event);
    log(level, message, fields);
  };
}

type Line = readonly [
  level: "debug" | "info" | "warn",
  message: string,
  fields: Readonly<Record<string, unknown>>,
];

function lineOf(event: Telemetry): Line {
  switch (event.type) {
    case "link": {
      const level = event.state === "broken" ? "warn" : "info";
      return [level, `link ${event.state}`, { link: event.link, detail: event.detail }];
    }
    case "paused":
      return [
        "info",
        "link paused",
        { link: event.link, why: event.why, s: Math.ceil(event.waitMs / 1_000) },
      ];
    case "neighbour":
      return [
        "info",
        `neighbour ${event.state}`,
        { link: event.link, peer: event.peer, detail: event.detail },
      ];
    case "accepted": {
      const { submissionId: id, class: messageClass, bytes, to } = event;
      return ["info", "accepted", { id, class: messageClass, bytes, recipient_count: to.length }];
    }
    case "composed": {
      const { envelopeId: envelope, submissionIds, envelopeBytes: bytes } = event;
      return ["info", "composed", { ids: submissionIds.join(","), envelope, bytes }];
    }
    case "progress": {
      const { link, envelopeId: envelope, bytes, totalBytes: of } = event;
      return ["debug", "progress", { link, envelope, bytes, of }];
    }
    case "forwarded":
      return ["info", "forwarded", { link: event.link, peer: event.peer, envelope: event.envelopeId }];
    case "arrived": {
      const { envelopeId: envelope, verified, ageMs } = event;
      return ["info", "arrived", { envelope, verified, age_s: Math.round(ageMs / 1_000) }];
    }
    case "relayed":
      return ["info", "relayed", { envelope: event.envelopeId }];
    case "delivered": {
      const { bridge, messageId: message, to } = event;
      return ["info", "delivered", { bridge, message, recipient_count: to.length }];
    }
    case "receipt":
      return ["info", "receipt", { id: event.submissionId }];
    case "ended":
      return ["info", "ended", { id: event.submissionId, end: event.end }];
    case "refused": {
      const { link, peer, envelopeId: envelope, why } = event;
      return ["warn", "refused", { link, peer, envelope, why }];
    }
    case "fault":
      return ["warn", "fault", { where: event.where, detail: event.detail }];
  }
}
