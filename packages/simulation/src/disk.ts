/** Directories of a world. Given from outside, because this package itself never touches files. */
export interface WorldDisk {
  /** An existing directory for this node alone; the same one at every call. */
  directoryOf(node: string): string;
  /** Content of every file below it. */
  filesOf(node: string): Iterable<{ readonly name: string; readonly bytes: Uint8Array }>;
}
