import { scrypt, timingSafeEqual } from "node:crypto";
import type { UserConfig } from "@estafette/config";
import type { Account, Clock, Rng } from "@estafette/contract";
import { DAEMON_LIMITS as LIMITS } from "./limits.js";
import type { Log } from "./log.js";
import { accountOf } from "./settings.js";

/** scrypt (RFC 7914): N = 2¹⁵ and r = 8 take 32 MB and about 0.1 s; maxmem leaves room for the block buffers. */
const SCRYPT = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1_048_576 } as const;
const HASH_BYTES = 32;
const SALT_BYTES = 16;

type Authenticate = (user: string, password: string) => Promise<Account | null>;

/**
 * Checks passwords against scrypt hashes. A name that does not exist costs the same time as one that does; a name
 * with five wrong passwords waits 30 s, then twice as long each time, at most 15 min. Hashes are made one after the
 * other in the background, so that a long list of users does not delay the start.
 */
export function createAuthenticator(options: {
  readonly users: readonly UserConfig[];
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}): Authenticate {
  const { users, clock, rng, log } = options;
  const turns = new Turns();
  const patience = new Patience(clock);
  const known = new Map<string, Login>();
  for (const user of users) {
    if (user.password === null) continue;
    const salt = rng.bytes(SALT_BYTES);
    const { password } = user;
    known.set(user.name, {
      account: accountOf(user),
      salt,
      hash: once(() => turns.background(() => hashOf(password, salt))),
    });
  }
  const stranger: Login = {
    account: { name: "", addresses: [] },
    salt: rng.bytes(SALT_BYTES),
    hash: async () => new Uint8Array(HASH_BYTES),
  };
  void warm(known, log);
  return async (user, password) => {
    const login = known.get(user);
    if (patience.mustWait(user)) {
      log("info", "login refused: too many wrong passwords");
      return null;
    }
    const { salt, hash, account } = login ?? stranger;
    const given = await turns.take(() => hashOf(password.slice(0, LIMITS.secretBytesMax), salt));
    if (given === null) return null;
    const right = timingSafeEqual(given, await hash()) && login !== undefined;
    patience.saw(user, right);
    if (!right) log("info", "login refused: wrong user or password");
    return right ? account : null;
  };
}

interface Login {
  readonly account: Account;
  readonly salt: Uint8Array;
  readonly hash: () => Promise<Uint8Array>;
}

async function warm(known: ReadonlyMap<string, Login>, log: Log): Promise<void> {
  for (const { hash } of known.values()) {
    await hash().catch((error: unknown) => log("warn", "a password could not be hashed", { error }));
  }
}

function hashOf(password: string, salt: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFKC"), salt, HASH_BYTES, SCRYPT, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make();
    return made;
  };
}

/** At most so many checks at once, since each takes 32 MB; a bounded line waits, the rest is turned away. */
class Turns {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  async take<T>(work: () => Promise<T>): Promise<T | null> {
    if (this.#waiting.length >= LIMITS.passwordChecksWaitingMax) return null;
    return this.background(work);
  }

  /** Waits as long as it takes. */
  async background<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= LIMITS.passwordChecksMax) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}

/** Who gave wrong passwords, and until when they must wait. */
class Patience {
  readonly #names = new Map<string, { wrong: number; waitUntilMs: number }>();
  constructor(readonly clock: Clock) {}

  mustWait(name: string): boolean {
    return (this.#names.get(name)?.waitUntilMs ?? 0) > this.clock.monotonicMs();
  }

  saw(name: string, right: boolean): void {
    const before = this.#names.get(name);
    this.#names.delete(name);
    if (right) return;
    const wrong = (before?.wrong ?? 0) + 1;
    const over = wrong - LIMITS.wrongPasswordsMax;
    const waitMs =
      over < 0
        ? 0
        : Math.min(LIMITS.wrongPasswordWaitMsMax, LIMITS.wrongPasswordWaitMs * 2 ** Math.min(over, 20));
    this.#names.set(name, { wrong, waitUntilMs: waitMs === 0 ? 0 : this.clock.monotonicMs() + waitMs });
    if (this.#names.size <= LIMITS.wrongPasswordNamesMax) return;
    const oldest = this.#names.keys().next();
    if (!oldest.done) this.#names.delete(oldest.value);
  }
}
