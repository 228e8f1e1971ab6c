import { PluginOptions } from "@estafette/contract";
import { serialFrameBytes } from "@estafette/framing";
import { SERIAL_LIMITS } from "./limits.js";

export interface SerialConfig {
  /** Absolute path; best the stable name under /dev/serial/by-id. */
  readonly port: string;
  /** Bits per second between computer and modem [300…921 600]. Default 9 600. */
  readonly baud: number;
  /** Largest parcel in bytes [48…1 500]. Default 255. */
  readonly parcelBytesMax: number;
  /** Bits per second on the air [10…1 000 000]. Default: eight tenths of `baud`, a cable with start and stop bits. */
  readonly bitsPerSecond: number;
  /** Change from receiving to sending and propagation, in milliseconds [0…60 000]. Default 0. */
  readonly turnaroundMs: number;
  /** What the modem adds to each frame, in milliseconds [0…60 000]: keying, its own header, the pause that ends a frame,
   *  and the gap it leaves to the others. Too low, and parcels pile up in the modem, where a more urgent one cannot
   *  overtake them. Default: full duplex 0; half duplex three times `turnaroundMs`, 12 bytes of air, and 20. */
  readonly frameOverheadMs: number;
  /** Default `half`: most modems on a serial port are radios. */
  readonly duplex: "half" | "full";
  /** Typical time until an answer, beyond airtime, in milliseconds [0…86 400 000]. Default 250. */
  readonly answerMs: number;
  /** Channel time we may use in a sliding hour, in milliseconds [1…3 600 000]; default `null`, unlimited. */
  readonly airtimeMsPerHourMax: number | null;
  /** Hardware flow control (RTS/CTS). Default false. */
  readonly rtscts: boolean;
}

/** Milliseconds one parcel occupies the channel, framing included. */
export function frameAirtimeMs(config: Pick<SerialConfig, "bitsPerSecond">, byteCount: number): number {
  return (serialFrameBytes(byteCount) * 8_000) / config.bitsPerSecond;
}

/** Throws ConfigError naming the key and the fix. */
export function parseSerialConfig(raw: unknown): SerialConfig {
  const given = new PluginOptions("serial", raw, "write port: /dev/serial/by-id/… and baud: 9600");
  given.allowOnly(KEYS);
  const baud = given.integer("baud", 9_600, 300, 921_600);
  const { parcelBytesMin, parcelBytesMax } = SERIAL_LIMITS;
  const bitsPerSecond = given.integer("bitsPerSecond", Math.floor(baud * 0.8), 10, 1_000_000);
  const turnaroundMs = given.integer("turnaroundMs", 0, 0, 60_000);
  const duplex = given.oneOf("duplex", ["half", "full"]);
  const config: SerialConfig = {
    port: given.serialPort("port"),
    baud,
    parcelBytesMax: given.integer("parcelBytesMax", 255, parcelBytesMin, parcelBytesMax),
    bitsPerSecond,
    turnaroundMs,
    frameOverheadMs: given.integer(
      "frameOverheadMs",
      usualOverheadMs(duplex, turnaroundMs, bitsPerSecond),
      0,
      60_000,
    ),
    duplex,
    answerMs: given.integer("answerMs", 250, 0, 86_400_000),
    airtimeMsPerHourMax: given.optionalInteger("airtimeMsPerHourMax", 1, 3_600_000),
    rtscts: given.flag("rtscts"),
  };
  const largestMs = Math.ceil(frameAirtimeMs(config, config.parcelBytesMax));
  if (config.airtimeMsPerHourMax !== null && config.airtimeMsPerHourMax < largestMs) {
    const fix = `write at least ${largestMs}, the airtime of one full parcel, or lower parcelBytesMax`;
    throw given.wrong("EST_CONFIG_VALUE", "airtimeMsPerHourMax", fix);
  }
  return config;
}

function usualOverheadMs(duplex: "half" | "full", turnaroundMs: number, bitsPerSecond: number): number {
  if (duplex === "full") return 0;
  return Math.min(60_000, 3 * turnaroundMs + Math.ceil((12 * 8_000) / bitsPerSecond) + 20);
}

const KEYS = [
  "port",
  "baud",
  "parcelBytesMax",
  "bitsPerSecond",
  "turnaroundMs",
  "frameOverheadMs",
  "duplex",
  "answerMs",
  "airtimeMsPerHourMax",
  "rtscts",
];
