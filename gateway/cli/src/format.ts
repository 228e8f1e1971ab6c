/** Text that may come from far away, made fit for a terminal: no control characters, bounded. */
export function plain(value: unknown, charactersMax = 200): string {
  const text = String(value ?? "").replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, " ");
  return text.length > charactersMax ? `${text.slice(0, charactersMax - 1)}…` : text;
}

/** `1.2 kB`. */
export function bytesText(byteCount: number): string {
  if (byteCount < 1_000) return `${byteCount} B`;
  if (byteCount < 1_000_000) return `${(byteCount / 1_000).toFixed(1)} kB`;
  return `${(byteCount / 1_000_000).toFixed(1)} MB`;
}

/** `45 s`, `12 min`, `6 h`, `3 d`. Rounded up: nobody complains about what comes early. */
export function spanText(spanMs: number): string {
  if (spanMs < 120_000) return `${Math.ceil(spanMs / 1_000)} s`;
  if (spanMs < 7_200_000) return `${Math.ceil(spanMs / 60_000)} min`;
  if (spanMs < 172_800_000) return `${Math.ceil(spanMs / 3_600_000)} h`;
  return `${Math.ceil(spanMs / 86_400_000)} d`;
}

/** Columns as wide as their widest cell; the last one runs on. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd((widths[i] ?? 0) + 2)))
      .join("")
      .trimEnd(),
  );
  return lines.map((line) => `${line}\n`).join("");
}
