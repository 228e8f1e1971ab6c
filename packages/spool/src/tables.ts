import { DeliveryTable } from "./delivery-table.js";
import { EnvelopeTable } from "./envelope-table.js";
import { LegTable } from "./leg-table.js";
import { MessageTable } from "./message-table.js";
import { PartialTable } from "./partial-table.js";
import { SeenTable } from "./seen-table.js";
import { StateTable } from "./state-table.js";
import type { Store } from "./store.js";
import { UntoldTable } from "./untold-table.js";

/** All that is kept, by kind. */
export class Tables {
  readonly messages: MessageTable;
  readonly envelopes: EnvelopeTable;
  readonly legs: LegTable;
  readonly deliveries: DeliveryTable;
  readonly seen: SeenTable;
  readonly partials: PartialTable;
  readonly state: StateTable;
  readonly untold: UntoldTable;

  constructor(store: Store, quotaBytes: number) {
    this.messages = new MessageTable(store);
    this.envelopes = new EnvelopeTable(store);
    this.legs = new LegTable(store);
    this.deliveries = new DeliveryTable(store);
    this.seen = new SeenTable(store);
    this.partials = new PartialTable(store, quotaBytes);
    this.state = new StateTable(store);
    this.untold = new UntoldTable(store);
  }
}
