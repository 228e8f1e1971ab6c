import { timingSafeEqual } from "node:crypto";
import { ProtocolError } from "@estafette/contract";
import type { ConversationInit, KnownNeighbour } from "./api.js";
import { equalBytes, joinBytes } from "./bytes.js";
import { encodeFacts, type Facts, parseFacts } from "./hello.js";
import { dhKeyFromSecret, HandshakeState, type NoisePattern } from "./noise.js";
import {
  afterHandshake,
  afterResume,
  KIND,
  PROOF_BYTES,
  pairEpoch,
  type Session,
  type SessionTraits,
  sessionTraits,
} from "./session.js";

const NOTHING = new Uint8Array(0);
const PROLOGUE = new TextEncoder().encode("estafette/link/1");
const ROOT_BYTES = 32;
const NONCE_BYTES = 8;
/** Where the parts of a resumption begin: kind, epoch (first message only), nonce, facts. */
const NONCE1_AT = 3;
const FACTS1_AT = NONCE1_AT + NONCE_BYTES;
const NONCE2_AT = 1;
const FACTS2_AT = NONCE2_AT + NONCE_BYTES;
/** What Noise itself takes of each message when the payload travels beside it: keys of 32 bytes, tags of 16. */
const NOISE_BYTES = { KK: [48, 48, 0], XX: [32, 96, 64] } as const;
/** Of the messages by which configured peers meet, what stands beside the facts; and of the two of a resumption. */
export const HELLO_BYTES = NOISE_BYTES.KK[0];
export const RESUME_BYTES = [FACTS1_AT, FACTS2_AT + PROOF_BYTES] as const;

/** Keys both ends can have now, and with whom. */
export interface Agreement {
  readonly session: Session;
  readonly neighbour: KnownNeighbour;
  readonly pairSecret: Uint8Array;
  readonly resumed: boolean;
  readonly initiator: boolean;
  /** What the neighbour's relay said in the handshake. */
  readonly greeting: Uint8Array;
}

/** A Noise exchange that has begun. `theirs`: what the far end said about itself, once heard. */
export interface Opening {
  readonly noise: HandshakeState;
  readonly message: Uint8Array;
  readonly theirs: Facts | null;
}

/** The neighbour answered with keys nobody admitted. */
export class NotAdmitted extends ProtocolError {}

/** What this end knows and can prove about itself: makes and reads the messages, keeps no exchange. */
export class Introduction {
  neighbour: KnownNeighbour | null;
  pairSecret: Uint8Array | null;
  private readonly clear: boolean;
  private readonly ours: Facts;
  private readonly facts: Uint8Array;
  private readonly prologue: Uint8Array;

  constructor(private readonly init: ConversationInit) {
    this.neighbour = init.expected;
    this.pairSecret = init.expected?.pairSecret ?? null;
    this.clear = !init.channel.encrypt;
    const { parcelBytesMax, ordered, lossy } = init.channel;
    this.ours = { parcelBytesMax, clear: this.clear, ordered, lossless: !lossy, greeting: init.greeting };
    this.facts = encodeFacts(this.ours);
    this.prologue = joinBytes(PROLOGUE, Uint8Array.of(this.clear ? 1 : 0));
  }

  /** First message. KK needs a known neighbour. */
  open(pattern: NoisePattern): Opening {
    const noise = this.begin(pattern, true);
    return { noise, message: this.write(noise, this.facts), theirs: null };
  }

  /** Second message. For KK the agreement is reached, though nobody has proven to be there. */
  answer(pattern: NoisePattern, message: Uint8Array): Opening & { readonly agreement: Agreement | null } {
    const noise = this.begin(pattern, false);
    const theirs = this.factsIn(this.read(noise, message, NOISE_BYTES[pattern][0]));
    const answer = this.write(noise, this.aboutSelf(pattern));
    const agreement = pattern === "KK" ? this.agree(noise, theirs, false, this.neighbour) : null;
    return { noise, message: answer, theirs, agreement };
  }

