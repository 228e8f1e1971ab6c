import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Delivery, Submission } from "@estafette/contract";
import { fieldKey, keepsField, readMail } from "@estafette/mail";

/** One message of a folder: `.eml` is a mail, everything else a short text. */
export interface Sample {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly kind: "mail" | "text";
}

/** The messages of one folder by name. */
export function readSamples(folder: string): readonly Sample[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith(".") && !name.endsWith(".jsonl"))
    .sort()
    .map((name) => ({
      name,
      bytes: readFileSync(join(folder, name)),
      kind: name.endsWith(".eml") ? "mail" : "text",
    }));
}

const crew = "crew@ship.example";
const office = "office@shore.example";

/** `outsider`: an address that has no account here, another one for each message. */
export function submissionOf(
  sample: Sample,
  more: { readonly class?: Submission["class"]; readonly outsider?: string } = {},
): Submission {
  const text = new TextDecoder().decode(sample.bytes);
  return {
    account: more.outsider ? null : "crew",
    from: more.outsider ?? crew,
    to: [office],
    content: sample.kind === "mail" ? { kind: "mail", rfc5322: sample.bytes } : { kind: "text", text },
    class: more.class ?? "normal",
    lifetimeS: null,
    receipt: false,
  };
}

/** Whether a delivery is what was sent: kept header fields and every byte of the body. */
function matches(sample: Sample, delivery: Delivery): boolean {
  if (sample.kind === "text") return Buffer.from(sample.bytes).equals(textOf(delivery));
  return keptOf(sample.bytes) === keptOf(delivery.rfc5322);
}

function textOf(delivery: Delivery): Buffer {
  const mail = Buffer.from(delivery.rfc5322).toString("latin1");
  return Buffer.from(mail.slice(mail.indexOf("\r\n\r\n") + 4), "base64");
}

function keptOf(rfc5322: Uint8Array): string {
  const mail = readMail(rfc5322);
  const fields = mail.fields.filter((f) => keepsField(f.name) && !fieldKey(f).startsWith("x-estafette"));
  const lines = fields.map((f) => JSON.stringify(f));
  return [...lines, Buffer.from(mail.body ?? []).toString("latin1")].join("\n");
}

/** How many samples arrived as they were sent, each once. */
export function countIntact(samples: readonly Sample[], deliveries: readonly Delivery[]): number {
  const open = [...deliveries];
  let intact = 0;
  for (const sample of samples) {
    const at = open.findIndex((d) => matches(sample, d));
    if (at < 0) continue;
    open.splice(at, 1);
    intact++;
  }
  return intact;
}
