import type { MemoryProfile } from "@estafette/bearer-memory";
import type { Folders, Sample } from "./messages.js";
import type { AirPair } from "./pair.js";
import { single, waiting } from "./plays.js";
import { HALF_DUPLEX, SLOW } from "./profiles.js";
import type { Measured, RowPlan } from "./rows.js";

/*
 * How much of what a bad channel lets through is mail. A row's value is goodput: bytes of the envelopes delivered (header,
 * signature, sealed payload) in percent of the bytes of all frames that arrived ashore, framing included. So repeats nobody
 * needed, questions, handshakes and framing count against us; what the channel lost does not.
 */

/** Losses of frames, in both directions alike. */
const WEATHERS: readonly {
  readonly name: string;
  readonly percent: number;
  readonly of: Partial<MemoryProfile>;
}[] = [
  { name: "0", percent: 90, of: { loss: 0 } },
  { name: "5", percent: 75, of: { loss: 0.05 } },
  { name: "20", percent: 75, of: { loss: 0.2 } },
  // Nothing is promised beyond a fifth: these rows are within when everything arrives with a goodput of one half.
  { name: "40", percent: 50, of: { loss: 0.4 } },
  { name: "bursts", percent: 50, of: { loss: 0.02, bursts: { everyMs: 60_000, meanMs: 15_000, loss: 0.9 } } },
];

const LINKS: readonly { readonly name: string; readonly profile: MemoryProfile }[] = [
  { name: "1200", profile: { ...SLOW, lossy: true, presence: "unseen", parcelBytesMax: 255 } },
  { name: "300hd", profile: { ...HALF_DUPLEX, lossy: true, presence: "unseen", parcelBytesMax: 255 } },
];

const PLAYS = [
  { name: "small-waiting", folder: "small", play: waiting },
  { name: "mail-waiting", folder: "mail", play: waiting },
  { name: "small-single", folder: "small", play: single },
  { name: "mail-single", folder: "mail", play: single },
] as const;

/** Every play on every link in every weather: `mail-waiting-1200-loss20`. */
export const LOSSY_ROWS: readonly RowPlan[] = PLAYS.flatMap(({ name, folder, play }) =>
  LINKS.flatMap((link) =>
    WEATHERS.map((weather) => ({
      id: `${name}-${link.name}-loss${weather.name}`,
      budget: weather.percent,
      atLeast: true,
      needs: [folder],
      measure: (folders: Folders) => measure(folders[folder], { ...link.profile, ...weather.of }, play),
    })),
  ),
);

async function measure(
  samples: readonly Sample[],
  profile: MemoryProfile,
  play: typeof waiting | typeof single,
): Promise<Measured> {
  let [heardBytes, envelopeBytes] = [0, 0];
  const look = (pair: AirPair): void => {
    heardBytes = pair.shore.tally("air").bytesHeard;
    for (const event of pair.ship.events) if (event.type === "composed") envelopeBytes += event.envelopeBytes;
  };
  const { intact, of } = await play(samples, profile, { look });
  return { value: (100 * envelopeBytes) / heardBytes, unit: "% goodput", delivered: intact, of };
}
