/** The comparison of policies in words, as every form of it gives them. */
import type { ComparedCell } from "../../lab/protocol/comparison.js";
import type { ComparedUnit } from "../../lab/protocol/own_units.js";
import type { SearchedCell } from "../../lab/protocol/watch.js";
import type { ReleasePolicy } from "../../sw/iommu/lifetime/policies.js";

/** What broke, each with the steps of the shortest run, and over how many states. */
export const cellWords = ({ broken, ...cell }: ComparedCell): string =>
  searchWords({ ...cell, broken: broken.map(({ rule, steps }) => ({ rule, steps: steps.length })) });

export function searchWords({ broken, states, complete }: SearchedCell): string {
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

/** A driver on its own unit. */
export const unitWords = ({ policy, hurries }: ComparedUnit): readonly [policy: string, waits: string] => [
  policy,
  hurries ? "until its own time is over" : "until its queue is done",
];
