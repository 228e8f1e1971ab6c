/** Bytes of one packet on the air, header included. The sizes of the fields around a payload for an application of a
 *  number above 127, as ours: tag and number 3, tag and length of the payload 2 or 3, bit field 2. */

export type Mode = "direct" | "channel";

/** A direct message is sealed (12 bytes more); a broadcast is signed while the signature fits (66 bytes more, firmware
 *  2.8). Never falls as payloads grow: what is too long to be signed counts as much as the longest signed one. */
export function packetBytes(payloadBytes: number, mode: Mode, isSigned: boolean): number {
  const data = dataBytes(payloadBytes);
  if (mode === "direct") return AIR_HEADER_BYTES + data + PKI_BYTES;
  if (!isSigned) return AIR_HEADER_BYTES + data;
  const signed = Math.min(data, SIGNED_DATA_BYTES_MAX) + SIGNATURE_BYTES;
  return AIR_HEADER_BYTES + Math.max(data, signed);
}

function dataBytes(payloadBytes: number): number {
  return 3 + 1 + (payloadBytes > 127 ? 2 : 1) + payloadBytes + 2;
}

const AIR_HEADER_BYTES = 16;
const PKI_BYTES = 12;
const SIGNATURE_BYTES = 66;
/** 255 less the header and the signature. */
const SIGNED_DATA_BYTES_MAX = 173;
