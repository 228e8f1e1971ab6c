import { connect, createServer, type Server, type Socket } from "node:net";

/** A client that says exactly the bytes it is told, so that it can be as rude as an attacker. */
export class Talk {
  private heard = "";
  private ended = false;
  private wake: () => void = () => undefined;

  private constructor(private readonly socket: Socket) {
    socket.on("data", (chunk) => {
      this.heard += chunk.toString("latin1");
      this.wake();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.ended = true;
      this.wake();
    });
  }

  /** Connects to `host:port` and returns with the greeting read, or with what came instead. */
  static async open(address: string): Promise<Talk> {
    const colon = address.lastIndexOf(":");
    const talk = new Talk(
      connect(Number(address.slice(colon + 1)), address.slice(0, colon).replace(/[[\]]/g, "")),
    );
    await talk.reply();
    return talk;
  }

  /** Over a connection that exists already, for example a TLS one; nothing is read first. */
  static over(socket: Socket): Talk {
    return new Talk(socket);
  }

  send(text: string): void {
    this.socket.write(Buffer.from(text, "latin1"));
  }

  /** What was received and not yet taken by {@link reply}. */
  get pending(): string {
    return this.heard;
  }

  /** One reply, all its lines, without the last line end; "" when the other side closed instead. */
  async reply(): Promise<string> {
    for (;;) {
      const found = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n/.exec(this.heard);
      if (found !== null) {
        this.heard = this.heard.slice(found[0].length);
        return found[0].trimEnd();
      }
      if (this.ended) return "";
      await this.news();
    }
  }

  async ask(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return await this.reply();
  }

  /** Everything until the other side closes. */
  async rest(): Promise<string> {
    while (!this.ended) await this.news();
    return this.heard;
  }

  /** Goes without a word. */
  drop(): void {
    this.socket.destroy();
  }

  private news(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}

/** One mail as a server of today would have got it. */
export interface Captured {
  readonly from: string;
  readonly to: readonly string[];
  /** Dot stuffing removed. Binary text. */
  readonly data: string;
}

/**
 * A mail server outside the gateway, SMTP or LMTP as the client greets. Its answers are chosen per recipient by the
 * test; commands it did not expect are kept, as they would be what somebody smuggled.
 */
export class OutsideServer {
  readonly mails: Captured[] = [];
  readonly unexpected: string[] = [];
  /** Reply to RCPT, and (LMTP) after the data, by recipient. */
  readonly atRcpt = new Map<string, string>();
  readonly atEnd = new Map<string, string>();
  /** Reply after the data for SMTP. */
  endReply = "250 2.0.0 OK";
  /** Closes the connection instead of answering this: `MAIL`, `RCPT`, `DATA` or `.`; "" never. */
  vanishAt = "";
  /** LMTP: closes the connection instead of answering for this recipient after the data. */
  vanishFor = "";
  private constructor(
    private readonly server: Server,
    readonly address: string,
  ) {}

  static async open(): Promise<OutsideServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const bound = server.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : 0;
    const outside = new OutsideServer(server, `127.0.0.1:${port}`);
    server.on("connection", (socket) => outside.converse(socket));
    return outside;
  }

  close(): void {
    this.server.close();
  }

  private converse(socket: Socket): void {
    const session: Session = { lmtp: false, from: "", to: [], data: null, left: false };
    let text = "";
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        const reply = session.data === null ? this.command(line, session) : this.dataLine(line, session);
        if (reply === null) return void socket.destroy();
        if (reply !== "") socket.write(`${reply}\r\n`);
        if (session.left) return void socket.end();
      }
    });
    socket.write("220 outside.example ready\r\n");
  }

  private command(line: string, session: Session): string | null {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === this.vanishAt) return null;
    const path = /<([^<>]*)>/.exec(line)?.[1] ?? "";
    if (verb === "EHLO" || verb === "LHLO") {
      session.lmtp = verb === "LHLO";
      return "250-outside.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 50000000";
    }
    if (verb === "MAIL") {
      session.from = path;
      session.to = [];
      return "250 2.1.0 OK";
    }
    if (verb === "RCPT") {
      const reply = this.atRcpt.get(path) ?? "250 2.1.5 OK";
      if (reply.startsWith("2")) session.to.push(path);
      return reply;
    }
    if (verb === "DATA") {
      if (session.to.length === 0) return "503 5.5.1 No recipients";
      session.data = [];
      return "354 Go on";
    }
    if (verb === "RSET" || verb === "QUIT") return "250 2.0.0 OK";
    this.unexpected.push(line);
    return "500 5.5.2 What";
  }

  private dataLine(line: string, session: Session): string | null {
    if (line !== ".") {
      session.data?.push(line.startsWith(".") ? line.slice(1) : line);
      return "";
    }
    const data = (session.data ?? []).map((each) => `${each}\r\n`).join("");
    session.data = null;
    if (this.vanishAt === ".") return null;
    const taken = session.to.filter((to) => this.answer(session, to).startsWith("2"));
    if (taken.length > 0) this.mails.push({ from: session.from, to: taken, data });
    if (!session.lmtp) return this.endReply;
    const last = session.to.indexOf(this.vanishFor);
    session.left = last >= 0;
    const answered = last < 0 ? session.to : session.to.slice(0, last);
    return answered.map((to) => this.answer(session, to)).join("\r\n");
  }

  private answer(session: Session, to: string): string {
    return session.lmtp ? (this.atEnd.get(to) ?? "250 2.0.0 OK") : this.endReply;
  }
}

interface Session {
  lmtp: boolean;
  from: string;
  to: string[];
  data: string[] | null;
  left: boolean;
}
