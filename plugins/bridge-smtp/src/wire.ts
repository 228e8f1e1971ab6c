import type { Socket } from "node:net";
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from "smtp-server";
import { limits } from "./limits.js";

/*
 * smtp-server ends a mail only at CR LF . CR LF, but it keeps a bare CR or LF in the body, splits commands at a bare
 * LF, drops source routes silently and takes data that arrived before its 354. So every byte a client sends in the
 * clear or inside TLS passes here first, beside the library's own reader:
 *
 *   socket ──► Wire.feed ──► violation? answer 550 5.5.2 and close: the library reads nothing of this chunk
 *          └─► smtp-server's parser ──► events below
 */

/** What a session's bytes have shown so far. */
export class Wire {
  private mode: "command" | "answer-first" | "data" = "command";
  private previous = 0;
  private line = "";
  private lineChars = 0;
  /** Replies the client may still expect. */
  private owed = 0;
  private broken = false;
  private readonly routed = new Set<string>();

  constructor(
    private readonly finalReplies: () => number,
    private readonly onViolation: (what: string) => void,
  ) {}

  /** `true` after a violation: nothing of this session counts any more. */
  get violated(): boolean {
    return this.broken;
  }

  /** Whether the address was given behind a source route (RFC 5321 appendix C) in this session. */
  wasRouted(address: string): boolean {
    return this.routed.has(address.toLowerCase());
  }

  /** A TLS session begins: what came before it is forgotten (RFC 3207 §4.2). */
  restart(): void {
    this.mode = "command";
    this.previous = 0;
    this.line = "";
    this.lineChars = 0;
    this.owed = 0;
    this.routed.clear();
  }

  /** The library answered. Data may follow 354 and nothing else. */
  answered(code: number): void {
    if (this.owed > 0) this.owed--;
    if (this.mode === "answer-first" && this.owed === 0) this.mode = code === 354 ? "data" : "command";
  }

  feed(chunk: Uint8Array): void {
    for (const byte of chunk) {
      if (this.broken) return;
      if (this.mode === "answer-first") this.violate("data before the answer");
      else if (byte === 0) this.violate("NUL");
      else if (this.previous === 13 && byte !== 10) this.violate("bare CR");
      else if (byte === 10 && this.previous !== 13) this.violate("bare LF");
      else if (byte === 10) this.endLine();
      else if (byte !== 13) this.take(byte);
      this.previous = byte;
    }
  }

  private take(byte: number): void {
    this.lineChars++;
    if (this.mode === "command" && this.line.length < 1_024) this.line += String.fromCharCode(byte);
    else if (this.mode === "data" && this.lineChars === 1) this.line = String.fromCharCode(byte);
  }

  private endLine(): void {
    const { line, lineChars } = this;
    this.line = "";
    this.lineChars = 0;
    if (this.mode === "data") {
      if (lineChars !== 1 || line !== ".") return;
      this.mode = "command";
      this.owed += this.finalReplies();
      return;
    }
    this.owed++;
    if (/^(?:DATA|STARTTLS)\s*$/i.test(line)) this.mode = "answer-first";
    const path = /^(?:MAIL FROM|RCPT TO)\s*:\s*<@[^>]*:([^:>]*)>/i.exec(line)?.[1];
    if (path === undefined) return;
    this.routed.add(path.toLowerCase());
    if (this.routed.size > limits.routedPathsMax) this.violate("too many source routes");
  }

  private violate(what: string): void {
    this.broken = true;
    this.onViolation(what);
  }
}

/** How many clients a listener takes. */
export interface ConnectionBounds {
  readonly connectionsMax: number;
  readonly perAddressMax: number;
}

/** An SMTPServer whose every session has a {@link Wire}. */
export class StrictServer extends SMTPServer {
  private readonly wires = new WeakMap<SMTPServerSession, Wire>();
  private readonly sessions = new WeakMap<Wire, SMTPServerSession>();
  private readonly watched = new WeakSet<Socket>();
  private readonly bounds: ConnectionBounds;
  private readonly note: (what: string) => void;

  constructor(options: SMTPServerOptions, bounds: ConnectionBounds, note: (what: string) => void) {
    super(options);
    this.bounds = bounds;
    this.note = note;
    // Instance fields shadow the handlers the library copies from options; this one must stay ours.
    this.onSecure = (socket, session, callback) => {
      const wire = this.wires.get(session);
      if (wire !== undefined && !this.watched.has(socket)) {
        wire.restart();
        this.watch(socket, wire);
      }
      callback();
    };
  }

  /** Throws nothing: a session without a wire cannot exist, as {@link connect} makes both. */
  wireOf(session: SMTPServerSession): Wire | undefined {
    return this.wires.get(session);
  }

  override connect(socket: Socket, ...rest: unknown[]): void {
    const from = socket.remoteAddress;
    const same = [...this.connections].filter((other) => other.remoteAddress === plain(from)).length;
    if (this.connections.size >= this.bounds.connectionsMax || same >= this.bounds.perAddressMax) {
      socket.on("error", () => socket.destroy());
      socket.end("421 4.7.0 Too many connections, try again in a moment\r\n");
      socket.resume();
      return;
    }
    const close: (() => void)[] = [];
    const wire: Wire = new Wire(
      () => this.finalReplies(wire),
      (what) => {
        this.note(what);
        for (const step of close) step();
      },
    );
    // Before the library's own listener, so that a bad chunk is known before it is read.
    this.watch(socket, wire);
    const before = new Set(this.connections);
    super.connect(socket, ...(rest as []));
    for (const connection of this.connections) {
      if (before.has(connection)) continue;
      this.sessions.set(wire, connection.session);
      this.wires.set(connection.session, wire);
      const send = connection.send.bind(connection);
      connection.send = (code, data, context) => {
        wire.answered(code);
        const own = typeof data === "string" && /^[245]\.\d{1,3}\.\d{1,3} /.test(data);
        if (code === 421 && data === "Server shutting down") send(code, `4.3.2 ${data}`, false);
        else send(code, data, own ? false : context);
      };
      close.push(
        () =>
          connection.send(550, "5.5.2 Bare CR, bare LF, NUL or data before the answer not allowed", false),
        () => connection.close(),
      );
    }
  }

  private finalReplies(wire: Wire): number {
    return this.options.lmtp ? (this.sessions.get(wire)?.envelope.rcptTo.length ?? 1) : 1;
  }

  private watch(socket: Socket, wire: Wire): void {
    this.watched.add(socket);
    socket.on("data", (chunk: Uint8Array) => wire.feed(chunk));
  }
}

/** As smtp-server writes remote addresses: a dual-stack listener reports IPv4 peers as mapped ones. */
function plain(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:/i, "").toLowerCase();
}
