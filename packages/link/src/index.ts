export * from "./api.js";
export { createConversation } from "./conversation.js";
export { LINK_LIMITS } from "./limits.js";
export { meetingMessages, parcelsOf } from "./weigh.js";
