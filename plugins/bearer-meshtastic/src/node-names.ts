/** `!0e570001`, as every Meshtastic program writes a node number. */
export function nodeName(num: number): string {
  return `!${num.toString(16).padStart(8, "0")}`;
}

/** Null: no node name, or one nobody has (0, broadcast). */
export function nodeNumber(name: string): number | null {
  if (!/^![0-9a-f]{8}$/.test(name)) return null;
  const num = Number.parseInt(name.slice(1), 16);
  return num === 0 || num === 0xffffffff ? null : num;
}
