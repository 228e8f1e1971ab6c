import type { ByteLink, Clock } from "@estafette/contract";
import { EMULATOR_LIMITS } from "./limits.js";
import type { MobileOriginated, SbdGateway } from "./sbd-gateway.js";

/*
 * The operator's side of DirectIP: 01 ‖ overall length u16 ‖ elements { id u8, length u16, content }, big-endian. One message
 * on each TCP connection.
 */

/** What the operator sends ashore for one session: header 0x01, payload 0x02 if there is one, location 0x03. */
export function moMessage(message: MobileOriginated): Uint8Array {
  const header = new DataView(new ArrayBuffer(28));
  header.setUint32(0, message.cdr);
  writeText(header, 4, message.imei);
  header.setUint8(19, 0);
  header.setUint16(20, message.momsn);
  header.setUint16(22, message.mtmsn);
  header.setUint32(24, message.unixS);
  const location = new DataView(new ArrayBuffer(11));
  location.setUint8(1, 59);
  location.setUint16(2, 54_321);
  location.setUint8(4, 10);
  location.setUint16(5, 44_444);
  location.setUint32(7, 3);
  const payload = message.payload.length > 0 ? element(0x02, message.payload) : [];
  return framed([...element(0x01, bytesOf(header)), ...payload, ...element(0x03, bytesOf(location))]);
}

/** Delivers over a fresh connection, and waits for the confirmation element 0x05 with content 1 where that is agreed. */
export function deliverByDirectIp(how: {
  readonly clock: Clock;
  readonly open: () => Promise<ByteLink>;
  /** Whether the owner confirms each message. Default true. */
  readonly confirmed?: boolean;
  /** Milliseconds a confirmation is waited for. Default 60 000. */
  readonly patienceMs?: number;
}): (message: MobileOriginated) => Promise<boolean> {
  const { confirmed = true, patienceMs = 60_000 } = how;
  return async (message) => {
    const link = await how.open();
    const cancel = how.clock.timer(patienceMs, () => link.close());
    try {
      await link.write(moMessage(message));
      if (!confirmed) return true;
      const answer = await readFramed(link);
      return elementsOf(answer).some(({ id, content }) => id === 0x05 && content[0] === 1);
    } finally {
      cancel();
      link.close();
    }
  };
}

/** Serves one connection that brings a message for a ship. */
export async function serveMt(gateway: SbdGateway, link: ByteLink): Promise<void> {
  try {
    const request = await readFramed(link);
    await link.write(mtAnswer(gateway, request));
  } catch {
    // A caller that breaks off gets no answer.
  } finally {
    link.close();
  }
}

function mtAnswer(gateway: SbdGateway, request: Uint8Array): Uint8Array {
  const elements = elementsOf(request);
  const header = elements.find(({ id }) => id === 0x41)?.content;
  const payload = elements.find(({ id }) => id === 0x42)?.content ?? new Uint8Array(0);
  const confirmation = new DataView(new ArrayBuffer(25));
  if (header?.length !== 21) {
    confirmation.setInt16(23, -7);
    return framed(element(0x44, bytesOf(confirmation)));
  }
  for (let at = 0; at < 19; at++) confirmation.setUint8(at, header[at] ?? 0);
  const imei = new TextDecoder("latin1").decode(header.subarray(4, 19));
  const flags = ((header[19] ?? 0) << 8) | (header[20] ?? 0);
  const status = /^\d{15}$/.test(imei) ? gateway.enqueue(imei, payload, (flags & 1) !== 0) : -1;
  confirmation.setUint32(19, status > 0 ? 0x10000 + status : 0);
  confirmation.setInt16(23, status);
  return framed(element(0x44, bytesOf(confirmation)));
}

/** One whole message; rejects when the caller closes before, or says something longer or of another version. */
async function readFramed(link: ByteLink): Promise<Uint8Array> {
  let held = new Uint8Array(0);
  for await (const chunk of link.readable) {
    held = Uint8Array.from([...held, ...chunk]);
    if (held.length < 3) continue;
    const whole = 3 + (((held[1] ?? 0) << 8) | (held[2] ?? 0));
    if (held[0] !== 1 || whole > EMULATOR_LIMITS.sbdDirectIpBytesMax) break;
    if (held.length >= whole) return held.subarray(0, whole);
  }
  throw new Error("no whole message");
}

function elementsOf(message: Uint8Array): { readonly id: number; readonly content: Uint8Array }[] {
  const found = [];
  for (let at = 3; at + 3 <= message.length; ) {
    const length = ((message[at + 1] ?? 0) << 8) | (message[at + 2] ?? 0);
    found.push({ id: message[at] ?? 0, content: message.subarray(at + 3, at + 3 + length) });
    at += 3 + length;
  }
  return found;
}

function element(id: number, content: Uint8Array): number[] {
  return [id, content.length >> 8, content.length & 0xff, ...content];
}

function framed(elements: readonly number[]): Uint8Array {
  return Uint8Array.from([1, elements.length >> 8, elements.length & 0xff, ...elements]);
}

function writeText(view: DataView, at: number, text: string): void {
  for (let index = 0; index < text.length; index++) view.setUint8(at + index, text.charCodeAt(index));
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
