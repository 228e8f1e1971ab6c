import { FieldWriter } from "./fields.js";
import type { MeshtasticOptions } from "./options.js";
import { presetCode, regionCode } from "./presets.js";

/** Special nonces of want_config_id. */
export const NONCE_CONFIG_ONLY = 69_420;
export const NONCE_NODES_ONLY = 69_421;

/** What a radio knows of itself and of others. */
export interface NodeFacts {
  readonly num: number;
  readonly options: MeshtasticOptions;
  /** All radios of this mesh, this one included. */
  readonly nodes: readonly { readonly num: number; readonly publicBytes: Uint8Array }[];
  readonly rebootCount: () => number;
}

/** The messages before config_complete_id, in the order of firmware 2.8. */
export function handshakeFrames(facts: NodeFacts, part: "all" | "config" | "nodes"): Uint8Array[] {
  const others = facts.nodes.filter(({ num }) => num !== facts.num);
  const mine = facts.nodes.filter(({ num }) => num === facts.num);
  const nodeInfos = [...others.map((one) => nodeInfo(one, facts)), ...strangers(facts)];
  if (part === "nodes") return [...mine.map((one) => nodeInfo(one, facts)), ...nodeInfos];
  const config = [
    myInfo(facts),
    fromRadio(17, new FieldWriter().varint(1, 1)),
    ...mine.map((one) => nodeInfo(one, facts)),
    metadata(facts),
    fromRadio(19, new FieldWriter().varint(1, 1)),
    ...channels(facts),
    ...configs(facts),
    ...moduleConfigs(),
  ];
  const files = [fromRadio(15, new FieldWriter().text(1, "/prefs/config.proto").varint(2, 512))];
  return part === "config" ? config : [...config, ...nodeInfos, ...files];
}

function fromRadio(number: number, content: FieldWriter): Uint8Array {
  return new FieldWriter().bytes(number, content.finish()).finish();
}

function myInfo(facts: NodeFacts): Uint8Array {
  return fromRadio(3, new FieldWriter().varint(1, facts.num).varintUnlessZero(8, facts.rebootCount()));
}

function metadata(facts: NodeFacts): Uint8Array {
  const version = facts.options.signsBroadcasts ? "2.8.0.7754068" : "2.7.11.ae71047";
  return fromRadio(13, new FieldWriter().text(1, version).varint(2, 24).varint(9, 43).varint(11, 1));
}

function nodeInfo(node: { num: number; publicBytes: Uint8Array | null }, { options }: NodeFacts): Uint8Array {
  const name = node.num.toString(16).padStart(8, "0");
  const user = new FieldWriter().text(1, `!${name}`).text(2, `Radio ${name}`).text(3, name.slice(-4));
  user.varint(5, 43);
  if (options.isLicensed) user.varint(6, 1);
  else if (options.pki && node.publicBytes) user.bytes(8, node.publicBytes);
  const info = new FieldWriter().varint(1, node.num).bytes(2, user.finish()).float(4, 6.5);
  return fromRadio(4, info.fixed32(5, 1_790_000_000).varint(9, 0));
}

function strangers(facts: NodeFacts): Uint8Array[] {
  return Array.from({ length: facts.options.strangerCount }, (_, index) =>
    nodeInfo({ num: 0xa0000000 + index, publicBytes: null }, facts),
  );
}

/** Eight slots; those without a channel are disabled. */
function channels({ options }: NodeFacts): Uint8Array[] {
  return Array.from({ length: 8 }, (_, index) => {
    const channel = options.channels[index];
    const writer = new FieldWriter().varintUnlessZero(1, index);
    if (!channel) return fromRadio(10, writer);
    const settings = new FieldWriter().bytes(2, channel.key).text(3, channel.name);
    return fromRadio(10, writer.bytes(2, settings.finish()).varint(3, index === 0 ? 1 : 2));
  });
}

/** Device, position, power, network, display, LoRa, Bluetooth, security: only LoRa says anything here. */
function configs({ options }: NodeFacts): Uint8Array[] {
  const lora = new FieldWriter()
    .varint(1, 1)
    .varintUnlessZero(2, presetCode(options.preset))
    .varint(7, regionCode(options.region))
    .varint(8, options.hopLimit)
    .varint(9, 1)
    .varint(10, 27);
  return Array.from({ length: 8 }, (_, index) => {
    const number = index + 1;
    return fromRadio(5, new FieldWriter().bytes(number, number === 6 ? lora.finish() : new Uint8Array(0)));
  });
}

function moduleConfigs(): Uint8Array[] {
  return Array.from({ length: 13 }, (_, index) =>
    fromRadio(9, new FieldWriter().bytes(index + 1, new Uint8Array(0))),
  );
}
