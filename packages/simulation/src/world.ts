import { toHex } from "@estafette/protocol";
import type { Spool } from "@estafette/spool";
import { checkHistory, type FinalRecord } from "./checkers.js";
import type { WorldDisk } from "./disk.js";
import { scheduleFaults } from "./faults.js";
import { Kernel, type KernelLog } from "./kernel.js";
import { hex, keyText } from "./ledger.js";
import { PowerCut } from "./life.js";
import { LIMITS } from "./limits.js";
import { SimulatedMedium } from "./media.js";
import { SimulatedNode } from "./node.js";
import { Outside } from "./outside.js";
import { deriveParameters } from "./parameters.js";
import { HONEST, type Plant } from "./plant.js";
import { wiringOf } from "./wiring.js";
import { DENSE_PREFIX, drawWorkload, INTERNET_USER, MARKER_PREFIX, type Sent } from "./workload.js";
import type { MediumParameters, WorldParameters } from "./world-parameters.js";

export interface WorldOptions {
  readonly seed: number;
  readonly disk: WorldDisk;
  /** A deliberate mistake; default none. */
  readonly plant?: Plant;
  /** Keeps the lines of the event log. Default false. */
  readonly keepLog?: boolean;
  /** Default: {@link deriveParameters} of the seed. */
  readonly parameters?: WorldParameters;
  /** Ends the run at the first broken promise of this kind: enough to know that it was seen. Default: never. */
  readonly stopAt?: RegExp;
}

/** What one run showed. */
export interface WorldReport {
  readonly seed: number;
  /** SHA-256 over every event; equal for equal seeds. */
  readonly digest: string;
  readonly virtualMs: number;
  readonly eventsRun: number;
  readonly violations: readonly string[];
  readonly counts: WorldCounts;
  readonly log: KernelLog;
}

export interface WorldCounts {
  readonly accepted: number;
  readonly unanswered: number;
  readonly delivered: number;
  readonly notices: number;
  readonly parcels: number;
  readonly powerCuts: number;
  readonly lives: number;
  /** Times a claim of custody was held against the claimed node's own book. */
  readonly custodyChecks: number;
  /** Bytes of parcels and files searched for plaintext. */
  readonly searchedBytes: number;
  /** Transmissions held against a bound of airtime, credits or drain rate. */
  readonly boundedTransmissions: number;
  /** Bounds of stations at which traffic waited for nothing but the bound. */
  readonly boundsReached: readonly string[];
  readonly faultPoints: Readonly<Record<string, number>>;
}

const DENSE = Buffer.from(DENSE_PREFIX);
const MINUTE_MS = 60_000;
/** Quiet time watched after everything has ended, for late repeats. */
const AFTERMATH_MS = 5 * MINUTE_MS;
/** How often, in the second phase, the promises are looked at. */
const LOOK_EVERY_MS = 2 * MINUTE_MS;
/** A user whose gateway is off or full tries again after this long, so often. */
const USER_RETRY_MS = 60_000;
const USER_TRIES_MAX = 60;

/** Whole gateways on a virtual clock, from one seed. */
export class World {
  readonly kernel: Kernel;
  readonly parameters: WorldParameters;
  readonly plant: Plant;
  readonly disk: WorldDisk;
  readonly outside: Outside;
  readonly nodes: readonly SimulatedNode[];
  readonly media: readonly SimulatedMedium[];
  /** Faults are over. */
  healed = false;
  readonly #sent: readonly Sent[];
  readonly #violations: string[] = [];
  readonly #stopAt: RegExp | null;
  #stopped = false;
  /** Users who will hand something in again, and those who wait for an answer from a life of their gateway. */
  readonly #trying = new Map<Sent, "later" | number>();
  #parcels = 0;
  #searchedBytes = 0;
  readonly #points = new Map<string, number>();
  readonly #claims: { readonly by: string; readonly node: SimulatedNode; readonly id: Uint8Array }[] = [];

  constructor(options: WorldOptions) {
    this.parameters = options.parameters ?? deriveParameters(options.seed);
    this.kernel = new Kernel(`world ${options.seed} run`, { keepLog: options.keepLog ?? false });
    this.kernel.onThrown = (error, label) => {
      if (!(error instanceof PowerCut)) this.violation(`uncaught in ${label}: ${errorText(error)}`);
    };
    this.plant = options.plant ?? HONEST;
    this.disk = options.disk;
    this.#stopAt = options.stopAt ?? null;
    const { nodes, media, strangers, deferred, handOverMsMax } = this.parameters;
    this.nodes = nodes.map((node, index) => {
      const hasUsers = !strangers || index === 0 || index === nodes.length - 1;
      return new SimulatedNode(this, index, node, hasUsers);
    });
    const known = new Set([INTERNET_USER, ...this.nodes.flatMap((node) => node.users)]);
    this.outside = new Outside(this.kernel, known, { deferred, handOverMsMax });
    this.media = media.map((one) => this.#medium(one));
    for (const node of this.nodes) node.wiring = wiringOf(this, node);
    this.#sent = drawWorkload(this.parameters, this.kernel.chance.fork("workload"));
  }

  #medium(parameters: MediumParameters): SimulatedMedium {
    const secondName = this.nodes[parameters.ends[1]]?.name ?? "";
    const believedUnixMs = (station: string): number | null =>
      this.nodes.find(({ name }) => name === station)?.believedUnixMs ?? null;
    return new SimulatedMedium(parameters, this.kernel, () => this.healed, secondName, believedUnixMs);
  }

