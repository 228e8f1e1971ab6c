import { createServer, type Server, type Socket } from "node:net";
import { type Clock, OperatingError } from "@estafette/contract";
import { EMULATOR_LIMITS } from "./limits.js";
import {
  FieldReader,
  PacketCutter,
  PROPERTY,
  type Properties,
  packet,
  properties,
  type RawPacket,
  u16,
} from "./mqtt-packets.js";
import { isMatch, type MqttMessage, MqttSession } from "./mqtt-session.js";

export interface MqttBrokerOptions {
  readonly clock: Clock;
  /** Default: everybody. */
  readonly login?: { readonly username: string; readonly password: string };
  /** Largest packet taken, announced to clients. Default 1 000 000. */
  readonly packetBytesMax?: number;
  /** Delivers each message twice. Default false. */
  readonly twice?: boolean;
}

interface Connection {
  readonly socket: Socket;
  readonly clientId: string;
  readonly session: MqttSession;
  readonly expiryS: number;
  will: { readonly message: MqttMessage; readonly delayS: number } | null;
}

const NO_PROPERTIES: Properties = new Map();

/** An MQTT 5 broker on loopback: sessions that outlive connections, quality of service 0 and 1, expiry, retained messages,
 *  wills. It reads and writes MQTT with a codec of its own. */
export class MqttBroker {
  readonly #sessions = new Map<string, MqttSession>();
  readonly #connections = new Map<string, Connection>();
  readonly #sockets = new Set<Socket>();
  readonly #retained = new Map<string, MqttMessage>();
  readonly #timers = new Map<string, () => void>();
  #server: Server | null = null;
  #port = 0;
  #cut = false;

  constructor(private readonly options: MqttBrokerOptions) {}

