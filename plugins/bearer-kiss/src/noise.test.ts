import { seededRng } from "@estafette/conformance";
import { ProtocolError } from "@estafette/contract";
import { KissReader, kissEncode } from "@estafette/framing";
import { describe, expect, it } from "vitest";
import { type Ax25Frame, decodeAx25, encodeUi, isDatagram } from "./ax25.js";

const OWN = { call: "N0AAA", ssid: 1 };
const OTHER = { call: "N0BBB", ssid: 0 };

/** What a bearer would take as a parcel for us. */
function parcelsOf(reader: KissReader, bytes: Uint8Array): string[] {
  return reader.push(bytes).flatMap(({ port, command, data }) => {
    const frame = port === 0 && command === 0 ? decoded(data) : null;
    const isOurs = frame?.destination.call === OWN.call && frame.destination.ssid === OWN.ssid;
    return frame && isOurs && isDatagram(frame) ? [Buffer.from(frame.info).toString("hex")] : [];
  });
}

function decoded(data: Uint8Array): Ax25Frame | null {
  try {
    return decodeAx25(data);
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

/** What a KISS frame cannot do: notice damage within itself. The CRC-32 of bearer-serial's frames does, and has its own
 *  10 MB of noise; here what was damaged is refused by the link, which authenticates each frame. */
describe("intact frames on a noisy serial line", () => {
  it("are found in 10 MB of noise and frames: at least 99.9 %, and noise is never a parcel", () => {
    const rng = seededRng(17);
    const reader = new KissReader(2_120);
    const sent = new Set<string>();
    const heard: string[] = [];
    let lineBytes = 0;
    for (let index = 0; lineBytes < 10_000_000; index++) {
      const info = rng.bytes(20 + (index % 237));
      new DataView(info.buffer, info.byteOffset).setUint32(0, index);
      sent.add(Buffer.from(info).toString("hex"));
      const data = encodeUi({ destination: OWN, source: OTHER, via: [], info });
      for (const bytes of [rng.bytes(50 + (index % 9) * 300), kissEncode({ port: 0, command: 0, data })]) {
        lineBytes += bytes.length;
        heard.push(...parcelsOf(reader, bytes));
      }
    }
    expect(heard.filter((each) => !sent.has(each))).toEqual([]);
    expect(new Set(heard).size / sent.size).toBeGreaterThanOrEqual(0.999);
  });
});
