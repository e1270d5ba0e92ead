/** The comparison of policies in words, as every form of it gives them. */
import type { ComparedCell } from "../../lab/protocol/comparison.js";
import type { ComparedCall } from "../../lab/protocol/passthrough.js";
import type { ReleasePolicy } from "../../sw/iommu/lifetime/policies.js";

type Searched = Omit<ComparedCall["cells"][number], "held">;

/** What broke, each with the steps of the shortest run, and over how many states. */
export const cellWords = ({ broken, ...cell }: ComparedCell): string =>
  searchWords({ ...cell, broken: broken.map(({ rule, steps }) => ({ rule, steps: steps.length })) });

export function searchWords({ broken, states, complete }: Searched): string {
  const what = broken.length === 0 ? "holds" : broken.map((b) => `${b.rule} in ${b.steps}`).join(", ");
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
