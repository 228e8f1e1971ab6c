import { CliError, EXIT } from "./exit.js";
import { CLI_LIMITS as LIMITS } from "./limits.js";

/** Where a command reads and writes: data on `out`, everything else on `err`. */
export interface Io {
  readonly env: NodeJS.ProcessEnv;
  readonly isTerminal: boolean;
  out(text: string): void;
  err(text: string): void;
  /** All of stdin. Throws CliError when it is too large. */
  readStdin(): Promise<Buffer>;
}

export function processIo(): Io {
  return {
    env: process.env,
    isTerminal: process.stdout.isTTY === true,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    readStdin,
  };
}

async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let byteCount = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    byteCount += chunk.length;
    if (byteCount > LIMITS.stdinBytesMax) {
      throw new CliError(EXIT.badData, `more than ${LIMITS.stdinBytesMax} bytes on stdin`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
