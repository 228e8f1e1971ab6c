import type { Config } from "@estafette/config";
import { ConfigError, OperatingError } from "@estafette/contract";
import { notifyService, systemClock } from "@estafette/runtime";
import { logTelemetry } from "./events.js";
import { type Gateway, startGateway } from "./gateway.js";
import { DAEMON_LIMITS as LIMITS } from "./limits.js";
import { createLog, type Log } from "./log.js";

/** How a service ended, as its exit code says it (sysexits.h). */
export const EXIT = { ok: 0, software: 70, cannotCreate: 73, temporary: 75, config: 78 } as const;

/** Exit code for an error that ended the service: what the service manager should do next depends on it. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) return EXIT.config;
  if (error instanceof OperatingError)
    return error.code === "EST_OPERATING_LOCKED" ? EXIT.cannotCreate : EXIT.temporary;
  return EXIT.software;
}

/**
 * Runs one gateway until SIGTERM or SIGINT, then stops it within ten seconds. Resolves with the exit code. A broken
 * store or an error of our own ends the process: it starts again from an intact spool, which is the safest state
 * there is.
 */
export async function runService(config: Config, options: { readonly debug: boolean }): Promise<number> {
  const clock = systemClock({ trust: config.clockTrust });
  const log = createLog({ clock, debug: options.debug, write: writeLine });
  process.stderr.on("error", () => {}); // a closed journal must not end a gateway
  const end = ending();
  let gateway: Gateway;
  try {
    gateway = await startGateway({ config, log, clock });
  } catch (error) {
    end.forget();
    throw error;
  }
  gateway.relay.listen(logTelemetry(log));
  gateway.relay.listen((event) => {
    if (event.type !== "fault") return;
    gateway.health().catch((error: unknown) => {
      log("warn", "the store failed; starting again is the safest", { error });
      end.because(exitCodeOf(error));
    });
  });
  log("info", "ready", {
    name: gateway.name,
    address: gateway.address,
    api: gateway.socket,
    ...listeners(gateway),
  });
  await notifyService(["READY=1", `STATUS=ready as ${gateway.name}`]);
  const stopWatchdog = startWatchdog(gateway, log);
  const code = await end.reached;
  stopWatchdog();
  log("info", "stopping");
  await notifyService(["STOPPING=1"]);
  await Promise.race([gateway.stop(), patience(log)]);
  log("info", "stopped", { code });
  end.forget();
  return code;
}

function writeLine(line: string): void {
  process.stderr.write(line);
}

function listeners(gateway: Gateway): Record<string, string> {
  const all: Record<string, string> = {};
  for (const bound of gateway.addresses.values()) Object.assign(all, bound);
  return all;
}

function patience(log: Log): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      log("warn", "did not finish in time; what was acknowledged is on disk");
      resolve();
    }, LIMITS.stopMs);
    timer.unref();
  });
}

interface Ending {
  readonly reached: Promise<number>;
  because(code: number): void;
  forget(): void;
}

/** Whatever comes first: a signal, or an error that nobody caught. */
function ending(): Ending {
  let settle: (code: number) => void = () => {};
  const reached = new Promise<number>((resolve) => {
    settle = resolve;
  });
  const onSignal = (): void => settle(EXIT.ok);
  const onError = (error: unknown): void => {
    writeLine(
      `level=error msg="uncaught error" error=${JSON.stringify(String(error instanceof Error ? error.stack : error))}\n`,
    );
    settle(error instanceof OperatingError ? exitCodeOf(error) : EXIT.software);
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  process.on("uncaughtException", onError);
  process.on("unhandledRejection", onError);
  return {
    reached,
    because: settle,
    forget: () => {
      process.off("SIGTERM", onSignal);
      process.off("SIGINT", onSignal);
      process.off("uncaughtException", onError);
      process.off("unhandledRejection", onError);
    },
  };
}

/** Tells systemd that we live, but only while the event loop turns and the store answers (WatchdogSec, sd_notify(3)). */
function startWatchdog(gateway: Gateway, log: Log): () => void {
  const limitMs = Number(process.env.WATCHDOG_USEC ?? 0) / 1_000;
  if (!(limitMs > 0)) return () => {};
  let asking = false;
  const timer = setInterval(() => {
    if (asking) return;
    asking = true;
    gateway
      .health()
      .then(() => notifyService(["WATCHDOG=1"]))
      .catch((error: unknown) => log("warn", "the store did not answer the watchdog", { error }))
      .finally(() => {
        asking = false;
      });
  }, limitMs / 3);
  return () => clearInterval(timer);
}
