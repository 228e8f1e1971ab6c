import sbd from "@estafette/bearer-sbd";
import type { Bearer, BearerHost } from "@estafette/contract";
import {
  createByteExchange,
  createBytePipe,
  deliverByDirectIp,
  SbdGateway,
  SbdModem,
  type SbdOptions,
  serveMt,
} from "@estafette/emulators";
import type { VirtualWorld } from "./world.js";

const IMEI = "300434060000001";

/** One modem, the operator's gateway, and DirectIP ashore, in a virtual world. */
export function shortBursts(world: VirtualWorld, options: Partial<SbdOptions> = {}) {
  const { clock, rng } = world;
  const exchange = createByteExchange();
  const gateway = new SbdGateway({
    clock,
    deliver: deliverByDirectIp({ clock, open: () => exchange.call("gateway") }),
  });
  const modem = new SbdModem({ clock, gateway, imei: IMEI, ...options });
  const ship: BearerHost = {
    ...{ clock, rng, log: () => undefined },
    open: async () => modem.open(),
    listen: () => Promise.reject(new Error("a modem does not listen")),
  };
  const shore: BearerHost = {
    ...{ clock, rng, log: () => undefined },
    async open() {
      const [ours, theirs] = createBytePipe("shore", "gateway");
      void serveMt(gateway, theirs);
      return ours;
    },
    listen: async (url) => exchange.listen(url),
  };
  const ashore = { role: "directip", imeis: [IMEI], listen: "127.0.0.1:10801", gateway: "127.0.0.1:10800" };
  return {
    ...{ gateway, modem },
    bill: () => gateway.bill(IMEI),
    ship: (): Bearer => sbd.create(sbd.parse({ port: "/dev/modem" }), ship),
    shore: (): Bearer => sbd.create(sbd.parse(ashore), shore),
  };
}
