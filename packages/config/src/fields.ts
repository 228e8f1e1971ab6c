import { z } from "zod";
import { parseKey } from "./key-text.js";
import { CONFIG_LIMITS } from "./limits.js";
import {
  AIRTIME,
  AIRTIME_PER_DAY,
  BYTE_RATE,
  bareNumber,
  DURATION,
  parseUnit,
  quote,
  RATE,
  SHARE,
  SIZE,
  type UnitKind,
} from "./units.js";

/** A value written as `!secret name`. */
export class Secret {
  constructor(
    readonly name: string,
    readonly value: string,
  ) {}
  /** Keeps the value out of logs and of JSON. */
  toJSON(): string {
    return `!secret ${this.name}`;
  }
}

function withUnit(
  kind: UnitKind,
  bounds: { min: number; max: number; say: string },
): z.ZodType<number, string> {
  return z
    .string({
      error: (issue) => {
        if (typeof issue.input !== "number") return undefined;
        const bare = bareNumber(issue.input, kind);
        return "problem" in bare ? `${bare.problem}\n${bare.fix}` : undefined;
      },
    })
    .transform((text, context) => {
      const result = parseUnit(text, kind);
      if ("problem" in result) return complain(context, result.problem, result.fix);
      if (result.value < bounds.min || result.value > bounds.max) {
        return complain(context, `${quote(text)} is out of range`, `use ${bounds.say}`);
      }
      return result.value;
    });
}

function complain(context: z.RefinementCtx, problem: string, fix: string): never {
  context.addIssue({ code: "custom", message: `${problem}\n${fix}` });
  return z.NEVER;
}

/** Text that `accept` turns into what the program uses, or a message and its mending. */
function word<T>(accept: (text: string) => T | { problem: string; fix: string }): z.ZodType<T, string> {
  return z.string().transform((text, context): T => {
    const result = accept(text);
    if (typeof result === "object" && result !== null && "problem" in result) {
      return complain(context, result.problem, result.fix);
    }
    return result as T;
  });
}

export const duration = (min: string, max: string): z.ZodType<number, string> =>
  withUnit(DURATION, { min: base(min, DURATION), max: base(max, DURATION), say: `${min} to ${max}` });
export const size = (min: string, max: string): z.ZodType<number, string> =>
  withUnit(SIZE, { min: base(min, SIZE), max: base(max, SIZE), say: `${min} to ${max}` });
export const airtime = (): z.ZodType<number, string> =>
  withUnit(AIRTIME, { min: 1, max: 3_600_000, say: "1 s to 1h, or 1 % to 100 %" });
export const airtimePerDay = (): z.ZodType<number, string> =>
  withUnit(AIRTIME_PER_DAY, { min: 1, max: 86_400_000, say: "1 s to 24h, or 1 % to 100 %" });
export const byteRate = (): z.ZodType<number, string> =>
  withUnit(BYTE_RATE, { min: 1, max: 1e8, say: "1 B/s to 100 MB/s" });
/** As a fraction [0…0.9]. */
export const share = (): z.ZodType<number, string> =>
  withUnit(SHARE, { min: 0, max: 9_000, say: "0 % to 90 %" }).transform((hundredths) => hundredths / 10_000);
export const rate = (): z.ZodType<number, string> =>
  withUnit(RATE, { min: 1, max: 1e9, say: "1 bit/s to 1000 Mbit/s" });

function base(text: string, kind: UnitKind): number {
  const result = parseUnit(text, kind);
  return "value" in result ? result.value : Number.NaN;
}

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const DOMAIN =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
const LOCAL_PART = /^(?=.{1,64}$)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;

export const isName = (text: string): boolean => NAME.test(text);

/** Of a node, peer, link: lower case, one to 32 characters, so that it fits file names, logs and headers. */
export const name = (): z.ZodType<string, string> =>
  word((text) =>
    isName(text)
      ? text
      : { problem: `${quote(text)} is not a name`, fix: "use 1 to 32 of a-z, 0-9 and inner hyphens" },
  );

export const domain = (): z.ZodType<string, string> =>
  word((text) =>
    DOMAIN.test(text.toLowerCase())
      ? text.toLowerCase()
      : { problem: `${quote(text)} is not a mail domain`, fix: "write for example aurora.ship.example" },
  );

/** `anna@aurora.ship.example`, or `*@domain`: every local part that nobody else has. */
export const mailbox = (): z.ZodType<string, string> =>
  word((text) => {
    const lower = text.toLowerCase();
    const at = lower.lastIndexOf("@");
    const local = lower.slice(0, Math.max(0, at));
    const good = at > 0 && DOMAIN.test(lower.slice(at + 1)) && (local === "*" || LOCAL_PART.test(local));
    if (good) return lower;
    return {
      problem: `${quote(text)} is not a mail address`,
      fix: "write for example anna@aurora.ship.example",
    };
  });

/** An address as in {@link mailbox}, or `@domain`: whoever writes from there. */
export const sender = (): z.ZodType<string, string> =>
  word((text) => {
    const lower = text.toLowerCase();
    const at = lower.lastIndexOf("@");
    const good =
      at >= 0 && DOMAIN.test(lower.slice(at + 1)) && (at === 0 || LOCAL_PART.test(lower.slice(0, at)));
    if (good) return lower;
    return {
      problem: `${quote(text)} is neither a mail address nor @domain`,
      fix: "write for example anna@aurora.ship.example or @aurora.ship.example",
    };
  });

/** Of a radio station: letters and digits, and -1 to -15 for a further station of the same call. */
export const callSign = (): z.ZodType<string, string> =>
  word((text) =>
    /^[A-Z0-9]{1,6}(?:-(?:[0-9]|1[0-5]))?$/i.test(text)
      ? text.toUpperCase()
      : { problem: `${quote(text)} is not a call sign`, fix: "write for example N0CALL or N0CALL-7" },
  );

/** `host:port` or `[v6]:port`; port 0 lets the system choose. */
export const hostPort = (): z.ZodType<string, string> =>
  word((text) => {
    const match = /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):([0-9]{1,5})$/.exec(text);
    if (match && Number(match[2]) <= 65_535) return text;
    return {
      problem: `${quote(text)} is not host:port`,
      fix: "write for example 127.0.0.1:2525 or [::1]:2525",
    };
  });

export const rootKey = (): z.ZodType<Uint8Array, string> =>
  word((text) => {
    const root = parseKey(text);
    if (root !== null) return root;
    const problem = text.toLowerCase().startsWith("estkey1")
      ? "this key has a typing mistake: its checksum is wrong"
      : `${quote(text)} is not a root key`;
    return { problem, fix: "copy it from `estafette peer invite` of that gateway; it begins with estkey1" };
  });

export const path = (): z.ZodType<string, string> =>
  word((text) =>
    text.length > 0 && text.length <= 4_096 && !text.includes("\0")
      ? text
      : { problem: `${quote(text)} is not a path`, fix: "write for example /var/lib/estafette" },
  );

/** Refuses plain text: a secret does not lie in this file. */
export const secret = (): z.ZodType<string, Secret> =>
  z
    .custom<Secret>((value) => value instanceof Secret, {
      error: "a secret must not stand in this file\nwrite !secret name and put the value into secrets.yaml",
    })
    .transform((held, context) => {
      if (held.value.length > 0 && held.value.length <= CONFIG_LIMITS.secretCharactersMax) return held.value;
      return complain(
        context,
        `the secret ${quote(held.name)} is empty or too long`,
        "write 1 to 4096 characters",
      );
    });
