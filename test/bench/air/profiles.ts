import { type MemoryProfile, memoryProfiles } from "@estafette/bearer-memory";

/** A fast stream without loss, as TCP between two machines of one room. bearer-tcp puts two bytes before each parcel. */
export const STREAM: MemoryProfile = { ...memoryProfiles.stream, overheadBytes: 2 };

/**
 * A transparent modem on a serial line at 1200 bit/s with one second of delay. Frames of bearer-serial (COBS, CRC-32,
 * delimiters) add 7 bytes; it carries parcels of up to 2,048.
 */
export const SLOW: MemoryProfile = {
  ...memoryProfiles.stream,
  parcelBytesMax: 2_048,
  overheadBytes: 7,
  bitsPerSecond: 1_200,
  delayMs: { min: 1_000, max: 1_000 },
  answerMs: 2_500,
};

/** The same line over a half-duplex radio modem at 300 bit/s. */
export const HALF_DUPLEX: MemoryProfile = {
  ...SLOW,
  duplex: "half",
  bitsPerSecond: 300,
  turnaroundMs: 250,
  delayMs: { min: 50, max: 50 },
  answerMs: 700,
};

/**
 * 9600 bit/s with a `down` when the link goes: a TCP connection over a routed radio, as the peers were measured on.
 * bearer-tcp's two bytes a parcel, not the seven of a serial line; parcels as long as a serial line would carry.
 */
export const CUT: MemoryProfile = {
  ...STREAM,
  parcelBytesMax: 2_048,
  bitsPerSecond: 9_600,
  delayMs: { min: 200, max: 200 },
  answerMs: 600,
};

/**
 * Meshtastic LongFast: about 1 kbit/s, one station speaks at a time. A direct message carries 219 bytes, a channel 231;
 * the radio adds a header of 16 bytes. Nothing is lost here: the row asks how many parcels a text is, not how many repeats.
 */
export function lora(parcelBytesMax: number): MemoryProfile {
  return {
    ...memoryProfiles.lossyDatagram,
    neighbours: "one",
    parcelBytesMax,
    bitsPerSecond: 1_070,
    airtimeMsPerHourMax: null,
    loss: 0,
    duplication: 0,
    delayMs: { min: 0, max: 0 },
  };
}
