/** Words that the audit of a recording uses throughout. */
import { directionNames } from "../../spec/dma/direction.js";

export function directionName(direction: number): string {
  return directionNames[direction] ?? "unknown direction";
}

export { secondsExactly as seconds } from "../words/quantity.js";
