import { type BearerWorld, countingClock, describeBearer } from "@estafette/conformance";
import { sleep } from "@estafette/contract";
import { MqttBroker } from "@estafette/emulators";
import { bearerHost, systemClock, systemRng } from "@estafette/runtime";
import mqttPlugin from "./index.js";

describeBearer("mqtt over an emulated broker", () => onBroker(false));
describeBearer("mqtt over a broker that delivers twice", () => onBroker(true));

/** Both ends on real sockets. */
async function onBroker(twice: boolean): Promise<BearerWorld> {
  const clock = countingClock(systemClock());
  const host = bearerHost({ clock, rng: systemRng(), log() {} });
  const broker = new MqttBroker({ clock: systemClock(), twice });
  const url = await broker.start();
  const end = (name: string, other: string) =>
    mqttPlugin.create(mqttPlugin.parse({ broker: url, name, with: [other], willDelayS: 0 }), host);
  return {
    a: end("ship", "shore"),
    b: end("shore", "ship"),
    patienceMs: 12_000,
    advance: (durationMs) => sleep(systemClock(), Math.min(durationMs, 100)),
    pendingTimers: () => clock.pendingTimers,
    cut: () => broker.setCut(true),
    restore: () => broker.setCut(false),
    injectTowardsA: (bytes) => broker.inject("estafette/parcel/ship/shore", bytes),
    keepsUnsettled: !twice,
    close: () => broker.stop(true),
  };
}
