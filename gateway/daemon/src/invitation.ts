import { ConfigError, ProtocolError } from "@estafette/contract";
import { type Identity, publicKeysOf, verify } from "@estafette/protocol";

/*
 * `estafette-peer:` ‖ base64url( 1 ‖ 32 root key ‖ u8 n ‖ name ‖ u8 count ‖ (u8 n ‖ domain)* ‖ 64 signature )
 *
 * One string that introduces a gateway. The root key signs it (purpose "directory"), so that a string damaged or
 * edited on the way is refused. It proves no more than that its author holds the key: who that is, people settle
 * by the way they hand it over, or by comparing the key.
 */
const PREFIX = "estafette-peer:";
const VERSION = 1;
const LABEL = new TextEncoder().encode("peer-invitation");
const SIGNATURE_BYTES = 64;
/** Our choice: as many as a configuration may have. */
const DOMAINS_MAX = 64;
const CHARACTERS_MAX = 24_000;
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const DOMAIN =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** What one gateway says about itself. */
export interface Invitation {
  readonly name: string;
  /** Root key, 32 bytes, admitted by the gate. */
  readonly root: Uint8Array;
  readonly domains: readonly string[];
}

/** Writes and signs the invitation of this gateway. */
export function makeInvitation(
  identity: Identity,
  node: { name: string; domains: readonly string[] },
): string {
  const text = (value: string): Uint8Array => {
    const bytes = new TextEncoder().encode(value);
    return Uint8Array.of(bytes.length, ...bytes);
  };
  const body = Buffer.concat([
    Uint8Array.of(VERSION),
    identity.keys.root,
    text(node.name),
    Uint8Array.of(node.domains.length),
    ...node.domains.map(text),
  ]);
  const signature = identity.sign("directory", LABEL, body);
  return PREFIX + Buffer.concat([body, signature]).toString("base64url");
}

/** Reads an invitation, however it was wrapped by mail programs. Throws ConfigError EST_CONFIG_VALUE with the fix. */
export function readInvitation(pasted: string): Invitation {
  const compact = pasted.length > CHARACTERS_MAX ? "" : pasted.replaceAll(/\s+/g, "");
  const match = /^estafette-peer:([A-Za-z0-9_-]+)$/.exec(compact);
  if (match?.[1] === undefined) throw damaged("this is not an invitation", "it begins with estafette-peer:");
  const bytes = new Uint8Array(Buffer.from(match[1], "base64url"));
  const again = "copy it again, all of it, from `estafette peer invite` of the other gateway";
  if (Buffer.from(bytes).toString("base64url") !== match[1])
    throw damaged("this invitation is damaged", again);
  const invitation = decode(bytes);
  if (invitation === null) throw damaged("this invitation is damaged", again);
  return invitation;
}

function decode(bytes: Uint8Array): Invitation | null {
  const body = bytes.subarray(0, Math.max(0, bytes.length - SIGNATURE_BYTES));
  let at = 33;
  const take = (): string | null => {
    const length = body[at];
    if (length === undefined || at + 1 + length > body.length) return null;
    const text = Buffer.from(body.subarray(at + 1, at + 1 + length)).toString("latin1");
    at += 1 + length;
    return text;
  };
  if (body[0] !== VERSION) return null;
  const root = body.slice(1, 33);
  const name = take();
  const count = body[at++];
  if (name === null || count === undefined || count > DOMAINS_MAX || !NAME.test(name)) return null;
  const domains: string[] = [];
  for (let i = 0; i < count; i++) {
    const domain = take();
    if (domain === null || !DOMAIN.test(domain)) return null;
    domains.push(domain);
  }
  if (at !== body.length || new Set(domains).size !== count) return null;
  return isSigned(root, body, bytes.subarray(body.length)) ? { name, root, domains } : null;
}

function isSigned(root: Uint8Array, body: Uint8Array, signature: Uint8Array): boolean {
  try {
    publicKeysOf(root);
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
  return verify(root, "directory", signature, LABEL, body);
}

function damaged(problem: string, fix: string): ConfigError {
  return new ConfigError("EST_CONFIG_VALUE", problem, { fix });
}