  /** Listens; resolves with mqtt://127.0.0.1:port. The port stays the same after {@link stop}. */
  start(): Promise<string> {
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once("error", (cause) =>
        reject(new OperatingError("EST_OPERATING_PORT_GONE", "the broker cannot listen", { cause })),
      );
      server.listen(this.#port, "127.0.0.1", () => {
        const bound = server.address();
        this.#port = typeof bound === "object" && bound ? bound.port : this.#port;
        resolve(`mqtt://127.0.0.1:${this.#port}`);
      });
    });
  }

  /** Everybody is thrown out. `forget`: as a broker without a disk, it loses sessions, queues and retained messages. */
  async stop(forget = false): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.#dropAll();
    if (forget) {
      this.#sessions.clear();
      this.#retained.clear();
      for (const cancel of this.#timers.values()) cancel();
      this.#timers.clear();
    }
    await new Promise<void>((resolve) => {
      if (server) server.close(() => resolve());
      else resolve();
    });
  }

  /** The network is gone, or back. */
  setCut(cut: boolean): void {
    this.#cut = cut;
    if (cut) this.#dropAll();
  }

  /** One client's connection breaks. */
  drop(clientId: string): void {
    this.#connections.get(clientId)?.socket.destroy();
  }

  /** A message from nobody. */
  inject(topic: string, payload: Uint8Array): void {
    const message = {
      topic,
      payload,
      qos: 1,
      retain: false,
      properties: NO_PROPERTIES,
      untilMs: Infinity,
    } as const;
    this.#route(message);
  }

  /** Messages kept for a client: queued, or not acknowledged. */
  waitingFor(clientId: string): number {
    return this.#sessions.get(clientId)?.waiting ?? 0;
  }

  #dropAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    if (this.#cut || this.#sockets.size >= EMULATOR_LIMITS.mqttClientsMax) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    const cutter = new PacketCutter(this.options.packetBytesMax ?? DEFAULT_PACKET_BYTES_MAX);
    let connection: Connection | null = null;
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      try {
        for (const raw of cutter.push(bytes)) {
          if (connection) this.#on(connection, raw);
          else if (raw.type === CONNECT) connection = this.#connect(socket, raw);
          else socket.destroy();
        }
      } catch {
        socket.destroy(); // malformed packet
      }
    });
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (connection) this.#gone(connection);
    });
  }

  #connect(socket: Socket, raw: RawPacket): Connection | null {
    const fields = new FieldReader(raw.body);
    const isMqtt5 = fields.text() === "MQTT" && fields.u8() === 5;
    if (!isMqtt5) return refuse(socket, 0x84);
    const flags = fields.u8();
    fields.u16(); // keep alive: a dead client shows as a closed socket here
    const about = fields.properties();
    const clientId = fields.text() || `auto-${this.#sessions.size}`;
    const will = (flags & 4) !== 0 ? this.#will(fields, flags) : null;
    const username = (flags & 0x80) !== 0 ? fields.text() : "";
    const password = (flags & 0x40) !== 0 ? fields.text() : "";
    const { login } = this.options;
    if (login && (login.username !== username || login.password !== password)) return refuse(socket, 0x86);
    const before = this.#connections.get(clientId);
    before?.socket.end(packet(DISCONNECT, 0, [0x8e], properties(NO_PROPERTIES)));
    const clean = (flags & 2) !== 0;
    const present = !clean && this.#sessions.has(clientId);
    const session = this.#session(clientId, present);
    const expiryS = numberOf(about, PROPERTY.sessionExpiry, 0);
    const connection = { socket, clientId, session, expiryS, will };
    this.#connections.set(clientId, connection);
    this.#cancel(clientId);
    const announced = new Map<number, number>([
      [PROPERTY.maximumQos, 1],
      [PROPERTY.maximumPacket, this.options.packetBytesMax ?? DEFAULT_PACKET_BYTES_MAX],
    ]);
    socket.write(packet(CONNACK, 0, [present ? 1 : 0, 0], properties(announced)));
    session.attach((bytes) => socket.write(bytes), numberOf(about, PROPERTY.receiveMaximum, 0xffff));
    return connection;
  }

  #session(clientId: string, present: boolean): MqttSession {
    const kept = present ? this.#sessions.get(clientId) : undefined;
    const nowMs = () => this.options.clock.monotonicMs();
    const session = kept ?? new MqttSession(nowMs, this.options.twice ?? false);
    this.#sessions.set(clientId, session);
    return session;
  }

  #will(fields: FieldReader, flags: number): Connection["will"] {
    const about = fields.properties();
    const topic = fields.text();
    const payload = fields.binary();
    const qos = ((flags >> 3) & 1) as 0 | 1;
    const delayS = numberOf(about, PROPERTY.willDelay, 0);
    const held = new Map([...about].filter(([id]) => id !== PROPERTY.willDelay));
    return { message: this.#message(topic, payload, qos, (flags & 0x20) !== 0, held), delayS };
  }

  #on(connection: Connection, raw: RawPacket): void {
    const { session, socket } = connection;
    if (raw.type === PUBLISH) this.#published(connection, raw);
    else if (raw.type === PUBACK) session.acknowledged(new FieldReader(raw.body).u16());
    else if (raw.type === SUBSCRIBE) this.#subscribed(connection, raw.body);
    else if (raw.type === PINGREQ) socket.write(packet(PINGRESP, 0));
    else if (raw.type === DISCONNECT) {
      // 0x04: goes, and wants its will to be told.
      if (raw.body.length === 0 || raw.body[0] !== 4) connection.will = null;
      socket.end();
    } else socket.destroy();
  }

  #published({ socket }: Connection, raw: RawPacket): void {
    const qos = (raw.flags >> 1) & 3;
    if (qos > 1) throw new Error("quality of service 2");
    const fields = new FieldReader(raw.body);
    const topic = fields.text();
    const id = qos === 1 ? fields.u16() : 0;
    const about = fields.properties();
    const message = this.#message(topic, fields.rest(), qos as 0 | 1, (raw.flags & 1) !== 0, about);
    if (message.retain) this.#retain(message);
    const reached = this.#route({ ...message, retain: false });
    if (qos === 1) socket.write(packet(PUBACK, 0, u16(id), reached > 0 ? [] : [0x10]));
  }

  #message(topic: string, payload: Uint8Array, qos: 0 | 1, retain: boolean, about: Properties): MqttMessage {
    const expiryS = numberOf(about, PROPERTY.messageExpiry, Infinity);
    const untilMs = this.options.clock.monotonicMs() + expiryS * 1_000;
    return { topic, payload, qos, retain, properties: about, untilMs };
  }

  #retain(message: MqttMessage): void {
    if (message.payload.length === 0) this.#retained.delete(message.topic);
    else if (this.#retained.size < EMULATOR_LIMITS.mqttRetainedMax || this.#retained.has(message.topic))
      this.#retained.set(message.topic, message);
  }

  /** To how many sessions it went. */
  #route(message: MqttMessage): number {
    let reached = 0;
    for (const session of this.#sessions.values()) {
      const granted = session.matches(message.topic);
      if (granted === null) continue;
      reached++;
      session.deliver(message, granted);
    }
    return reached;
  }

  #subscribed({ session, socket }: Connection, body: Uint8Array): void {
    const fields = new FieldReader(body);
    const id = fields.u16();
    fields.properties();
    const granted: number[] = [];
    const wanted: [string, 0 | 1][] = [];
    while (fields.hasMore) {
      const filter = fields.text();
      const qos = Math.min(fields.u8() & 3, 1) as 0 | 1;
      session.filters.set(filter, qos);
      wanted.push([filter, qos]);
      granted.push(qos);
    }
    socket.write(packet(SUBACK, 0, u16(id), properties(NO_PROPERTIES), granted));
    for (const [filter, qos] of wanted) {
      for (const message of this.#retained.values())
        if (isMatch(filter, message.topic)) session.deliver(message, qos);
    }
  }

  /** The socket is closed: the session waits, and the will is told, each after its time. */
  #gone({ clientId, session, socket, expiryS, will }: Connection): void {
    if (this.#connections.get(clientId)?.socket !== socket) return; // taken over
    this.#connections.delete(clientId);
    session.detach();
    if (will) this.#after(`${clientId} will`, will.delayS, () => this.#tell(will.message));
    if (expiryS < 0xffffffff) this.#after(clientId, expiryS, () => this.#sessions.delete(clientId));
  }

  #tell(message: MqttMessage): void {
    if (message.retain) this.#retain(message);
    this.#route({ ...message, retain: false });
  }

  #after(name: string, delayS: number, then: () => void): void {
    const delayMs = Math.min(delayS * 1_000, TIMER_MS_MAX);
    this.#timers.set(name, this.options.clock.timer(delayMs, then));
  }

  #cancel(clientId: string): void {
    for (const name of [clientId, `${clientId} will`]) {
      this.#timers.get(name)?.();
      this.#timers.delete(name);
    }
  }
}

function refuse(socket: Socket, reason: number): null {
  socket.end(packet(CONNACK, 0, [0, reason], properties(NO_PROPERTIES)));
  return null;
}

function numberOf(held: Properties, id: number, otherwise: number): number {
  const value = held.get(id);
  return typeof value === "number" ? value : otherwise;
}

const [CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT] = [
  1, 2, 3, 4, 8, 9, 12, 13, 14,
];
const DEFAULT_PACKET_BYTES_MAX = 1_000_000;
const TIMER_MS_MAX = 2 ** 31 - 1;
