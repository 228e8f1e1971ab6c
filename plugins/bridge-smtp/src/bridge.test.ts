import { type BridgeSetup, describeBridge } from "@estafette/conformance";
import plugin from "./index.js";

const setupWith = (mailbox: "lmtp" | "smtp", inbound: "lmtp" | "smtp"): BridgeSetup => {
  return (world, without) => {
    const config = plugin.parse({
      domains: ["ship.example"],
      sizeBytesMax: 200_000,
      submission: { listen: "127.0.0.1:0" },
      [inbound]: { listen: "127.0.0.1:0" },
      ...(without === "mailbox" ? {} : { mailbox: { [mailbox]: world.mailbox } }),
      ...(without === "internet" ? {} : { internet: { smtp: world.internet } }),
    });
    const bridge = plugin.create(config, world.host);
    const doors = { submission: "submission", inbound: { name: inbound, protocol: inbound } };
    return { bridge, ...doors, mailbox, sizeBytesMax: 200_000 };
  };
};

describeBridge("smtp, mailboxes by LMTP, a mail server by LMTP", setupWith("lmtp", "lmtp"));
describeBridge("smtp, mailboxes by SMTP, a mail server by SMTP", setupWith("smtp", "smtp"));
