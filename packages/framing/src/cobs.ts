/** Bytes COBS adds at most to `byteCount` bytes: one, and one more for every full run of 254 (Cheshire and
 *  Baker, "Consistent Overhead Byte Stuffing", 1999, §3). */
export function cobsOverhead(byteCount: number): number {
  return 1 + Math.floor(byteCount / 254);
}

/** Rewrites `bytes` so that no zero remains. No delimiter is added. */
export function cobsEncode(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length + cobsOverhead(bytes.length));
  let codeAt = 0;
  let at = 1;
  let code = 1;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte !== 0) {
      out[at++] = byte;
      code++;
    }
    if (byte === 0 || (code === 0xff && i + 1 < bytes.length)) {
      out[codeAt] = code;
      codeAt = at++;
      code = 1;
    }
  }
  out[codeAt] = code;
  return out.subarray(0, at);
}

/** The bytes given to {@link cobsEncode}, or `null` when `bytes` is empty, holds a zero or ends inside a run.
 *  Damage on a line is weather, so it is a value and not an error. */
export function cobsDecode(bytes: Uint8Array): Uint8Array | null {
  if (bytes.length === 0) return null;
  const out = new Uint8Array(bytes.length);
  let outAt = 0;
  let at = 0;
  while (at < bytes.length) {
    const code = bytes[at++] ?? 0;
    const runEnd = at + code - 1;
    if (code === 0 || runEnd > bytes.length) return null;
    while (at < runEnd) {
      const byte = bytes[at++] ?? 0;
      if (byte === 0) return null;
      out[outAt++] = byte;
    }
    if (code !== 0xff && at < bytes.length) out[outAt++] = 0;
  }
  return out.subarray(0, outAt);
}
