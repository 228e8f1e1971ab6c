import type { FromRadio, LoraSettings, RadioNode } from "./from-radio.js";
import { MESHTASTIC_LIMITS } from "./limits.js";
import { dutyMsPerHourMax, LONG_FAST, type Modulation, modulationOf } from "./modulation.js";

/** What a radio has told about itself and its mesh. */
export class RadioFacts {
  readonly nodes = new Map<number, RadioNode>();
  readonly #channels = new Map<number, { readonly name: string; readonly isEncrypted: boolean }>();
  #lora: LoraSettings | null = null;
  #firmware = "";
  num = 0;

  /** A handshake begins: what it does not name is gone. */
  forget(): void {
    this.nodes.clear();
    this.#channels.clear();
  }

  learn(message: FromRadio): void {
    if (message.type === "my-info") this.num = message.num;
    else if (message.type === "lora") this.#lora = message.lora;
    else if (message.type === "metadata") this.#firmware = message.firmware;
    else if (message.type === "channel" && message.isInUse) this.#channels.set(message.index, message);
    else if (message.type === "node") this.#learnNode(message.node);
  }

  /** A node whose packet came before its entry in the database. */
  meet(num: number): void {
    if (!this.nodes.has(num))
      this.#learnNode({ num, name: "", hasKey: false, isLicensed: false, viaMqtt: false });
  }

  #learnNode(node: RadioNode): void {
    if (this.nodes.size >= MESHTASTIC_LIMITS.nodesMax && !this.nodes.has(node.num)) return;
    this.nodes.set(node.num, node);
  }

  /** Null: the radio has no such channel. */
  channelIndex(channel: string | number): number | null {
    if (typeof channel === "number") return this.#channels.has(channel) ? channel : null;
    for (const [index, { name }] of this.#channels) if (name === channel) return index;
    return null;
  }

  get channelNames(): string {
    return [...this.#channels].map(([index, { name }]) => `${index} "${name}"`).join(", ");
  }

  isEncrypted(channelIndex: number): boolean {
    return this.#channels.get(channelIndex)?.isEncrypted ?? false;
  }

  get modulation(): Modulation {
    return this.#lora ? modulationOf(this.#lora) : LONG_FAST;
  }

  /** What the region allows in an hour, in milliseconds; null: not known yet. */
  get dutyMsPerHourMax(): number | null {
    return this.#lora ? dutyMsPerHourMax(this.#lora.region) : null;
  }

  /** The owner holds an amateur licence: the radio seals nothing. */
  get isLicensed(): boolean {
    return this.nodes.get(this.num)?.isLicensed ?? false;
  }

  /** Firmware from 2.8 on signs what goes to all; one that has not said its version is taken for such a one. */
  get signsBroadcasts(): boolean {
    const [, major, minor] = /^(\d+)\.(\d+)/.exec(this.#firmware) ?? [];
    if (major === undefined) return true;
    return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 8);
  }

  get firmware(): string {
    return this.#firmware;
  }
}
