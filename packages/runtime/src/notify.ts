import { execFile } from "node:child_process";
import { RUNTIME_LIMITS } from "./limits.js";

/** `sent`; `not-supervised`: no service manager asked; `unavailable`: systemd-notify is missing or failed. */
export type NotifyResult = "sent" | "not-supervised" | "unavailable";

/** Tells systemd about this service, for example `READY=1`, `WATCHDOG=1`, `STOPPING=1`, `STATUS=…` (sd_notify(3)).
 *  The socket is a Unix datagram socket, which Node cannot open, so the program systemd-notify sends for us; the
 *  unit therefore needs `NotifyAccess=all`. Never throws: a gateway runs without a service manager too. */
export function notifyService(
  state: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<NotifyResult> {
  if (!environment.NOTIFY_SOCKET) return Promise.resolve("not-supervised");
  return new Promise((resolve) => {
    const options = { env: environment, timeout: RUNTIME_LIMITS.notifyMsMax };
    execFile("systemd-notify", [...state], options, (error) => resolve(error ? "unavailable" : "sent"));
  });
}
