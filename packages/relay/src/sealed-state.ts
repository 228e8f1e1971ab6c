import { ProtocolError } from "@estafette/contract";
import type { Core } from "./core.js";

/** The parts of the core that keeping a value needs. */
export type Keeper = Pick<Core, "spool" | "vault" | "fail">;

/** A named value of the core, sealed at rest. Null: there is none, or another at-rest key sealed it. */
export async function readSealed(core: Keeper, name: string): Promise<Uint8Array | null> {
  const sealed = await core.spool.getState(name);
  try {
    return sealed && core.vault.open(sealed, name);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return null;
  }
}

/** Keeps a value that may be lost without harm: it makes the next meeting cheap. A store that is full keeps it not. */
export async function writeSealed(core: Keeper, name: string, value: Uint8Array | null): Promise<void> {
  try {
    await core.spool.putState(name, value && core.vault.seal(value, name));
  } catch (error) {
    core.fail(error, name.slice(0, name.indexOf("/")));
  }
}
