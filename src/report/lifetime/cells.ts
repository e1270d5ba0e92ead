/** The comparison of policies in words, as every form of it gives them. */
import type { ComparedCell } from "../../lab/protocol/comparison.js";
import type { ReleasePolicy } from "../../sw/iommu/lifetime/policies.js";

/** What broke, each with the steps of the shortest run, and over how many states. */
export function cellWords({ broken, states, complete }: ComparedCell): string {
  const what = broken.length === 0 ? "holds" : broken.map((b) => `${b.rule} in ${b.steps.length}`).join(", ");
  return `${what} (${states.toLocaleString("en-US")} states${complete ? "" : ", cut"})`;
}

/** When the page is free, and for whom that is waited. */
export function frees({ caller, keeps, gives, patience, onSilence, pauses }: ReleasePolicy): string {
  const early = gives === "before the flush" || caller !== "stands still";
  if (keeps === "nothing" && early) return "before the flush";
  const until = keeps === "references" ? "when the flush drops the last reference" : "behind the flush";
  if (pauses) return `${until}; the guest is paused until then`;
  if (patience === "endless") return until;
  return onSilence === "fence" ? `${until}, or when the device is blocked` : `${until}, or when the time is over`;
}

export const costColumns = [
  ["guest waits", "guestWaits"],
  ["guest is paused", "guestIsPaused"],
  ["page is kept", "pageIsKept"],
  ["hypervisor stands still", "hypervisorStands"],
  ["descriptors", "descriptors"],
  ["interrupts", "interrupts"],
] as const;
