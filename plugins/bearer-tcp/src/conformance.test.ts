import { type BearerWorld, countingClock, describeBearer } from "@estafette/conformance";
import { type BearerHost, type ByteLink, OperatingError, sleep } from "@estafette/contract";
import { encodeLengthPrefixed } from "@estafette/framing";
import { bearerHost, systemClock, systemRng } from "@estafette/runtime";
import tcpPlugin from "./index.js";

describeBearer("tcp over loopback", createLoopback);

/** `a` calls, `b` listens, on real sockets. */
async function createLoopback(): Promise<BearerWorld> {
  const clock = countingClock(systemClock());
  const real = bearerHost({ clock, rng: systemRng(), log() {} });
  const served: ByteLink[] = [];
  const called: ByteLink[] = [];
  let boundUrl = "";
  let cut = false;

  const listening: BearerHost = {
    ...real,
    async listen(url, signal) {
      const listener = await real.listen(boundUrl || url, signal);
      boundUrl = listener.url;
      async function* links(): AsyncGenerator<ByteLink> {
        for await (const link of listener.links) {
          served.push(link);
          yield link;
        }
      }
      return { ...listener, links: links() };
    },
  };
  const calling: BearerHost = {
    ...real,
    async open(_url, signal) {
      for (let attempt = 0; attempt < 200 && !signal.aborted; attempt++) {
        if (cut) throw new OperatingError("EST_OPERATING_PORT_GONE", "cut");
        const link = boundUrl ? await real.open(boundUrl, signal).catch(() => null) : null;
        if (link) {
          called.push(link);
          return link;
        }
        await sleep(clock, 10, signal);
      }
      throw new OperatingError("EST_OPERATING_PORT_GONE", "nobody listens");
    },
  };
  return {
    a: tcpPlugin.create(tcpPlugin.parse({ connect: "127.0.0.1:1" }), calling),
    b: tcpPlugin.create(tcpPlugin.parse({ listen: "127.0.0.1:0" }), listening),
    patienceMs: 12_000,
    advance: (durationMs) => sleep(systemClock(), Math.min(durationMs, 250)),
    pendingTimers: () => clock.pendingTimers,
    cut() {
      cut = true;
      for (const link of called) link.close();
    },
    restore() {
      cut = false;
    },
    injectTowardsA(bytes) {
      served
        .at(-1)
        ?.write(bytes)
        .catch(() => {});
    },
    frame: encodeLengthPrefixed,
    async close() {
      for (const link of [...called, ...served]) link.close();
    },
  };
}
