/** Bounds of routing and admission. */
export const LIMITS = {
  /** Fraction of the store [0…1]; from here bulk and large messages are refused for now. Design §4.10. */
  fillTight: 0.8,
  /** Fraction; below this `tight` ends. Our choice: 5 points of hysteresis. */
  fillTightLeave: 0.75,
  /** Fraction; from here everything but short flash messages is refused for now. Design §4.10. */
  fillFull: 0.95,
  /** Fraction; below this `full` ends. */
  fillFullLeave: 0.9,
  /** Bytes; larger messages are refused for now while the store is tight. Our choice: two minutes at 4 800 bit/s. */
  tightBytesMax: 65_536,
  /** Bytes; a flash message up to this size is kept even when the store is full, from the 5 % reserve. */
  fullFlashBytesMax: 1_024,
  /** Parts of a sliding window in which uses are kept apart. Uses within one part leave the window together, with the
   *  last of them: a budget may come back late by this part of its window, never early. */
  budgetSlots: 120,
  /** Entries of one sliding window; beyond, the oldest two become one, which counts until the later of them leaves. */
  budgetEntriesMax: 244,
  /** Uses of a budget not settled yet; one more is an error of our own code. */
  budgetReservationsMax: 64,
  /** Neighbours of one link whose drain rate is remembered; the oldest is forgotten and drains at the link's rate. */
  drainingNeighboursMax: 64,
  /** Milliseconds a parcel may be late without losing its place in the drain rate. Our choice: the shortest pause of a
   *  lane, which would otherwise slow down links with many small parcels. */
  drainLatenessMsMax: 10,
  /** Entries of a list of contact windows; more is a ConfigError. */
  contactWindowsMax: 64,
  /** Characters of one entry; more is a ConfigError. */
  contactWindowCharactersMax: 128,
  /** Minutes one contact window may last; more is a ConfigError. Our choice: a week is no window any more. */
  contactWindowMinutesMax: 10_080,
  /** Days looked ahead for the next contact window; none within them counts as none. */
  contactSearchDaysMax: 366,
  /** Windows that overlap or touch and are shown as one; beyond, the end shown is too early and is asked for again. */
  contactWindowsJoinedMax: 100,
  /** Share of the newest transfer in the learnt goodput (0…1]. Our choice: ten transfers forget a change of weather. */
  goodputNewShare: 0.2,
  /** Transfers until what was learnt is believed; before, the nominal rate is. Our choice: one may be chance. */
  goodputSamplesMin: 3,
  /** Transfers counted; beyond, the count stays. */
  goodputSamplesMax: 1_000_000,
  /** Milliseconds after which what was learnt is no longer believed. Our choice: a week, another sea area. */
  goodputAgeMsMax: 604_800_000,
  /** What a link adds to an envelope: a share of it, and bytes of offers, tags and answers, until goodput is learnt. Our
   *  choice: repairs and parcel heads of a fair channel. */
  linkOverheadShare: 0.04,
  linkOverheadBytes: 32,
  /** Bytes of the header of one unit of a transfer, and of an OFFER with the length that follows it (SPEC-LINK.md §5). */
  unitHeaderBytes: 3,
  offerBytes: 24,
  /** Bytes assumed of an envelope whose size is not known yet, as a note's. */
  planBytes: 1_000,
  /** Copies of one flash message on several links; more are left out. */
  copiesMax: 4,
} as const;
