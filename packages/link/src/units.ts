/** A set of unit numbers 0…count−1, one bit each. */
export class UnitSet {
  private readonly bits: Uint8Array;
  private members = 0;

  constructor(readonly count: number) {
    this.bits = new Uint8Array(Math.ceil(count / 8));
  }

  get size(): number {
    return this.members;
  }

  has(unit: number): boolean {
    return ((this.bits[unit >>> 3] ?? 0) & (1 << (unit & 7))) !== 0;
  }

  add(unit: number): void {
    if (unit >= this.count || this.has(unit)) return;
    this.bits[unit >>> 3] = (this.bits[unit >>> 3] ?? 0) | (1 << (unit & 7));
    this.members++;
  }

  delete(unit: number): void {
    if (!this.has(unit)) return;
    this.bits[unit >>> 3] = (this.bits[unit >>> 3] ?? 0) & ~(1 << (unit & 7));
    this.members--;
  }

  clear(): void {
    this.bits.fill(0);
    this.members = 0;
  }

  /** Adds every unit from `start` on. */
  addFrom(start: number): void {
    for (let unit = start; unit < this.count; unit++) this.add(unit);
  }

  /** The smallest member ≥ `start`, or −1. */
  next(start: number): number {
    for (let unit = start; unit < this.count; unit++) {
      if ((unit & 7) === 0 && this.bits[unit >>> 3] === 0) unit += 7;
      else if (this.has(unit)) return unit;
    }
    return -1;
  }

  /** Where the run of members that reaches the end begins; `count` when the last unit is no member. */
  tailStart(): number {
    let start = this.count;
    while (start > 0 && this.has(start - 1)) start--;
    return start;
  }
}

/** Which units somebody wants, as it travels: a window of bits from `base`, and whether all beyond it too. */
export interface UnitWindow {
  readonly base: number;
  /** Bit i of byte j, least significant first, is unit base + 8j + i. */
  readonly bitmap: Uint8Array;
  readonly tail: boolean;
}

/** The members as exactly as `bitmapBytesMax` allows; what does not fit is left for the next report. */
export function windowOf(set: UnitSet, bitmapBytesMax: number): UnitWindow {
  const none = new Uint8Array(0);
  const base = set.next(0);
  if (base < 0) return { base: 0, bitmap: none, tail: false };
  const tailStart = set.tailStart();
  if (tailStart <= base) return { base, bitmap: none, tail: true };
  const needed = Math.ceil((tailStart - base) / 8);
  const bitmap = new Uint8Array(Math.min(needed, bitmapBytesMax));
  for (let unit = base; unit < base + bitmap.length * 8; unit++) {
    const at = (unit - base) >>> 3;
    if (set.has(unit)) bitmap[at] = (bitmap[at] ?? 0) | (1 << ((unit - base) & 7));
  }
  const tail = needed <= bitmapBytesMax && base + bitmap.length * 8 < set.count && tailStart < set.count;
  let used = bitmap.length;
  while (!tail && used > 0 && bitmap[used - 1] === 0) used--;
  return { base, bitmap: bitmap.subarray(0, used), tail };
}

/** Makes `set` hold exactly what the window says. Units beyond the end are ignored. */
export function applyWindow(set: UnitSet, window: UnitWindow): void {
  set.clear();
  const end = window.base + window.bitmap.length * 8;
  for (let unit = window.base; unit < Math.min(end, set.count); unit++) {
    const byte = window.bitmap[(unit - window.base) >>> 3] ?? 0;
    if ((byte & (1 << ((unit - window.base) & 7))) !== 0) set.add(unit);
  }
  if (window.tail) set.addFrom(end);
}
