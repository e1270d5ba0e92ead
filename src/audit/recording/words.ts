/** Words that the audit of a recording uses throughout. */
import { directionNames } from "../../spec/dma/direction.js";

export function directionName(direction: number): string {
  return directionNames[direction] ?? "unknown direction";
}

export function seconds(microseconds: number): string {
  return `${(microseconds / 1e6).toFixed(6)} s`;
}
