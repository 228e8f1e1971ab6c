/*
 * Programs break text at a column. A broken line costs a line end, and hides phrases from the compressor when they
 * run over it. Where greedy filling at one width explains a break, the break travels as a space; a line that
 * filling would break though its writer did not begins with 0x01.
 */
const widthMin = 40;
const widthMax = 100;
const unbroken = "\x01";

/** Text (binary, LF) with explained breaks as spaces, and the width that explains most; `null` when none does. */
export function unwrapText(text: string): { width: number; text: string } | null {
  if (text.includes(unbroken)) return null;
  const lines = text.split("\n");
  const width = bestWidth(lines);
  if (width === null) return null;
  const out: string[] = [];
  let group: string[] = [];
  for (const line of lines) {
    const previous = group.at(-1);
    if (previous !== undefined && !joins(previous, line, width)) {
      out.push(...joined(group, width));
      group = [];
    }
    group.push(line);
  }
  out.push(...joined(group, width));
  return { width, text: out.join("\n") };
}

/** The inverse of {@link unwrapText}. */
export function rewrapText(text: string, width: number): string {
  const lines = text.split("\n");
  return lines
    .map((line) => (line.startsWith(unbroken) ? line.slice(1) : fill(line, width).join("\n")))
    .join("\n");
}

function joined(group: readonly string[], width: number): string[] {
  const paragraph = group.join(" ");
  const again = fill(paragraph, width);
  if (again.length === group.length && again.every((line, i) => line === group[i])) return [paragraph];
  return group.map((line) => (fill(line, width).length === 1 ? line : unbroken + line));
}

/** Greedy filling: the last single space that keeps a line within `width` characters becomes a break. Linear. */
function fill(paragraph: string, width: number): string[] {
  const lines: string[] = [];
  let start = 0;
  for (;;) {
    let count = 0;
    let breakAt = -1;
    let i = start;
    for (; i < paragraph.length && count <= width; i++) {
      if (isSingleSpace(paragraph, i) && i > start) breakAt = i;
      if (!isContinuation(paragraph, i)) count++;
    }
    if (count <= width || breakAt < 0) {
      lines.push(paragraph.slice(start));
      return lines;
    }
    lines.push(paragraph.slice(start, breakAt));
    start = breakAt + 1;
  }
}

function isSingleSpace(text: string, at: number): boolean {
  const next = text[at + 1];
  return text[at] === " " && text[at - 1] !== " " && next !== " " && next !== undefined;
}

/** Second and later octets of a UTF-8 character: programs count characters. */
function isContinuation(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x80 && code <= 0xbf;
}

function length(line: string): number {
  let count = 0;
  for (let i = 0; i < line.length; i++) if (!isContinuation(line, i)) count++;
  return count;
}

function firstWord(line: string): string {
  const space = line.indexOf(" ");
  return space < 0 ? line : line.slice(0, space);
}

function joinable(a: string, b: string): boolean {
  return a !== "" && b !== "" && !a.endsWith(" ") && !b.startsWith(" ");
}

function joins(a: string, b: string, width: number): boolean {
  if (!joinable(a, b)) return false;
  const chars = length(a);
  return chars <= width && chars + length(firstWord(b)) >= width;
}

/** The width for which most breaks are explained, less the lines that would need a mark. */
function bestWidth(lines: readonly string[]): number | null {
  const change = new Array<number>(widthMax + 2).fill(0);
  const add = (from: number, to: number, value: number): void => {
    if (to < widthMin || from > widthMax) return;
    const low = Math.max(from, widthMin);
    change[low] = (change[low] ?? 0) + value;
    const high = Math.min(to, widthMax) + 1;
    change[high] = (change[high] ?? 0) - value;
  };
  for (const [i, line] of lines.entries()) {
    const chars = length(line);
    const next = lines[i + 1] ?? "";
    if (joinable(line, next)) add(chars, chars + length(firstWord(next)), 1);
    if (line.includes(" ")) add(0, chars - 1, -1);
  }
  let best: number | null = null;
  let bestScore = 0;
  let score = 0;
  for (let width = widthMin; width <= widthMax; width++) {
    score += change[width] ?? 0;
    if (score > bestScore) {
      bestScore = score;
      best = width;
    }
  }
  return best;
}
