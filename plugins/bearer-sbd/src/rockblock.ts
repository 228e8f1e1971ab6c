import { ProtocolError, type SendResult } from "@estafette/contract";
import { SBD_LIMITS } from "./limits.js";

/** A message from a ship as the web hook brings it. */
export interface HookMessage {
  readonly imei: string;
  readonly momsn: number;
  /** Empty: a visit that carried nothing. */
  readonly payload: Uint8Array;
}

/** Reads the body of a web hook, a form or JSON. Other fields, the JWT among them, are not looked at: what is inside is
 *  authenticated by the conversation above. Throws ProtocolError. */
export function decodeHook(contentType: string, body: Uint8Array): HookMessage {
  const text = new TextDecoder().decode(body);
  const fields = /^application\/json\b/i.test(contentType) ? jsonFields(text) : formFields(text);
  const imei = fields("imei");
  if (!/^\d{15}$/.test(imei))
    throw new ProtocolError("EST_PROTOCOL_ENCODING", "a web hook names no modem of fifteen digits");
  const momsn = fields("momsn");
  if (!/^\d{1,5}$/.test(momsn) || Number(momsn) > 0xffff)
    throw new ProtocolError("EST_PROTOCOL_RANGE", "a web hook's message has no number of 16 bits");
  return { imei, momsn: Number(momsn), payload: fromHexDigits(fields("data")) };
}

/** The form that puts a message into a ship's queue. */
export function encodeMtForm(
  login: { username: string; password: string },
  imei: string,
  payload: Uint8Array,
): string {
  const data = [...payload].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return new URLSearchParams({ imei, ...login, data }).toString();
}

/** Reads `OK,4114651` or `FAILED,13,…`. Throws ProtocolError. `say` is for the operator of this gateway. */
export function decodeMtAnswer(text: string): { readonly result: SendResult; readonly say: string } {
  if (/^OK(,\d{1,20})?\s*$/.test(text)) return { result: { outcome: "acknowledged" }, say: "taken" };
  const code = /^FAILED,\s*(\d{1,3})(?:,|\s|$)/.exec(text)?.[1];
  if (code === undefined)
    throw new ProtocolError("EST_PROTOCOL_ENCODING", "the web service's answer is neither OK nor FAILED");
  return FAILURES[Number(code)] ?? later(`the web service failed with code ${code}`, "busy", 60_000);
}

function later(say: string, why: "busy" | "budget", retryAfterMs: number) {
  return { say, result: { outcome: "deferred", why, retryAfterMs } as const };
}

const HOUR_MS = 3_600_000;
const FAILURES: Readonly<Record<number, { readonly result: SendResult; readonly say: string }>> = {
  10: later("the web service refuses our login", "budget", HOUR_MS),
  11: { say: "the modem is not on our account", result: { outcome: "refused", why: "unknown-neighbour" } },
  12: later("the modem has no line rental", "budget", HOUR_MS),
  13: later("the account has too little credit", "budget", HOUR_MS),
  15: { say: "the web service finds a message too long", result: { outcome: "refused", why: "too-large" } },
};

type Fields = (name: string) => string;

function formFields(text: string): Fields {
  const form = new URLSearchParams(text);
  return (name) => form.get(name) ?? "";
}

function jsonFields(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError("EST_PROTOCOL_ENCODING", "a web hook's JSON cannot be read", { cause });
  }
  if (typeof value !== "object" || value === null)
    throw new ProtocolError("EST_PROTOCOL_ENCODING", "a web hook's JSON is no object");
  return (name) => {
    const field = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : "";
    return typeof field === "string" || typeof field === "number" ? String(field) : "";
  };
}

function fromHexDigits(digits: string): Uint8Array {
  if (digits.length > SBD_LIMITS.readBytesMax * 2)
    throw new ProtocolError("EST_PROTOCOL_RANGE", "a web hook's message is too long");
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits))
    throw new ProtocolError("EST_PROTOCOL_ENCODING", "a web hook's data is not hexadecimal");
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
  );
}
