import type {
  Bearer,
  Bridge,
  BridgeAddresses,
  BridgeHost,
  RecipientCheck,
  Submission,
  SubmissionRefusal,
  SubmissionResult,
} from "@estafette/contract";
import { invariant, OperatingError } from "@estafette/contract";
import { formatAddress } from "@estafette/protocol";
import type { Hop } from "@estafette/spool";
import { Admission } from "./admission.js";
import type {
  Estimate,
  LinkSettings,
  PeerSettings,
  QueueView,
  Relay,
  RelayOptions,
  RelayStatus,
  RouteExplanation,
  RouteRequest,
  Telemetry,
  TraceEntry,
} from "./api.js";
import { Asking } from "./asking.js";
import { Backlogs } from "./backlogs.js";
import { ClearSignedBearer } from "./content-policy.js";
import { BoundedSet, type Core, Vault } from "./core.js";
import { Deliveries } from "./deliveries.js";
import { Directory } from "./directory.js";
import { estimate } from "./estimate.js";
import { explainRoute } from "./explain.js";
import { Goodputs } from "./goodputs.js";
import { TemplateBook } from "./head-templates.js";
import { HeldContexts } from "./held-contexts.js";
import { Housekeeping } from "./housekeeping.js";
import { LIMITS } from "./limits.js";
import { Link } from "./link.js";
import { planInputFor } from "./link-views.js";
import { Notices } from "./notices.js";
import { SentContexts } from "./sent-contexts.js";
import { refusal, Submissions } from "./submit.js";
import { contentOf, queueView, trace } from "./views.js";

/** Builds the core of one gateway. Touches nothing until {@link Relay.start}. */
export function createRelay(options: RelayOptions): Relay {
  return new Gateway(options);
}

