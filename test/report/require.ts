import { accessSync, constants } from "node:fs";
import { userInfo } from "node:os";
import { delimiter, join } from "node:path";

/** Programs some tests need that npm cannot install: where each lies on Debian, and the package that brings it. */
const PROGRAMS = {
  cc: { files: ["cc"], debian: "gcc libc6-dev" },
  direwolf: { files: ["direwolf"], debian: "direwolf" },
  dovecot: {
    files: [
      "dovecot",
      "/usr/lib/dovecot/imap",
      "/usr/lib/dovecot/lmtp",
      "/usr/lib/dovecot/modules/lib90_sieve_plugin.so",
    ],
    debian: "dovecot-imapd dovecot-lmtpd dovecot-sieve",
  },
  mosquitto: { files: ["mosquitto"], debian: "mosquitto" },
  postfix: { files: ["postfix", "postconf", "/usr/lib/postfix/sbin/master"], debian: "postfix" },
  pulseaudio: {
    files: ["pulseaudio", "/usr/share/alsa/alsa.conf.d/50-pulseaudio.conf"],
    debian: "pulseaudio libasound2-plugins",
  },
  python3: { files: ["python3"], debian: "python3" },
  socat: { files: ["socat"], debian: "socat" },
  swaks: { files: ["swaks"], debian: "swaks" },
} as const;

/** A program from a Debian package. */
export type Program = keyof typeof PROGRAMS;

/** Set to 1 where everything is installed (.ci/run): a missing program is then an error, not a reason to skip. */
const REQUIRED = "ESTAFETTE_REQUIRE_DEBIAN";

/**
 * Whether tests that need these programs must be skipped: `describe.skipIf(needs("dovecot").skip)`. Skipped tests are
 * counted in the last lines of the run. Throws when {@link REQUIRED} is set and a program is missing.
 */
export function needs(...programs: readonly Program[]): { readonly skip: boolean } {
  if (programs.includes("postfix") && userInfo().uid !== 0)
    return without("Postfix's master starts only as root");
  const missing = programs.filter(
    (program) => !PROGRAMS[program].files.every((file) => pathOf(file) !== null),
  );
  if (missing.length === 0) return { skip: false };
  const packages = missing.map((program) => PROGRAMS[program].debian).join(" ");
  return without(`${missing.join(" and ")} not found; apt-get install ${packages}`);
}

function without(sentence: string): { readonly skip: true } {
  if (process.env[REQUIRED] === "1") throw new Error(`${REQUIRED}=1, but ${sentence}`);
  console.log(`skipped: ${sentence}`);
  return { skip: true };
}

/** Full path of an executable, also in the system folders a plain user's PATH leaves out; null: not installed. */
export function pathOf(file: string): string | null {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  const candidates = file.startsWith("/") ? [file] : folders.map((folder) => join(folder, file));
  return candidates.find(isReadable) ?? null;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
