export { AirtimeBudget } from "./airtime-budget.js";
export { cobsDecode, cobsEncode, cobsOverhead } from "./cobs.js";
export { crc16Ccitt, crc32 } from "./crc.js";
export { type Answer, type Expectation, Expectations, unlessAborted } from "./expectations.js";
export { Feed } from "./feed.js";
export { encodeLengthPrefixed, LENGTH_PREFIX_BYTES, LengthPrefixedReader } from "./length-prefixed.js";
export { FRAMING_LIMITS } from "./limits.js";
export { LineReader } from "./lines.js";
export { LinkRun } from "./link-run.js";
export { Pacer } from "./pacer.js";
export {
  encodeSerialFrame,
  type SerialCounters,
  SerialFrameReader,
  serialFrameBytes,
} from "./serial-frame.js";
export { type KissFrame, KissReader, kissEncode, SlipReader, slipEncode } from "./slip.js";