class Gateway implements Relay {
  readonly #options: RelayOptions;
  readonly #directory: Directory;
  readonly #core: Core;
  readonly #links = new Map<string, Link>();
  readonly #bridges: { readonly name: string; readonly bridge: Bridge }[] = [];
  readonly #listeners = new Set<(event: Telemetry) => void>();
  readonly #abort = new AbortController();
  readonly #submissions: Submissions;
  readonly #notices: Notices;
  readonly #deliveries: Deliveries;
  readonly #housekeeping: Housekeeping;
  #epoch = 0;
  #sequence = 0;
  #running = false;
  #failed = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#directory = new Directory(options.identity.address, options.settings);
    this.#core = this.#makeCore(options);
    this.#notices = new Notices(this.#core, () => this.#submissions);
    this.#submissions = new Submissions(this.#core);
    this.#deliveries = new Deliveries(this.#core, this.#notices);
    this.#housekeeping = new Housekeeping(this.#core, this.#notices, this.#links);
  }

  #makeCore(options: RelayOptions): Core {
    const { identity, spool, clock, rng, settings, log } = options;
    const vault = new Vault(options.atRestKey, rng);
    const fail = (error: unknown, where: string): void => this.#fail(error, where);
    const keeper = { spool, vault, fail };
    // Random at each start: sequence numbers restart, message ids never repeat (design §4.2).
    this.#epoch = new DataView(rng.bytes(4).buffer).getUint32(0);
    return {
      identity,
      spool,
      clock,
      rng,
      settings,
      directory: this.#directory,
      vault,
      admission: new Admission(spool),
      sentContexts: new SentContexts(keeper),
      heldContexts: new HeldContexts(keeper),
      templates: new TemplateBook(keeper),
      asking: new Asking(spool.nowMs()),
      alone: new BoundedSet(LIMITS.aloneRememberedMax),
      greetings: new Map(),
      goodputs: new Goodputs(spool),
      backlogs: new Backlogs(spool, fail),
      log,
      faultPoint: options.faultPoint ?? (() => undefined),
      emit: (event) => this.#emit(event),
      wake: (hop) => this.#wake(hop),
      wakeDeliveries: () => this.#deliveries.wake(),
      withdraw: (id) => {
        for (const link of this.#links.values()) link.withdraw({ id });
      },
      planInput: (request) => planInputFor(this.#core, this.#links, request),
      likelyKey: () => ({ origin: identity.address, epoch: this.#epoch, sequence: this.#sequence }),
      nextKey: () => ({ origin: identity.address, epoch: this.#epoch, sequence: this.#sequence++ }),
      fail,
    };
  }

  addLink(bearer: Bearer, settings: LinkSettings): void {
    invariant(!this.#links.has(settings.name), `two links are called ${settings.name}`);
    const link = new Link(
      {
        core: this.#core,
        notices: this.#notices,
        reachabilityChanged: (changed) => this.#housekeeping.linksChanged(changed.settings.name),
      },
      settings.content === "clear-signed" ? new ClearSignedBearer(bearer) : bearer,
      settings,
    );
    this.#links.set(settings.name, link);
  }

  addBridge(name: string, create: (host: BridgeHost) => Bridge): void {
    const { clock, rng, log, authenticate } = this.#options;
    const host: BridgeHost = {
      clock,
      rng,
      log,
      submit: (s) => this.submit(s),
      checkRecipient: (r) => this.checkRecipient(r),
      authenticate,
    };
    const bridge = create(host);
    this.#bridges.push({ name, bridge });
    this.#deliveries.addBridge(name, bridge);
  }

  async start(): Promise<ReadonlyMap<string, BridgeAddresses>> {
    await this.#core.goodputs.restore();
    this.#running = true;
    const addresses = new Map<string, BridgeAddresses>();
    for (const { name, bridge } of this.#bridges) addresses.set(name, await bridge.start(this.#abort.signal));
    for (const link of this.#links.values()) link.start();
    await this.#housekeeping.start();
    this.#deliveries.wake();
    this.#notices.tellSoon();
    return addresses;
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#abort.abort();
    this.#housekeeping.stop();
    this.#notices.stop();
    await this.#deliveries.stop();
    await Promise.all([...this.#links.values()].map((link) => link.stop()));
    if (this.#failed) return;
    await this.#core.goodputs.store(true);
    await this.#options.spool.flush();
  }

  async submit(submission: Submission): Promise<SubmissionResult> {
    return this.#running
      ? await this.#submissions.submit(submission)
      : refusal("stopping", "the gateway is stopping");
  }

  async explainRoute(request: RouteRequest): Promise<RouteExplanation | SubmissionRefusal> {
    await this.#lookAtBacklogs();
    return explainRoute(this.#core, request);
  }

  async estimate(submission: Submission): Promise<Estimate | SubmissionRefusal> {
    const refused = await this.#submissions.refusalFor(submission);
    if (refused) return refused;
    await this.#lookAtBacklogs();
    return await estimate(this.#core, this.#links, submission);
  }

  async #lookAtBacklogs(): Promise<void> {
    for (const name of this.#links.keys()) await this.#core.backlogs.look(name);
  }

  async checkRecipient(request: RecipientCheck): Promise<SubmissionRefusal | null> {
    return this.#running
      ? this.#submissions.checkRecipient(request)
      : refusal("stopping", "the gateway is stopping");
  }

  authenticate(user: string, password: string): ReturnType<RelayOptions["authenticate"]> {
    return this.#options.authenticate(user, password);
  }

  listen(listener: (event: Telemetry) => void): () => void {
    if (this.#listeners.size >= LIMITS.listenersMax)
      throw new OperatingError("EST_OPERATING_UNAVAILABLE", "too many listeners");
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async setPeers(peers: readonly PeerSettings[]): Promise<void> {
    this.#directory.setPeers(peers);
    for (const link of this.#links.values()) link.peersChanged();
    await this.#housekeeping.linksChanged(null);
  }

  async status(): Promise<RelayStatus> {
    const { settings, identity, clock, spool } = this.#options;
    return {
      name: settings.name,
      address: formatAddress(identity.address),
      domains: settings.domains,
      links: [...this.#links.values()].map((l) => l.status()),
      spool: await spool.stats(),
      clockTrust: clock.trust(),
    };
  }

  trace(id: string): Promise<readonly TraceEntry[]> {
    return trace(this.#core, id);
  }

  queue(limit: number): Promise<QueueView> {
    return queueView(this.#core, limit);
  }

  content(id: string): ReturnType<Relay["content"]> {
    return contentOf(this.#core, id);
  }

  async remove(submissionId: string): Promise<number> {
    let removed = 0;
    for (const message of await this.#options.spool.listMessages({
      submissionId,
      openOnly: true,
      limit: 64,
    })) {
      const ended = await this.#options.spool.endMessage(message.key, "deleted", "by the operator");
      if (!ended) continue;
      if (message.envelopeId) this.#core.withdraw(message.envelopeId);
      removed += 1;
      this.#emit({ type: "ended", submissionId, end: "deleted", detail: "by the operator" });
    }
    return removed;
  }

  #wake(hop: Hop): void {
    if (hop.link !== null) this.#links.get(hop.link)?.wake();
    this.#housekeeping.promoteSoon();
  }

  #emit(event: Telemetry): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#listeners.delete(listener);
        this.#options.log("warn", "a telemetry listener was removed", { why: String(error) });
      }
    }
  }

  /** A store that failed may have lost what it confirmed last: nothing more is accepted, the process is to end. */
  #fail(error: unknown, where: string): void {
    const stopping = !this.#running;
    const detail = error instanceof Error ? error.message : String(error);
    if (stopping || this.#failed) return;
    if (error instanceof OperatingError && error.code === "EST_OPERATING_DISK_FULL") {
      // Weather: nothing was lost, and it is tried again when there is room.
      this.#options.log("warn", "the store is full", { where, detail });
      return;
    }
    this.#options.log("warn", "fault", { where, detail });
    if (error instanceof OperatingError && error.code === "EST_OPERATING_DISK_FAULT") {
      this.#failed = true;
      this.#running = false;
    }
    this.#emit({ type: "fault", where, detail });
  }
}
