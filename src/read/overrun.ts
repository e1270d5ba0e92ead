/** Events that the kernel recorded and that are not in the file, said alike whatever form the recording has. */
import type { Warnings } from "./unreadable.js";

/** @param events how many were overwritten in the ring, refused by it, or read by someone else */
export function warnOfOverrun(warnings: Warnings, events: number): void {
  if (events > 0)
    warnings.add("", `${events} events were overwritten or dropped while recording: they are not in the file`);
}
