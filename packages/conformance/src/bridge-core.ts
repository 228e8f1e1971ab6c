import type {
  Account,
  BridgeHost,
  RecipientCheck,
  Submission,
  SubmissionRefusal,
  SubmissionResult,
} from "@estafette/contract";
import { seededRng } from "./seeded-rng.js";
import { VirtualClock } from "./virtual-clock.js";

/** Users and domains of the core a bridge is tested against. */
export const cast = {
  domain: "ship.example",
  user: "anna",
  password: "correct horse",
  addresses: ["anna@ship.example", "chief@ship.example"],
  far: "ben@shore.example",
} as const;

/** A whole core in memory: keeps what was submitted, knows its users, serves two domains, answers what it is told. */
export class MemoryCore implements BridgeHost {
  readonly clock = new VirtualClock();
  readonly rng = seededRng(1);
  readonly submissions: Submission[] = [];
  readonly lines: string[] = [];
  /** Answer for the next submissions instead of acceptance. */
  refuseSubmit: SubmissionRefusal | null = null;
  refuseRecipient: SubmissionRefusal | null = null;
  private gate: Promise<void> = Promise.resolve();
  private openGate: () => void = () => undefined;
  private readonly waiting: (() => void)[] = [];

  log(level: string, message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  }

  /** From now on a submission is not committed before {@link commit}. */
  hold(): void {
    this.gate = new Promise((resolve) => {
      this.openGate = resolve;
    });
  }

  commit(): void {
    this.openGate();
  }

  /** Resolves at the next call of {@link submit}. */
  nextSubmit(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  async submit(submission: Submission): Promise<SubmissionResult> {
    for (const resolve of this.waiting.splice(0)) resolve();
    await this.gate;
    if (this.refuseSubmit !== null) return this.refuseSubmit;
    this.submissions.push(submission);
    return { outcome: "accepted", id: `TEST-${String(this.submissions.length).padStart(4, "0")}` };
  }

  async checkRecipient({ account, to }: RecipientCheck): Promise<SubmissionRefusal | null> {
    if (this.refuseRecipient !== null) return this.refuseRecipient;
    const domain = to.slice(to.lastIndexOf("@") + 1);
    if (domain === cast.domain) {
      return to === "nobody@ship.example" ? refusal("unknown-user") : null;
    }
    return domain === "shore.example" || account !== null ? null : refusal("relay-denied");
  }

  async authenticate(user: string, password: string): Promise<Account | null> {
    return user === cast.user && password === cast.password
      ? { name: cast.user, addresses: cast.addresses }
      : null;
  }
}

export function refusal(why: SubmissionRefusal["why"], temporary = false): SubmissionRefusal {
  return { outcome: "refused", why, text: `refused: ${why}`, temporary };
}
