import type { ByteSink, ByteSource } from "./bytes.js";

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const namedZones = ["", "GMT", "-0000", "UTC", "+0000 (UTC)", "+0000 (GMT)"];

/** A date of RFC 5322 §3.3 in the two spellings that programs write, and what rebuilds its exact text. */
export interface MailDate {
  /** Seconds since 1970-01-01 UTC [0…2³²−1]. */
  readonly unixS: number;
  /** East of Greenwich, quarter hours [−60…60]. */
  readonly zoneQuarters: number;
  /** Bits 0–2: days from the true weekday, 7 none written; bit 3: day without leading zero; bits 4–6: zone name. */
  readonly style: number;
}

/** `null` unless {@link formatDate} gives the same text again. */
export function parseDate(text: string): MailDate | null {
  const form =
    /^(?:([A-Z][a-z]{2}), )?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) ([+-]\d{4}(?: \(UTC\)| \(GMT\))?|GMT|UTC)$/;
  const found = form.exec(text);
  if (found === null) return null;
  const [, day, date = "", month = "", year = "", hour = "", minute = "", second = "", zone = ""] = found;
  const named = Math.max(0, namedZones.indexOf(zone));
  const zoneMinutes = named > 0 ? 0 : Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3, 5));
  const zoneQuarters = (zone.startsWith("-") ? -1 : 1) * (zoneMinutes / 15);
  const localMs = Date.UTC(+year, months.indexOf(month), +date, +hour, +minute, +second);
  const unixS = localMs / 1_000 - zoneQuarters * 900;
  if (
    !Number.isInteger(zoneQuarters) ||
    !Number.isInteger(unixS) ||
    unixS < 0 ||
    unixS > 0xffffffff ||
    Math.abs(zoneQuarters) > 60
  )
    return null;
  const weekday = day === undefined ? 7 : (days.indexOf(day) - new Date(localMs).getUTCDay() + 7) % 7;
  const style = weekday | (date.length === 1 ? 8 : 0) | (named << 4);
  const parsed = { unixS, zoneQuarters, style };
  return formatDate(parsed) === text ? parsed : null;
}

export function formatDate(date: MailDate): string {
  const local = new Date((date.unixS + date.zoneQuarters * 900) * 1_000);
  const weekday = date.style & 7;
  const day = weekday === 7 ? "" : `${days[(local.getUTCDay() + weekday) % 7]}, `;
  const dayOfMonth = String(local.getUTCDate()).padStart(date.style & 8 ? 1 : 2, "0");
  const time = local.toISOString().slice(11, 19);
  const month = months[local.getUTCMonth()];
  return `${day}${dayOfMonth} ${month} ${local.getUTCFullYear()} ${time} ${zoneText(date)}`;
}

function zoneText(date: MailDate): string {
  const named = namedZones[(date.style >> 4) & 7];
  if (named !== undefined && named !== "") return named;
  const minutes = Math.abs(date.zoneQuarters) * 15;
  const digits = String(Math.floor(minutes / 60) * 100 + (minutes % 60)).padStart(4, "0");
  return `${date.zoneQuarters < 0 ? "-" : "+"}${digits}`;
}

/** Which of the optional bytes a date needs: bit 0 zone, bit 1 style. */
export function dateShape(date: MailDate): number {
  return (date.zoneQuarters !== 0 ? 1 : 0) | (date.style !== 0 ? 2 : 0);
}

export function writeDate(date: MailDate, raw: ByteSink): void {
  for (const shift of [24, 16, 8, 0]) raw.byte((date.unixS >>> shift) & 255);
  if (date.zoneQuarters !== 0) raw.byte(date.zoneQuarters & 255);
  if (date.style !== 0) raw.byte(date.style);
}

export function readDate(shape: number, raw: ByteSource): MailDate {
  let unixS = 0;
  for (let i = 0; i < 4; i++) unixS = unixS * 256 + raw.byte();
  const zoneQuarters = shape & 1 ? (raw.byte() << 24) >> 24 : 0;
  const style = shape & 2 ? raw.byte() : 0;
  return { unixS, zoneQuarters, style };
}