  /** Both phases: faults, then healing until everything has ended or the time is over. */
  async play(): Promise<WorldReport> {
    for (const node of this.nodes)
      this.kernel.after(node.index * 1_000, `${node.name} power`, () => void node.boot(true));
    for (const sent of this.#sent) this.kernel.after(sent.atMs, "user", () => void this.#handIn(sent));
    scheduleFaults(this);
    await this.kernel.runUntil(() => this.#stopped, this.parameters.faultsUntilMs);
    if (!this.#stopped) await this.#healAndJudge();
    const report = this.#report();
    for (const node of this.nodes) node.dismantle();
    await this.kernel.rest();
    return report;
  }

  async #healAndJudge(): Promise<void> {
    this.#heal();
    const endMs = this.parameters.faultsUntilMs + this.parameters.healMs;
    while (this.kernel.nowMs < endMs && !(await this.#hasEnded())) {
      await this.kernel.run(Math.min(endMs, this.kernel.nowMs + LOOK_EVERY_MS));
    }
    await this.kernel.run(this.kernel.nowMs + AFTERMATH_MS);
    await this.#judge();
  }

  #heal(): void {
    this.healed = true;
    this.outside.healed = true;
    this.kernel.note("faults end");
    for (const medium of this.media) medium.restore();
  }

  async #handIn(sent: Sent): Promise<void> {
    const node = this.nodes[sent.node];
    if (node === undefined) return;
    sent.tries++;
    this.#trying.set(sent, node.lives);
    const answer = await node.submit(sent.submission).catch((error: unknown) => {
      this.violation(`${node.name} throws at submission ${sent.index}: ${errorText(error)}`);
      return null;
    });
    this.#trying.delete(sent);
    if (answer === null) return;
    const again = answer === "no-power" || (answer.outcome === "refused" && answer.temporary);
    if (again && sent.tries < USER_TRIES_MAX) {
      this.#trying.set(sent, "later");
      this.kernel.after(USER_RETRY_MS, "user again", () => void this.#handIn(sent));
      return;
    }
    if (answer === "no-power") return;
    sent.answer = answer;
    sent.answeredAtMs = this.kernel.nowMs;
    this.kernel.note(`${node.name} answers submission ${sent.index}: ${answer.outcome}`);
    if (answer.outcome === "accepted") {
      const missing = node.ledger.missing(answer.id, sent.submission);
      if (missing !== null)
        this.violation(`submission ${sent.index} was confirmed before ${missing} was committed`);
    }
  }

  /** Everything handed in has come to its end, and every promise holds now. */
  async #hasEnded(): Promise<boolean> {
    if (this.#isTrying() || this.nodes.some((node) => !node.up)) return false;
    const records = await this.#records();
    const open = records.some(({ record }) => record.end === null && record.from !== "");
    return !open && checkHistory(this.#history(records)).length === 0;
  }

  /** Whoever waited for an answer when the power went will never have one. */
  #isTrying(): boolean {
    return [...this.#trying].some(([sent, life]) => {
      const node = this.nodes[sent.node];
      return life === "later" || (node?.up === true && node.lives === life);
    });
  }

  async #records(): Promise<FinalRecord[]> {
    const records: FinalRecord[] = [];
    for (const node of this.nodes) {
      for (const record of (await node.store?.listMessages({ limit: 1_000 })) ?? []) {
        const endedAtMs = node.ledger.endings.get(keyText(record.key))?.atMs ?? null;
        records.push({ node: node.index, record, endedAtMs });
      }
    }
    return records;
  }

  #history(records: readonly FinalRecord[]): Parameters<typeof checkHistory>[0] {
    const { handOvers } = this.outside;
    return { sent: this.#sent, handOvers, mailbox: (address) => this.outside.mailbox(address), records };
  }

