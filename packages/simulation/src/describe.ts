import type { MediumParameters, WorldParameters } from "./world-parameters.js";

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

/** The parameters as lines for a person. */
export function describeParameters(world: WorldParameters): string[] {
  const lines = [
    `seed ${world.seed}: ${world.topology} of ${world.nodes.length}, ${world.submissions} submissions up to ` +
      `${world.bodyBytesMax} bytes, exit ${world.exit === null ? "none" : world.nodes[world.exit]?.name}, ` +
      `${world.strangers ? "strangers between, " : ""}receipts ${world.receipts ? "by default" : "on demand"}`,
    `  outside: ${percent(world.deferred)} put off, hand-over up to ${world.handOverMsMax} ms; retry ${world.retryS.join(", ")} s`,
  ];
  for (const node of world.nodes) {
    lines.push(
      `  ${node.name}: clock ${years(node.wallErrorMs)} ${node.trust}, disk up to ${node.diskMsMax} ms, ` +
        `cut at ${percent(node.cutAtPoint)} of points and every ${minutes(node.cutEveryMs)}, ` +
        `restart every ${minutes(node.restartEveryMs)}, dark up to ${minutes(node.darkMsMax)}, ` +
        `clock steps every ${minutes(node.wallStepEveryMs)}`,
    );
  }
  for (const medium of world.media) {
    const [a, b] = medium.ends;
    lines.push(
      `  ${medium.name}: ${medium.kind} ${world.nodes[a]?.name}–${world.nodes[b]?.name}, ${ratesText(medium)}, ` +
        `${medium.parcelBytesMax} B parcels, ${mailboxText(medium)}loss ${percent(medium.loss)}, twice ${percent(medium.duplication)}, ` +
        `out of order ${percent(medium.reordering)}, out every ${minutes(medium.outageEveryMs)} for up to ` +
        `${minutes(medium.outageMsMax)}, ${percent(medium.asymmetric)} one-sided${boundsText(medium.bounds)}`,
    );
  }
  return lines;
}

function ratesText({ bitsPerSecond, backBitsPerSecond }: MediumParameters): string {
  return `${bitsPerSecond === backBitsPerSecond ? "" : `${bitsPerSecond} and `}${backBitsPerSecond} bit/s`;
}

function mailboxText({ roomParcels, dialled, delayMs, lateMs }: MediumParameters): string {
  return [
    roomParcels === 0
      ? ""
      : `room for ${roomParcels}, there after ${delayMs} to ${Math.max(delayMs, lateMs)} ms, `,
    dialled === null
      ? ""
      : `dialled for ${minutes(dialled.sessionMsMax)}, ${percent(dialled.failure)} in vain, `,
  ].join("");
}

function boundsText(bounds: MediumParameters["bounds"]): string {
  const {
    airtimeMsPerHourMax: hourMs,
    airtimeMsPerDayMax: dayMs,
    drainBytesPerS: drain,
    credits,
    window,
  } = bounds;
  return [
    hourMs === null ? "" : `, duty cycle ${percent(hourMs / HOUR_MS)}`,
    dayMs === null ? "" : `, ${minutes(dayMs)} of airtime a day`,
    drain === null ? "" : `, drains at ${drain} B/s`,
    credits === null
      ? ""
      : `, ${credits.perDay} credits a day, ${credits.perKilobyte} for 1 kB, ${credits.perContact} for a contact`,
    window === null ? "" : `, open for ${window.openMinutes} of ${window.everyMinutes} min`,
  ].join("");
}

function percent(rate: number): string {
  return `${Math.round(rate * 1_000) / 10} %`;
}

function minutes(ms: number): string {
  return ms === 0 ? "never" : `${Math.round(ms / 600) / 100} min`;
}

function years(ms: number): string {
  return `${ms >= 0 ? "+" : ""}${Math.round((ms / YEAR_MS) * 100) / 100} years`;
}
