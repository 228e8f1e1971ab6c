import {
  type BearerWorld,
  countingClock,
  describeBearer,
  seededRng,
  VirtualClock,
} from "@estafette/conformance";
import type { BearerHost } from "@estafette/contract";
import { createMeshtasticMesh, type HostCable, type MeshtasticOptions } from "@estafette/emulators";
import meshtasticPlugin from "./index.js";
import { nodeName } from "./node-names.js";
import { frame } from "./to-radio.js";
import { type WireField, writeFields } from "./wire.js";

describeBearer("meshtastic, direct, by serial port", () => emulated({}));
describeBearer("meshtastic, direct, over TCP", () => emulated({}, {}, "tcp"));
describeBearer("meshtastic, to all on a channel", () => emulated({}, { mode: "channel" }));
describeBearer("meshtastic over a mesh that loses and doubles, by way of a third radio", () =>
  emulated({
    nodeCount: 3,
    deaf: [[0, 1]],
    loss: 0.1,
    defects: { givesTwice: true, textBetweenFrames: true },
  }),
);
describeBearer("meshtastic with acknowledgements", () => emulated({ ackLoss: 0.2 }, { acknowledge: true }));
describeBearer("meshtastic with firmware that answers no packet", () =>
  emulated({ defects: { noQueueStatus: true, reorders: true }, signsBroadcasts: false }),
);
describeBearer("meshtastic with an airtime budget", () => emulated({}, { airtimeMsPerHourMax: 12_000 }));

async function emulated(
  options: Partial<MeshtasticOptions>,
  config: object = {},
  cable: HostCable = "serial",
): Promise<BearerWorld> {
  const airClock = new VirtualClock();
  const clock = countingClock(airClock);
  const mesh = createMeshtasticMesh({ preset: "MediumFast", ...options, clock: airClock });
  const [numA = 0, numB = 0] = mesh.nums;
  const end = (node: number, far: number) => {
    const host: BearerHost = {
      clock,
      rng: seededRng(3 + node),
      log() {},
      open: async () => mesh.open(node, cable),
      listen: () => Promise.reject(new Error("a radio does not listen")),
    };
    const raw = { port: "/dev/radio", nodes: [nodeName(far)], ...config };
    return meshtasticPlugin.create(meshtasticPlugin.parse(raw), host);
  };
  return {
    a: end(0, numB),
    b: end(1, numA),
    patienceMs: 240_000,
    advance: (durationMs) => airClock.advance(durationMs),
    pendingTimers: () => clock.pendingTimers,
    cut: () => mesh.setCut(true),
    restore: () => mesh.setCut(false),
    injectTowardsA: (bytes) => mesh.inject(0, bytes),
    frame: (bytes) => heardFrame(numB, numA, bytes),
    async close() {
      mesh.close();
    },
  };
}

/** What a radio tells its host of a packet from `from` to `to`. */
function heardFrame(from: number, to: number, payload: Uint8Array): Uint8Array {
  const data: WireField[] = [
    { number: 1, kind: "varint", value: 256 },
    { number: 2, kind: "bytes", bytes: payload },
  ];
  const packet: WireField[] = [
    { number: 1, kind: "fixed32", value: from },
    { number: 2, kind: "fixed32", value: to },
    { number: 4, kind: "bytes", bytes: writeFields(data) },
    { number: 6, kind: "fixed32", value: 77 },
  ];
  return frame(writeFields([{ number: 2, kind: "bytes", bytes: writeFields(packet) }]));
}