  async #judge(): Promise<void> {
    const records = await this.#records();
    for (const sentence of checkHistory(this.#history(records))) this.violation(sentence);
    for (const { log } of this.media)
      for (const sentence of log?.violations() ?? []) this.violation(sentence);
    for (const { record, node } of records) {
      if (record.end !== null || record.from === "") continue;
      this.violation(
        `${this.nodes[node]?.name}: message ${keyText(record.key)} to ${record.to.join(" ")} never ended: ${record.detail}`,
      );
    }
    for (const node of this.nodes) {
      if (node.store !== null) await this.storeOpened(node, node.store);
      else this.violation(`${node.name} never came back`);
    }
  }

  /** A store was opened after a power cut, or the run is over: everything once promised must be in it. */
  async storeOpened(node: SimulatedNode, store: Spool): Promise<void> {
    node.ledger.life = node.lives;
    for (const [key, { message }] of node.ledger.messages) {
      if ((await store.message(message.key)) === null)
        this.violation(`${node.name} lost the accepted message ${key}`);
    }
    for (const id of node.ledger.custody.keys()) {
      if ((await store.seen(Buffer.from(id, "hex"))) === null)
        this.violation(`${node.name} forgot envelope ${id}`);
    }
    for (const claim of this.#claims.filter((one) => one.node === node)) {
      this.#claims.splice(this.#claims.indexOf(claim), 1);
      await this.#verifyClaim(claim.by, node, store, claim.id);
    }
    for (const file of this.disk.filesOf(node.name))
      this.#search(file.bytes, `${node.name} file ${file.name}`);
  }

  custodyClaimed(by: string, address: Uint8Array, id: Uint8Array): void {
    const node = this.nodes.find((one) => toHex(one.identity.address) === toHex(address));
    if (node === undefined || node.ledger.custody.has(hex(id))) return;
    if (node.ledger.attempts.get(hex(id)) === node.ledger.life && node.store !== null) {
      this.violation(`${by} was told that ${node.name} has envelope ${hex(id)} before it was committed`);
    } else if (node.store !== null) {
      void this.#verifyClaim(by, node, node.store, id).catch(() => this.#claims.push({ by, node, id }));
    } else {
      this.#claims.push({ by, node, id });
    }
  }

  async #verifyClaim(by: string, node: SimulatedNode, store: Spool, id: Uint8Array): Promise<void> {
    if ((await store.seen(id)) !== null) return;
    this.violation(`${by} released envelope ${hex(id)}, and ${node.name} does not have it`);
  }

  violation(sentence: string): void {
    if (this.#stopAt?.test(sentence)) this.#stopped = true;
    this.kernel.note(`VIOLATION ${sentence}`);
    if (this.#violations.length < LIMITS.violationsMax)
      this.#violations.push(`${this.kernel.nowMs} ms: ${sentence}`);
  }

  logged(node: string, level: string, message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.kernel.note(`${node} ${level}: ${message} ${fields === undefined ? "" : JSON.stringify(fields)}`);
  }

  parcelSent(node: string, bytes: Uint8Array): void {
    this.#parcels++;
    this.kernel.note(`${node} sends ${bytes.length} bytes ${hex(bytes.subarray(0, 8))}`);
    this.#search(bytes, `parcel of ${node}`);
  }

  pointPassed(name: string): void {
    this.#points.set(name, (this.#points.get(name) ?? 0) + 1);
  }

  /** Plaintext anywhere but in a mailbox breaks the seal. */
  #search(bytes: Uint8Array, where: string): void {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#searchedBytes += bytes.length;
    if (view.includes(MARKER_PREFIX) || view.includes(DENSE)) this.violation(`plaintext in ${where}`);
  }

  #report(): WorldReport {
    const answers = this.#sent.map((sent) => sent.answer?.outcome ?? "none");
    const { handOvers } = this.outside;
    return {
      seed: this.parameters.seed,
      digest: this.kernel.digest(),
      virtualMs: this.kernel.nowMs,
      eventsRun: this.kernel.eventsRun,
      violations: this.#violations,
      counts: {
        accepted: answers.filter((answer) => answer === "accepted").length,
        unanswered: answers.filter((answer) => answer === "none").length,
        delivered: handOvers.filter((one) => one.from !== "").length,
        notices: handOvers.filter((one) => one.from === "").length,
        parcels: this.#parcels,
        powerCuts: sum(this.nodes.map((node) => node.cuts)),
        lives: sum(this.nodes.map((node) => node.lives)),
        custodyChecks: sum(this.nodes.map((node) => node.ledger.comparisons)),
        searchedBytes: this.#searchedBytes,
        boundedTransmissions: sum(this.media.map(({ log }) => log?.count ?? 0)),
        boundsReached: this.media.flatMap(({ log }) => log?.reached() ?? []),
        faultPoints: Object.fromEntries([...this.#points].sort()),
      },
      log: this.kernel.log(),
    };
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function errorText(error: unknown): string {
  return error instanceof Error
    ? `${error.name} ${error.message} ${error.stack?.split("\n")[1]?.trim() ?? ""}`
    : String(error);
}
