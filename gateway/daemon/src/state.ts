import { chmod, lstat, mkdir, readFile, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ConfigError, invariant, OperatingError, type Rng } from "@estafette/contract";
import { createIdentity, type Identity } from "@estafette/protocol";
import { writeFileDurably } from "@estafette/runtime";

/** What a gateway is, apart from its mail: made at the first start, never again. */
export interface GatewayState {
  readonly directory: string;
  readonly identity: Identity;
  /** 32 bytes; what users' messages are sealed with while they rest here. */
  readonly atRestKey: Uint8Array;
}

const KEY_BYTES = 32;

/**
 * Opens the state directory: makes it (0700) and its two keys (0600) at the first start, and refuses to go on when
 * others could read them. A key that is there but damaged is never replaced: that would be another gateway.
 * @throws ConfigError EST_CONFIG_SECRET naming the file and the command that mends it; OperatingError when the
 * directory cannot be used.
 */
export async function openState(path: string, rng: Rng): Promise<GatewayState> {
  await makeDirectory(path);
  const directory = await realpath(path);
  await refuseOthers(directory, "directory");
  const root = await keyFile(join(directory, "identity.key"), rng);
  const atRestKey = await keyFile(join(directory, "at-rest.key"), rng);
  return { directory, identity: createIdentity(root), atRestKey };
}

async function makeDirectory(path: string): Promise<void> {
  try {
    const made = await mkdir(path, { recursive: true, mode: 0o700 });
    if (made !== undefined) await chmod(path, 0o700);
  } catch (cause) {
    throw new OperatingError(
      "EST_OPERATING_UNAVAILABLE",
      `cannot make the state directory ${path}: ${reason(cause)}`,
      {
        cause,
      },
    );
  }
}

async function keyFile(path: string, rng: Rng): Promise<Uint8Array> {
  const text = await readIfThere(path);
  if (text === null) {
    const key = rng.bytes(KEY_BYTES);
    await writeFileDurably(path, `${Buffer.from(key).toString("hex")}\n`, 0o600);
    return key;
  }
  await refuseOthers(path, "file");
  const hex = text.trim();
  if (!/^[0-9a-f]{64}$/.test(hex)) {
    throw new ConfigError("EST_CONFIG_SECRET", "this key file is damaged", {
      file: path,
      fix: "restore it from a backup; if there is none, move the whole state directory away and start anew",
    });
  }
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new OperatingError("EST_OPERATING_UNAVAILABLE", `cannot read ${path}: ${reason(cause)}`, { cause });
  }
}

/** Complains when somebody else than the owner may read or write. */
async function refuseOthers(path: string, kind: "file" | "directory"): Promise<void> {
  const { mode } = await lstat(path);
  if ((mode & 0o077) === 0) return;
  const wanted = kind === "file" ? "600" : "700";
  throw new ConfigError("EST_CONFIG_SECRET", `this ${kind} may be read by others (mode ${octal(mode)})`, {
    file: path,
    fix: `run: chmod ${wanted} ${path}`,
  });
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}

export function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** Absolute path of something the configuration names, relative to the configuration file. */
export function besideConfig(configFile: string, path: string): string {
  invariant(path.length > 0, "a configured path is not empty");
  return path.startsWith("/") ? path : join(dirname(configFile), path);
}
