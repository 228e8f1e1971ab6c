/**
 * Fair turns among flows of one class: the flow that was given the fewest bytes goes first, so that each gets a
 * parcel in turn. One that was away begins level with the least served and cannot save up a claim. Bounded by the
 * transfers that are open.
 */
export class Flows {
  private readonly open = new Map<string, { transfers: number; servedBytes: number }>();

  opened(flow: string): void {
    const known = this.open.get(flow);
    if (known !== undefined) {
      known.transfers++;
      return;
    }
    let least = Number.POSITIVE_INFINITY;
    for (const { servedBytes } of this.open.values()) least = Math.min(least, servedBytes);
    this.open.set(flow, { transfers: 1, servedBytes: this.open.size === 0 ? 0 : least });
  }

  closed(flow: string): void {
    const known = this.open.get(flow);
    if (known !== undefined && --known.transfers === 0) this.open.delete(flow);
  }

  clear(): void {
    this.open.clear();
  }

  served(flow: string, byteCount: number): void {
    const known = this.open.get(flow);
    if (known !== undefined) known.servedBytes += byteCount;
  }

  /** The same transfers, by turns of their flows; those of one flow in their order. */
  inTurn<T extends { readonly flow: string }>(transfers: readonly T[]): readonly T[] {
    if (this.open.size < 2) return transfers;
    const served = ({ flow }: T): number => this.open.get(flow)?.servedBytes ?? 0;
    return [...transfers].sort((a, b) => served(a) - served(b));
  }
}
