import type { MemoryProfile } from "@estafette/bearer-memory";
import type { RelaySettings } from "@estafette/relay";
import { peer } from "./line.js";
import { mail } from "./node.js";
import type { VirtualWorld } from "./world.js";

/** Text that does not compress, so that a mail of it is many segments. */
function noise(world: VirtualWorld, byteCount: number): string {
  const text = Buffer.from(world.rng.bytes(byteCount)).toString("base64");
  return `${text.replace(/.{76}/g, "$&\r\n")}\r\n`;
}

/** Content of a submission whose mail is that long. */
export function big(world: VirtualWorld, from: string, to: string, byteCount: number) {
  return {
    content: { kind: "mail", rfc5322: mail(from, to, `${byteCount} bytes`, noise(world, byteCount)) },
  } as const;
}

/** aurora and shore with the same links between them. */
export async function pair(
  world: VirtualWorld,
  profiles: Readonly<Record<string, MemoryProfile>>,
  quotaBytes?: number,
  settings: Partial<RelaySettings> = {},
) {
  const names = Object.keys(profiles);
  const media = new Map(names.map((name) => [name, world.medium(profiles[name])]));
  const end = (name: string, other: string) => ({
    name,
    domain: `${name}.example`,
    peers: [{ ...peer(other, names), exitFrom: [] }],
    links: names.map((link) => ({
      bearer: () => mediumOf(link).bearer(name),
      settings: { name: link, peers: [other] },
    })),
  });
  function mediumOf(link: string) {
    const medium = media.get(link);
    if (!medium) throw new Error(`no medium ${link}`);
    return medium;
  }
  const aurora = await world.node({
    ...end("aurora", "shore"),
    settings,
    ...(quotaBytes === undefined ? {} : { quotaBytes }),
  });
  const shore = await world.node(end("shore", "aurora"));
  return { aurora, shore, air: (link: string) => mediumOf(link).air };
}