  /** Reads the second message; for XX also writes the third. `opening` stays usable when this throws. */
  conclude(
    pattern: NoisePattern,
    opening: Opening,
    message: Uint8Array,
  ): { readonly agreement: Agreement; readonly third: Uint8Array | null } {
    const noise = opening.noise.copy();
    const payload = this.read(noise, message, NOISE_BYTES[pattern][1]);
    if (pattern === "KK") {
      return { agreement: this.agree(noise, this.factsIn(payload), true, this.neighbour), third: null };
    }
    const { theirs, root } = this.factsAndRoot(payload);
    const neighbour = this.admitted(root, noise.remoteStatic);
    const third = this.write(noise, this.aboutSelf("XX"));
    return { agreement: this.agree(noise, theirs, true, neighbour), third };
  }

  /** Reads the third message of XX. */
  confirm(opening: Opening, message: Uint8Array): Agreement {
    const noise = opening.noise.copy();
    const { theirs, root } = this.factsAndRoot(this.read(noise, message, NOISE_BYTES.XX[2]));
    const neighbour = this.admitted(root, noise.remoteStatic);
    return this.agree(noise, theirs, false, neighbour);
  }

  /** Throws a ProtocolError when it is not whole, or says what we cannot do. */
  checkResume1(first: Uint8Array): void {
    if (first[0] !== KIND.resume1 << 5) {
      throw new ProtocolError("EST_PROTOCOL_ENCODING", "an unknown handshake flag");
    }
    this.factsIn(first.subarray(FACTS1_AT));
  }

  /** What tells one resumption from another. */
  static resumeToken(first: Uint8Array): Uint8Array {
    return first.slice(NONCE1_AT, FACTS1_AT);
  }

  /** First message of a resumption; null without a shared secret. */
  openResume(): Uint8Array | null {
    if (this.neighbour === null || this.pairSecret === null) return null;
    const kind = Uint8Array.of(KIND.resume1 << 5);
    return joinBytes(kind, pairEpoch(this.pairSecret), this.init.rng.bytes(NONCE_BYTES), this.facts);
  }

  /** Answer to a resumption; null when this pair secret is not known here. */
  answerResume(first: Uint8Array): { readonly parcel: Uint8Array; readonly agreement: Agreement } | null {
    const { pairSecret, neighbour } = this;
    const theirs = this.factsIn(first.subarray(FACTS1_AT));
    if (pairSecret === null || neighbour === null) return null;
    if (!equalBytes(first.subarray(1, NONCE1_AT), pairEpoch(pairSecret))) return null;
    const nonce = this.init.rng.bytes(NONCE_BYTES);
    const { session, proof } = afterResume(
      pairSecret,
      {
        nonces: [first.slice(NONCE1_AT, FACTS1_AT), nonce],
        facts: [first.slice(FACTS1_AT), this.facts],
        roots: [neighbour.rootPublic, this.init.self.rootPublic],
      },
      false,
      this.traits(theirs),
    );
    const parcel = joinBytes(Uint8Array.of(KIND.resume2 << 5), nonce, this.facts, proof);
    const { greeting } = theirs;
    const agreement = { session, neighbour, pairSecret, resumed: true, initiator: false, greeting };
    return { parcel, agreement };
  }

  /** Reads the answer to our resumption. Throws a ProtocolError when it proves nothing. */
  concludeResume(first: Uint8Array, second: Uint8Array): Agreement {
    const { pairSecret, neighbour } = this;
    if (pairSecret === null || neighbour === null) {
      throw new ProtocolError("EST_PROTOCOL_STATE", "no resumption is under way");
    }
    const theirFacts = second.slice(FACTS2_AT, -PROOF_BYTES);
    const theirs = this.factsIn(theirFacts);
    const { session, proof } = afterResume(
      pairSecret,
      {
        nonces: [first.slice(NONCE1_AT, FACTS1_AT), second.slice(NONCE2_AT, FACTS2_AT)],
        facts: [this.facts, theirFacts],
        roots: [this.init.self.rootPublic, neighbour.rootPublic],
      },
      true,
      this.traits(theirs),
    );
    if (!timingSafeEqual(proof, second.subarray(-PROOF_BYTES))) {
      throw new ProtocolError("EST_PROTOCOL_SIGNATURE", "the proof of resumption is wrong");
    }
    const { greeting } = theirs;
    return { session, neighbour, pairSecret, resumed: true, initiator: true, greeting };
  }

