import { lstat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Config } from "@estafette/config";
import { OperatingError } from "@estafette/contract";
import { besideConfig, inspectStore } from "@estafette/daemon";
import { systemClock } from "@estafette/runtime";
import { callApi } from "../api-client.js";
import { checkListeners, checkServers, checkTls } from "./network.js";
import { checkSerialPorts } from "./serial.js";

/** One thing that was looked at. */
export interface Finding {
  readonly what: string;
  /** `note`: worth knowing, not wrong. */
  readonly state: "ok" | "note" | "problem";
  readonly text: string;
  readonly fix?: string;
}

/** Everything about a gateway that can be looked at from outside, in an order a person can follow. */
export async function runChecks(config: Config): Promise<readonly Finding[]> {
  const directory = besideConfig(config.file, config.state.directory);
  const api = await checkApi(config, directory);
  const running = api.state === "ok";
  return [
    ...(await checkState(directory)),
    await checkSpool(directory, config, running),
    await checkDisk(directory, config),
    checkClock(config),
    ...(await checkPeers(config, directory)),
    ...(await checkSerialPorts(config, running)),
    api,
    ...(await checkListeners(config, running)),
    ...(await checkTls(config)),
    ...(await checkServers(config)),
  ];
}

async function checkState(directory: string): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [path, wanted] of [
    [directory, 0o700],
    [join(directory, "identity.key"), 0o600],
    [join(directory, "at-rest.key"), 0o600],
  ] as const) {
    const mode = await modeOf(path);
    if (mode === null) {
      findings.push({
        what: "state",
        state: "note",
        text: `${path} is not there yet; the first start makes it`,
      });
    } else if ((mode & 0o077) !== 0) {
      const text = `${path} may be read by others (mode ${mode.toString(8)})`;
      findings.push({ what: "state", state: "problem", text, fix: `chmod ${wanted.toString(8)} ${path}` });
    } else {
      findings.push({ what: "state", state: "ok", text: `${path} is private` });
    }
  }
  return findings;
}

async function modeOf(path: string): Promise<number | null> {
  try {
    return (await lstat(path)).mode & 0o777;
  } catch {
    return null;
  }
}

/** A running gateway holds its store: then it is asked; else the store is opened, which checks it. */
async function checkSpool(directory: string, config: Config, running: boolean): Promise<Finding> {
  const path = join(directory, "spool");
  if (running) return { what: "store", state: "ok", text: "in use by the running gateway, which answers" };
  if ((await modeOf(path)) === null)
    return { what: "store", state: "note", text: "not there yet; the first start makes it" };
  try {
    const { fill, waitingCount } = await inspectStore(directory, config);
    const text = `opens and is sound; ${waitingCount} waiting, ${Math.round(fill * 100)} % full`;
    if (fill < 0.8) return { what: "store", state: "ok", text };
    return { what: "store", state: "problem", text, fix: "raise state.quota, or free disk space" };
  } catch (error) {
    const locked = error instanceof OperatingError && error.code === "EST_OPERATING_LOCKED";
    const fix = locked
      ? "a gateway holds it but its socket does not answer: look at its log"
      : "stop the gateway, copy the state directory, then look at the log of its last start";
    return {
      what: "store",
      state: "problem",
      text: error instanceof Error ? error.message : String(error),
      fix,
    };
  }
}

/** Our choice: below this many bytes mail will soon be refused. */
const FREE_BYTES_MIN = 64_000_000;

async function checkDisk(directory: string, config: Config): Promise<Finding> {
  const there = (await modeOf(directory)) === null ? dirname(directory) : directory;
  try {
    const { bavail, bsize } = await statfs(there);
    const freeBytes = bavail * bsize;
    const text = `${Math.floor(freeBytes / 1e6)} MB free, quota ${Math.floor(config.state.quotaBytes / 1e6)} MB`;
    if (freeBytes < FREE_BYTES_MIN) return { what: "disk", state: "problem", text, fix: "free some space" };
    if (freeBytes < config.state.quotaBytes)
      return { what: "disk", state: "note", text: `${text}: the disk fills first` };
    return { what: "disk", state: "ok", text };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { what: "disk", state: "problem", text, fix: `make ${there}, or name another state.directory` };
  }
}

function checkClock(config: Config): Finding {
  const trust = systemClock({ trust: config.clockTrust }).trust();
  if (trust === "trusted") return { what: "clock", state: "ok", text: "trusted" };
  const text = trust === "plausible" ? "plausible, but nobody vouches for it" : "certainly wrong";
  const fix =
    "let NTP or GPS set it and say clock: {trust: trusted}; until then nothing is refused for its age";
  return { what: "clock", state: trust === "plausible" ? "note" : "problem", text, fix };
}

async function checkPeers(config: Config, directory: string): Promise<readonly Finding[]> {
  const { PeerBook } = await import("@estafette/daemon");
  const book = await PeerBook.open(config, directory);
  const fix = "run `estafette peer invite` there and `estafette peer accept` here";
  if (book.peers().length === 0 && book.awaited().length === 0) {
    return [{ what: "peers", state: "note", text: "no other gateway is known yet", fix }];
  }
  const awaited = book.awaited().map((name): Finding => {
    return { what: "peers", state: "problem", text: `${name} has no key yet`, fix };
  });
  const known = book
    .peers()
    .map((peer): Finding => ({ what: "peers", state: "ok", text: `${peer.name} is known` }));
  return [...known, ...awaited];
}

async function checkApi(config: Config, directory: string): Promise<Finding> {
  const socket =
    config.apiSocket === null ? join(directory, "api.sock") : besideConfig(config.file, config.apiSocket);
  try {
    await callApi({ socket, method: "GET", path: "/v1/status" });
    return { what: "gateway", state: "ok", text: `running, answers at ${socket}` };
  } catch (error) {
    return {
      what: "gateway",
      state: "note",
      text: `not running: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}
