import type { BridgePlugin } from "@estafette/contract";
import { SmtpBridge } from "./bridge.js";
import { parseConfig, type SmtpConfig } from "./config.js";

export type {
  Endpoint,
  MailboxConfig,
  OutConfig,
  OutTls,
  SmtpConfig,
  SubmissionConfig,
  TlsFiles,
} from "./config.js";

/**
 * Mail programs submit by SMTP with a login; mail servers ashore hand over by LMTP or SMTP; own users' mail goes to a
 * mail store by LMTP, SMTP or into maildirs; mail for the internet goes to a smarthost.
 */
const plugin: BridgePlugin<SmtpConfig> = {
  kind: "smtp",
  contract: 1,
  parse: parseConfig,
  create: (config, host) => new SmtpBridge(config, host),
};

export default plugin;
