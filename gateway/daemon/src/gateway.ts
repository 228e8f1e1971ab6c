import { join } from "node:path";
import type { Config, LinkConfig } from "@estafette/config";
import {
  type BearerHost,
  type BridgeAddresses,
  type Clock,
  ConfigError,
  type Rng,
} from "@estafette/contract";
import { formatAddress } from "@estafette/protocol";
import { createRelay, type Relay } from "@estafette/relay";
import { bearerHost, systemClock, systemRng } from "@estafette/runtime";
import { openSpool } from "@estafette/spool";
import { type ApiServer, startApi } from "./api/server.js";
import { placed } from "./load.js";
import type { Log } from "./log.js";
import { createAuthenticator } from "./passwords.js";
import { PeerBook } from "./peer-book.js";
import { loadBearer, loadSmtpBridge } from "./plugins.js";
import { linkSettings, placedMail, relaySettings, smtpOptions } from "./settings.js";
import { besideConfig, type GatewayState, openState } from "./state.js";

/*
 *   config ─► state (keys) ─► spool ─► relay ◄─ links (bearers) · bridges (mail) · API (Unix socket)
 *
 * The only place where the parts of a gateway meet.
 */
export interface GatewayOptions {
  readonly config: Config;
  readonly log: Log;
  /** The machine's own by default. */
  readonly clock?: Clock;
  readonly rng?: Rng;
  /** Takes the place of `host.open` for the bearers: the demo's radio. */
  readonly open?: BearerHost["open"];
}

export interface Gateway {
  readonly name: string;
  /** `est1…`. */
  readonly address: string;
  readonly relay: Relay;
  readonly peers: PeerBook;
  readonly state: GatewayState;
  /** Listener of each bridge → `host:port` really bound. */
  readonly addresses: ReadonlyMap<string, BridgeAddresses>;
  /** Path of the Unix socket. */
  readonly socket: string;
  /** Rejects with OperatingError when the store can no longer keep anything. */
  health(): Promise<void>;
  /** Stops accepting, finishes what is in hand, closes everything. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts one gateway; resolves when it accepts mail and API calls. What was opened before a failure is closed again.
 * @throws ConfigError, ConfigErrors, OperatingError.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const undo: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    return await build(options, undo, close);
  } catch (error) {
    await close().catch((second: unknown) =>
      options.log("warn", "closing after a failed start", { error: second }),
    );
    throw error;
  }
}

async function build(
  options: GatewayOptions,
  undo: (() => Promise<void> | void)[],
  close: () => Promise<void>,
): Promise<Gateway> {
  const { config, log } = options;
  const clock = options.clock ?? systemClock({ trust: config.clockTrust });
  const rng = options.rng ?? systemRng();
  const state = await openState(besideConfig(config.file, config.state.directory), rng);
  const book = await PeerBook.open(config, state.directory);
  const spool = await openSpool({
    directory: join(state.directory, "spool"),
    clock,
    quotaBytes: config.state.quotaBytes,
  });
  undo.push(() => spool.close());
  const relay = createRelay({
    identity: state.identity,
    atRestKey: state.atRestKey,
    spool,
    clock,
    rng,
    settings: relaySettings(config, book.peers()),
    authenticate: createAuthenticator({ users: config.users, clock, rng, log }),
    log,
  });
  const host: BearerHost = {
    ...bearerHost({ clock, rng, log }),
    ...(options.open ? { open: options.open } : {}),
  };
  for (const link of config.links) await addLink(relay, config, link, host);
  await addBridges(relay, config);
  for (const name of book.awaited())
    log("warn", "this peer has no key yet: estafette peer accept", { peer: name });
  undo.push(() => relay.stop());
  const addresses = await relay.start();
  const socket = socketPath(config, state);
  const api: ApiServer = await startApi({ config, relay, book, state, clock, rng, spool, log, socket });
  undo.push(() => api.close());
  return {
    name: config.node.name,
    address: formatAddress(state.identity.address),
    relay,
    peers: book,
    state,
    addresses,
    socket,
    health: () => spool.flush(),
    stop: close,
  };
}

async function addLink(relay: Relay, config: Config, link: LinkConfig, host: BearerHost): Promise<void> {
  const plugin = await loadBearer(config, link);
  try {
    relay.addLink(plugin.create(plugin.parse(link.options), host), linkSettings(link));
  } catch (error) {
    throw error instanceof ConfigError && error.place.line === undefined
      ? placed(config, link.name, error)
      : error;
  }
}

async function addBridges(relay: Relay, config: Config): Promise<void> {
  const options = smtpOptions(config);
  if (options === null) return;
  const plugin = await loadSmtpBridge();
  const parsed = parseOptions();
  relay.addBridge("smtp", (host) => plugin.create(parsed, host));

  function parseOptions(): unknown {
    try {
      return plugin.parse(options);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw placedMail(config, error);
    }
  }
}

/** Where the API listens. */
export function socketPath(config: Config, state: Pick<GatewayState, "directory">): string {
  return config.apiSocket === null
    ? join(state.directory, "api.sock")
    : besideConfig(config.file, config.apiSocket);
}
