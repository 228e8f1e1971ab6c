const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const codeOf = Uint8Array.from(alphabet, (c) => c.charCodeAt(0));
const sextetOf = new Uint8Array(256).fill(255);
for (const [value, code] of codeOf.entries()) sextetOf[code] = value;

/** Lines of base64 (RFC 2045 §6.8): every line `lineChars` long but the last, `endings` CRLFs after the last. */
export interface Base64Layout {
  /** Characters of a full line, a multiple of 4 [4…252]. */
  readonly lineChars: number;
  /** CRLFs after the last line [0…255]. */
  readonly endings: number;
}

/** Decoded content and layout, or `null` unless {@link encodeBase64} reproduces `body` byte by byte. */
export function decodeBase64(body: Uint8Array): { content: Uint8Array; layout: Base64Layout } | null {
  let end = body.length;
  let endings = 0;
  while (end >= 2 && body[end - 1] === 10 && body[end - 2] === 13) {
    end -= 2;
    endings++;
  }
  if (end === 0 || endings > 255) return null;
  const firstCr = body.indexOf(13);
  const lineChars = firstCr < 0 || firstCr >= end ? Math.min(252, Math.ceil(end / 4) * 4) : firstCr;
  if (lineChars < 4 || lineChars > 252 || lineChars % 4 !== 0) return null;
  const content = decodeLines(body.subarray(0, end), lineChars);
  return content === null ? null : { content, layout: { lineChars, endings } };
}

function decodeLines(body: Uint8Array, lineChars: number): Uint8Array | null {
  const out = new Uint8Array(Math.ceil(body.length / 4) * 3);
  let used = 0;
  for (let start = 0; start < body.length; start += lineChars + 2) {
    const end = Math.min(start + lineChars, body.length);
    if ((end - start) % 4 !== 0) return null;
    if (end < body.length && (body[end] !== 13 || body[end + 1] !== 10 || end + 2 === body.length))
      return null;
    for (let i = start; i < end; i += 4) {
      const last = i + 4 === body.length;
      const count = quad(body, i, last, out, used);
      if (count === 0) return null;
      used += count;
    }
  }
  return out.slice(0, used);
}

/** Octets written for one group of four, 0 when it is not canonical base64. */
function quad(body: Uint8Array, at: number, last: boolean, out: Uint8Array, used: number): number {
  const a = sextetOf[body[at] ?? 0] ?? 255;
  const b = sextetOf[body[at + 1] ?? 0] ?? 255;
  if (a === 255 || b === 255) return 0;
  const thirdPads = body[at + 2] === 61;
  const fourthPads = body[at + 3] === 61;
  const c = thirdPads ? 0 : (sextetOf[body[at + 2] ?? 0] ?? 255);
  const d = fourthPads ? 0 : (sextetOf[body[at + 3] ?? 0] ?? 255);
  if (c === 255 || d === 255) return 0;
  if (fourthPads && !last) return 0;
  if (thirdPads && (!fourthPads || (b & 15) !== 0)) return 0;
  if (!thirdPads && fourthPads && (c & 3) !== 0) return 0;
  out[used] = (a << 2) | (b >> 4);
  if (thirdPads) return 1;
  out[used + 1] = ((b & 15) << 4) | (c >> 2);
  if (fourthPads) return 2;
  out[used + 2] = ((c & 3) << 6) | d;
  return 3;
}

/** Bytes {@link encodeBase64} will need, so that a bound can be checked before memory is taken. */
export function base64Bytes(contentBytes: number, layout: Base64Layout): number {
  const chars = Math.ceil(contentBytes / 3) * 4;
  const lines = Math.ceil(chars / layout.lineChars);
  return chars + 2 * (Math.max(lines, 1) - 1 + layout.endings);
}

export function encodeBase64(content: Uint8Array, layout: Base64Layout): Uint8Array {
  const out = new Uint8Array(base64Bytes(content.length, layout));
  let used = 0;
  let column = 0;
  for (let i = 0; i < content.length; i += 3) {
    if (column === layout.lineChars) {
      out[used++] = 13;
      out[used++] = 10;
      column = 0;
    }
    const a = content[i] ?? 0;
    const b = content[i + 1] ?? 0;
    const c = content[i + 2] ?? 0;
    out[used++] = codeOf[a >> 2] ?? 0;
    out[used++] = codeOf[((a & 3) << 4) | (b >> 4)] ?? 0;
    out[used++] = i + 1 < content.length ? (codeOf[((b & 15) << 2) | (c >> 6)] ?? 0) : 61;
    out[used++] = i + 2 < content.length ? (codeOf[c & 63] ?? 0) : 61;
    column += 4;
  }
  for (let i = 0; i < layout.endings; i++) {
    out[used++] = 13;
    out[used++] = 10;
  }
  return out;
}
