import { createHash } from "node:crypto";
import { link, mkdir, open, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { RecipientResult } from "@estafette/contract";
import { parseAddress } from "@estafette/mail";
import { limits } from "./limits.js";

/** One mail for one mailbox. */
export interface MaildirDelivery {
  readonly folder: string;
  readonly deliveryId: string;
  readonly to: string;
  readonly rfc5322: Uint8Array;
}

/**
 * Puts a mail into a maildir (cr.yp.to/proto/maildir.html): written and flushed in `tmp`, linked into `new`, folder
 * flushed. The file name comes from the delivery and the recipient, so a repeat finds the first one, also after a
 * mail program moved it to `cur`. A reader who deleted it in between gets it twice; nobody loses it.
 */
export async function deliverToMaildir(delivery: MaildirDelivery): Promise<RecipientResult> {
  const to = parseAddress(delivery.to);
  if (to === null) return { outcome: "refused", detail: "not a plain address", status: "5.1.3" };
  const box = delivery.folder
    .replaceAll("{user}", fileName(to.local.toLowerCase()))
    .replaceAll("{domain}", fileName(to.domain));
  const key = createHash("sha256").update(`${delivery.deliveryId}\0${to.text.toLowerCase()}`).digest("hex");
  const name = `${key.slice(0, 32)}.estafette`;
  try {
    for (const part of ["tmp", "new", "cur"]) await mkdir(join(box, part), { recursive: true, mode: 0o700 });
    if (await holds(box, name)) return { outcome: "delivered", detail: "already in the mailbox" };
    await write(box, name, delivery.rfc5322);
    return { outcome: "delivered", detail: `in ${to.text}'s mailbox` };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { outcome: "deferred", detail, retryAfterMs: limits.retryUnreachableMs };
  }
}

async function holds(box: string, name: string): Promise<boolean> {
  for (const part of ["new", "cur"]) {
    const files = await readdir(join(box, part));
    if (files.some((file) => file === name || file.startsWith(`${name}:`))) return true;
  }
  return false;
}

async function write(box: string, name: string, rfc5322: Uint8Array): Promise<void> {
  const temporary = join(box, "tmp", name);
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(rfc5322);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(temporary, join(box, "new", name));
  } catch (error) {
    // Somebody linked it since we looked: the mail is there.
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  await unlink(temporary);
  const folder = await open(join(box, "new"), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Address characters that mean something in a path are written as %XX. */
function fileName(text: string): string {
  return text.replace(/[^a-z0-9._+=-]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
