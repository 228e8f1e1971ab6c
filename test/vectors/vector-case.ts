/**
 * One entry of packages/protocol/vectors/*.json. Bytes are hexadecimal; `kind` says which inputs there
 * are.
 */
export type VectorCase = VectorInput & {
  readonly name: string;
  readonly expect: Outcome;
};

/** What comes out, or the code of the refusal. */
export type Outcome = { readonly refused: string } | { readonly [value: string]: unknown };

export interface ContentBaseJson {
  readonly epoch: number;
  readonly sequence: number;
  readonly class: "flash" | "priority" | "normal" | "bulk";
  readonly lifetimeS: number;
}

export interface HeadTemplateJson {
  readonly slot: number;
  readonly origin: string;
  readonly destination: string;
  readonly keyEpoch: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly createdUnixS: number | null;
  readonly lifetimeS: number;
  readonly hopMax: number;
}

export type VectorInput =
  | { readonly kind: "gate-ed25519"; readonly key: string }
  | { readonly kind: "gate-x25519"; readonly key: string }
  | { readonly kind: "identity"; readonly seed: string }
  | { readonly kind: "agree"; readonly seed: string; readonly theirs: string }
  | {
      readonly kind: "verify";
      readonly key: string;
      readonly purpose: string;
      readonly message: string;
      readonly signature: string;
    }
  | { readonly kind: "key-record"; readonly bytes: string }
  | { readonly kind: "address"; readonly root: string }
  | { readonly kind: "parse-address"; readonly text: string }
  | {
      readonly kind: "public-id";
      readonly address: string;
      readonly epoch: number;
      readonly sequence: number;
    }
  | { readonly kind: "header"; readonly bytes: string }
  | {
      readonly kind: "signed-header";
      readonly bytes: string;
      readonly signature: string;
      readonly root: string;
    }
  | { readonly kind: "head"; readonly bytes: string }
  /** Payload byte i is (7·i + ⌊i/256⌋) mod 256. */
  | { readonly kind: "payload-root"; readonly length: number }
  | { readonly kind: "path"; readonly head: string; readonly self: string; readonly neighbour: string }
  | {
      readonly kind: "open";
      readonly seed: string;
      readonly origin: string;
      readonly prefix: string;
      readonly payload: string;
      readonly staticSeal: boolean;
      /** Remembered by both ends; nothing when absent. */
      readonly context?: string;
      /** Root key of whom it was sealed for, where its origin opens it. */
      readonly recipient?: string;
    }
  /** What can be opened of a chunked payload of `payloadBytes` bytes when only `payload` is there. */
  | {
      readonly kind: "open-chunks";
      readonly seed: string;
      readonly origin: string;
      readonly prefix: string;
      readonly payload: string;
      readonly payloadBytes: number;
      readonly context?: string;
      readonly recipient?: string;
    }
  | { readonly kind: "blocks"; readonly bytes: string }
  /** The opened blocks of a chunked payload. */
  | {
      readonly kind: "series";
      readonly base: ContentBaseJson;
      readonly pieces: readonly { readonly apart: boolean; readonly bytes: string }[];
    }
  /** `payload` stands where the payload follows the head; `template` is all the receiver holds. */
  | {
      readonly kind: "compact-head";
      readonly bytes: string;
      readonly sender: string;
      readonly receiver: string;
      readonly template: HeadTemplateJson | null;
      readonly payload: string;
    }
  | { readonly kind: "content"; readonly bytes: string; readonly base: ContentBaseJson }
  | { readonly kind: "greeting"; readonly bytes: string }
  | { readonly kind: "commitment"; readonly token: string }
  | { readonly kind: "note"; readonly bytes: string }
  | { readonly kind: "ack"; readonly bytes: string; readonly commitment: string }
  | { readonly kind: "receipt"; readonly bytes: string; readonly root: string };

/** The payload of the kind `payload-root`. */
export function patternPayload(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (7 * i + Math.floor(i / 256)) % 256);
}
