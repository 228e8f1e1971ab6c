/*
 *   to | from | parcel …
 *
 * Raw LoRa knows no stations: everybody hears everything. Two bytes say whose a parcel is. They prove nothing; the
 * link's authentication does.
 */

/** Bytes before each parcel. */
export const ADDRESS_BYTES = 2;

export function addressed(to: number, from: number, parcel: Uint8Array): Uint8Array {
  return Uint8Array.of(to, from, ...parcel);
}

/** Null: too short to be one of ours. */
export function readAddressed(
  payload: Uint8Array,
): { readonly to: number; readonly from: number; readonly parcel: Uint8Array } | null {
  const [to, from] = payload;
  if (to === undefined || from === undefined || payload.length <= ADDRESS_BYTES) return null;
  return { to, from, parcel: payload.slice(ADDRESS_BYTES) };
}
