/** Thrown through the store by a fault point of a simulation: nothing after that point happened. */
export class PowerCut extends Error {}

/** Called with a name at each moment where a power cut is interesting. Returns in production; may throw in simulation. */
export type FaultPoint = (name: string) => void;

/** Wraps what a fault point throws, so that it is told apart from an error of the disk or of ours. */
export function marked(faultPoint: FaultPoint | undefined): FaultPoint {
  if (faultPoint === undefined) return () => {};
  return (name) => {
    try {
      faultPoint(name);
    } catch (error) {
      throw new PowerCut(`power cut at ${name}`, { cause: error });
    }
  };
}
