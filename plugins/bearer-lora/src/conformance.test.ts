import {
  type BearerWorld,
  countingClock,
  describeBearer,
  seededRng,
  VirtualClock,
} from "@estafette/conformance";
import type { BearerHost } from "@estafette/contract";
import { createRnodes, type RnodeOptions } from "@estafette/emulators";
import { slipEncode } from "@estafette/framing";
import loraPlugin from "./index.js";

describeBearer("lora by RNodes", () => emulated({}));
describeBearer("lora by RNodes that miss packets, in two packets each", () =>
  emulated({ loss: 0.1 }, { parcelBytesMax: 506 }),
);
describeBearer("lora with an airtime budget", () => emulated({}, { airtimeMsPerHourMax: 20_000 }));

async function emulated(options: Partial<RnodeOptions>, config: object = {}): Promise<BearerWorld> {
  const airClock = new VirtualClock();
  const clock = countingClock(airClock);
  const boards = createRnodes({ ...options, clock: airClock });
  const end = (node: number) => {
    const host: BearerHost = {
      clock,
      rng: seededRng(3),
      log() {},
      open: async () => boards.open(node),
      listen: () => Promise.reject(new Error("a board does not listen")),
    };
    const raw = { port: "/dev/rnode", frequency: "869.525 MHz", address: node + 1, nodes: [2 - node] };
    return loraPlugin.create(loraPlugin.parse({ ...raw, ...config }), host);
  };
  return {
    a: end(0),
    b: end(1),
    patienceMs: 240_000,
    advance: (durationMs) => airClock.advance(durationMs),
    pendingTimers: () => clock.pendingTimers,
    cut: () => boards.setCut(true),
    restore: () => boards.setCut(false),
    injectTowardsA: (bytes) => boards.inject(0, bytes),
    frame: (bytes) => slipEncode(Uint8Array.of(0, 1, 2, ...bytes)),
    async close() {
      boards.close();
    },
  };
}
