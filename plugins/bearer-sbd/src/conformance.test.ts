import {
  type BearerWorld,
  countingClock,
  describeBearer,
  seededRng,
  VirtualClock,
} from "@estafette/conformance";
import type { BearerHost } from "@estafette/contract";
import {
  createByteExchange,
  createBytePipe,
  deliverByDirectIp,
  SbdGateway,
  SbdModem,
  type SbdOptions,
  serveMt,
} from "@estafette/emulators";
import sbdPlugin from "./index.js";

const IMEI = "300434060000001";

describeBearer("sbd, a 9602 and DirectIP", () => emulated({}));
describeBearer("sbd, rings inside replies, no spaces, no status commands", () =>
  emulated({ ringInsideReply: true, spaces: false, answersStatus: false, garbageBytes: 300 }),
);

/** Ship and shore in virtual time: the modem's line and the operator's connections lie in memory. */
async function emulated(options: Partial<SbdOptions>): Promise<BearerWorld> {
  const world = new VirtualClock();
  const clock = countingClock(world);
  const exchange = createByteExchange();
  const gateway = new SbdGateway({
    clock: world,
    deliver: deliverByDirectIp({
      clock: world,
      open: () => exchange.call("gateway"),
    }),
  });
  const modem = new SbdModem({ clock: world, gateway, imei: IMEI, ...options });
  modem.powerCycle();
  const ship: BearerHost = {
    ...{ clock, rng: seededRng(3), log() {} },
    open: async () => modem.open(),
    listen: () => Promise.reject(new Error("a modem does not listen")),
  };
  const shore: BearerHost = {
    ...{ clock, rng: seededRng(4), log() {} },
    async open() {
      const [ours, theirs] = createBytePipe("shore", "gateway");
      void serveMt(gateway, theirs);
      return ours;
    },
    listen: async (url) => exchange.listen(url),
  };
  const shoreConfig = {
    role: "directip",
    imeis: [IMEI],
    listen: "127.0.0.1:10801",
    gateway: "127.0.0.1:10800",
  };
  return {
    a: sbdPlugin.create(sbdPlugin.parse({ port: "/dev/modem", parcelBytesMax: 250 }), ship),
    b: sbdPlugin.create(sbdPlugin.parse(shoreConfig), shore),
    patienceMs: 600_000,
    advance: (durationMs) => world.advance(durationMs),
    pendingTimers: () => clock.pendingTimers,
    cut: () => modem.setService(false),
    restore: () => modem.setService(true),
    injectTowardsA: (bytes) => modem.inject(bytes),
    keepsUnsettled: true,
    async close() {
      modem.close();
      gateway.close();
    },
  };
}