  private begin(pattern: NoisePattern, initiator: boolean): HandshakeState {
    const { self, rng } = this.init;
    const s = { public: self.staticPublic, agree: (theirs: Uint8Array) => self.agree(theirs) };
    const rs = pattern === "KK" ? (this.neighbour?.staticPublic ?? null) : null;
    const e = dhKeyFromSecret(rng.bytes(32));
    return HandshakeState.begin({ pattern, initiator, prologue: this.prologue, s, e, rs });
  }

  private aboutSelf(pattern: NoisePattern): Uint8Array {
    return pattern === "KK" ? this.facts : joinBytes(this.facts, this.init.self.rootPublic);
  }

  /** On clear channels the payload travels beside the Noise message and is bound before it. */
  private write(noise: HandshakeState, payload: Uint8Array): Uint8Array {
    if (!this.clear) return noise.write(payload);
    noise.bind(payload);
    return joinBytes(noise.write(NOTHING), payload);
  }

  /** `noiseBytes`: where the payload begins on clear channels. */
  private read(noise: HandshakeState, message: Uint8Array, noiseBytes: number): Uint8Array {
    if (!this.clear) return noise.read(message);
    const payload = message.slice(noiseBytes);
    noise.bind(payload);
    noise.read(message.subarray(0, noiseBytes));
    return payload;
  }

  private factsAndRoot(payload: Uint8Array): { readonly theirs: Facts; readonly root: Uint8Array } {
    const rootAt = Math.max(0, payload.length - ROOT_BYTES);
    return { theirs: this.factsIn(payload.subarray(0, rootAt)), root: payload.slice(rootAt) };
  }

  private factsIn(bytes: Uint8Array): Facts {
    const facts = parseFacts(bytes);
    if (facts.clear !== this.clear) {
      throw new ProtocolError("EST_PROTOCOL_VERSION", "the neighbour's content policy differs");
    }
    return facts;
  }

  private traits(theirs: Facts): SessionTraits {
    return sessionTraits(this.ours, theirs);
  }

  private agree(
    noise: HandshakeState,
    theirs: Facts,
    initiator: boolean,
    neighbour: KnownNeighbour | null,
  ): Agreement {
    if (neighbour === null) throw new ProtocolError("EST_PROTOCOL_STATE", "nobody is expected");
    const { session, pairSecret } = afterHandshake(noise.result(), initiator, this.traits(theirs));
    return { session, neighbour, pairSecret, resumed: false, initiator, greeting: theirs.greeting };
  }

  /** Judges an authenticated pair of keys, whose binding only the caller's configuration can know. */
  private admitted(rootPublic: Uint8Array, staticPublic: Uint8Array | null): KnownNeighbour {
    const { self, expected, admit } = this.init;
    const known = this.neighbour ?? expected;
    if (staticPublic === null || equalBytes(staticPublic, self.staticPublic)) {
      throw new NotAdmitted("EST_PROTOCOL_KEY", "the neighbour is ourselves");
    }
    if (known !== null && !equalBytes(known.rootPublic, rootPublic)) {
      throw new NotAdmitted("EST_PROTOCOL_KEY", "another neighbour than the expected one answered");
    }
    if (known !== null && equalBytes(known.staticPublic, staticPublic)) return known;
    const admitted = admit(rootPublic, staticPublic);
    if (
      admitted === null ||
      !equalBytes(admitted.rootPublic, rootPublic) ||
      !equalBytes(admitted.staticPublic, staticPublic)
    ) {
      throw new NotAdmitted("EST_PROTOCOL_KEY", "the neighbour's keys are not admitted");
    }
    return admitted;
  }
}
