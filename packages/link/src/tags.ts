/** Tags whose low 5 bits differ: so many short names are told apart. */
const SHORT_NAMES = 32;
const HALF = SHORT_NAMES / 2;

/** The full tag nearest to the one `expected` next whose low 5 bits are `low`; never below 0. */
export function nearestTag(expected: number, low: number): number {
  const near = expected - (expected % SHORT_NAMES) + low;
  if (near - expected >= HALF && near >= SHORT_NAMES) return near - SHORT_NAMES;
  return expected - near > HALF ? near + SHORT_NAMES : near;
}

/**
 * Numbers our transfers, and knows which may be named by the low 5 bits alone. A short verdict would be a promise
 * of custody for the wrong transfer if two of ours could be meant. So a short name belongs to one tag until a
 * verdict for that tag was heard, even if we took the transfer back; meanwhile others go by their full tag.
 */
export class OutgoingTags {
  private next = 0;
  /** One beyond the highest tag that the neighbour said it knows. */
  private known = 0;
  private readonly owners = new Map<number, number>();

  /** `ordered`: nothing can come late, so short names may be used. */
  number(ordered: boolean): number {
    const tag = this.next++;
    const low = tag % SHORT_NAMES;
    if (ordered && !this.owners.has(low)) this.owners.set(low, tag);
    return tag;
  }

  wasGiven(tag: number): boolean {
    return tag < this.next;
  }

  /** May the neighbour answer with the short name? */
  ownsShort(tag: number): boolean {
    return this.owners.get(tag % SHORT_NAMES) === tag;
  }

  /** And will it understand the short name, whatever of ours it has heard by now? */
  mayPushShort(tag: number): boolean {
    return this.ownsShort(tag) && tag < this.known + HALF && this.next - tag <= HALF;
  }

  /** The neighbour has heard of this tag. */
  heardOf(tag: number): void {
    if (this.wasGiven(tag)) this.known = Math.max(this.known, tag + 1);
  }

  /** It has said its verdict. */
  release(tag: number): void {
    this.heardOf(tag);
    if (this.ownsShort(tag)) this.owners.delete(tag % SHORT_NAMES);
  }

  /** Whose short name this is. */
  ownerOf(low: number): number | undefined {
    return this.owners.get(low);
  }

  /** New keys: everything begins at 0. */
  clear(): void {
    this.next = 0;
    this.known = 0;
    this.owners.clear();
  }
}
