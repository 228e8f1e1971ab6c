import { createServer, type IncomingMessage, request } from "node:http";
import { OperatingError } from "@estafette/contract";
import { EMULATOR_LIMITS } from "./limits.js";
import type { MobileOriginated, SbdGateway } from "./sbd-gateway.js";

export interface RockBlockSite {
  /** http://127.0.0.1:port/rockblock/MT */
  readonly url: string;
  close(): Promise<void>;
}

export interface RockBlockLogin {
  readonly username: string;
  readonly password: string;
}

/** The reseller's web service for messages to ships, on loopback. Port 0: a free one. */
export function startRockBlockSite(
  gateway: SbdGateway,
  login: RockBlockLogin,
  port = 0,
): Promise<RockBlockSite> {
  const server = createServer((incoming, outgoing) => {
    bodyOf(incoming).then(
      (body) => {
        const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://loopback");
        const found = incoming.method === "POST" && pathname === "/rockblock/MT";
        const fields = new URLSearchParams([...searchParams, ...new URLSearchParams(body)]);
        outgoing.writeHead(found ? 200 : 404, { "content-type": "text/plain", connection: "close" });
        outgoing.end(found ? answerTo(fields, gateway, login) : "");
      },
      () => incoming.destroy(),
    );
  });
  return new Promise((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new OperatingError("EST_OPERATING_PORT_GONE", `cannot listen on port ${port}`, { cause })),
    );
    server.listen(port, "127.0.0.1", () => {
      const bound = server.address();
      const boundPort = typeof bound === "object" && bound ? bound.port : port;
      const close = (): Promise<void> =>
        new Promise((done) => {
          server.close(() => done());
          server.closeAllConnections();
        });
      resolve({ url: `http://127.0.0.1:${boundPort}/rockblock/MT`, close });
    });
  });
}

let lastMtId = 4_114_650;

function answerTo(fields: URLSearchParams, gateway: SbdGateway, login: RockBlockLogin): string {
  const wrongLogin = fields.get("username") !== login.username || fields.get("password") !== login.password;
  if (wrongLogin) return "FAILED,10,Invalid login credentials";
  const data = fields.get("data") ?? "";
  if (data === "") return "FAILED,16,No data";
  if (!/^([0-9a-fA-F]{2})+$/.test(data)) return "FAILED,14,Could not decode hex data";
  const status = gateway.enqueue(
    fields.get("imei") ?? "",
    Uint8Array.from(Buffer.from(data, "hex")),
    fields.get("flush") === "yes",
  );
  if (status === -2) return "FAILED,11,No RockBLOCK with this IMEI found on your account";
  if (status === -3) return "FAILED,15,Data too long";
  return status < 0 ? "FAILED,99,System error" : `OK,${++lastMtId}`;
}

/** Posts each message to the owner's web hook; taken when he answers 200 within three seconds. `json`: the other form. */
export function deliverByWebHook(url: string, json = false): (message: MobileOriginated) => Promise<boolean> {
  return (message) => {
    const when = new Date(message.unixS * 1_000).toISOString();
    const fields = {
      imei: message.imei,
      serial: "12345",
      momsn: String(message.momsn),
      transmit_time: `${when.slice(2, 10)} ${when.slice(11, 19)}`,
      iridium_latitude: "59.9052",
      iridium_longitude: "10.7407",
      iridium_cep: "3",
      data: Buffer.from(message.payload).toString("hex"),
    };
    const body = json ? JSON.stringify(fields) : new URLSearchParams(fields).toString();
    const contentType = json ? "application/json" : "application/x-www-form-urlencoded";
    return post(url, contentType, body);
  };
}

function post(url: string, contentType: string, body: string): Promise<boolean> {
  const headers = { "content-type": contentType, "content-length": Buffer.byteLength(body) };
  return new Promise((resolve) => {
    const call = request(url, { method: "POST", headers, timeout: HOOK_MS_MAX }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    call.on("timeout", () => call.destroy());
    call.on("error", () => resolve(false));
    call.end(body);
  });
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of incoming) {
    body += String(chunk);
    if (body.length > EMULATOR_LIMITS.sbdRequestBytesMax) throw new Error("too long");
  }
  return body;
}

const HOOK_MS_MAX = 3_000;
