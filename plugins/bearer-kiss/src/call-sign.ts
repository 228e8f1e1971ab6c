/** The station's name on the air: a call sign of up to six letters and digits, and an SSID for its second to sixteenth
 *  station. Canonical text: upper case, no `-0`. */
export interface CallSign {
  readonly call: string;
  /** [0…15] */
  readonly ssid: number;
}

/** Reads `pd0abc-7`; `null` when it is none. */
export function parseCallSign(text: string): CallSign | null {
  const found = /^([A-Z0-9]{1,6})(?:-(0|[1-9]|1[0-5]))?$/i.exec(text);
  return found ? { call: (found[1] ?? "").toUpperCase(), ssid: Number(found[2] ?? 0) } : null;
}

export function formatCallSign({ call, ssid }: CallSign): string {
  return ssid === 0 ? call : `${call}-${ssid}`;
}
