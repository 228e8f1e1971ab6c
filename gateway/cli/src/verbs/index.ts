import type { Verb } from "../verb.js";
import { configCheck, configReferenceVerb } from "./config.js";
import { daemon } from "./daemon.js";
import { demo } from "./demo.js";
import { doctor } from "./doctor.js";
import { init } from "./init.js";
import { queue, status, trace } from "./look.js";
import { mailList, mailShow } from "./mail.js";
import { peerAccept, peerInvite, peerList } from "./peer.js";
import { routeExplain } from "./route.js";
import { remove, send } from "./send.js";

/** Everything `estafette` can do, in the order of the overview. */
export const VERBS: readonly Verb[] = [
  demo,
  init,
  daemon,
  status,
  send,
  mailList,
  mailShow,
  queue,
  trace,
  routeExplain,
  remove,
  peerInvite,
  peerAccept,
  peerList,
  configCheck,
  configReferenceVerb,
  doctor,
];
