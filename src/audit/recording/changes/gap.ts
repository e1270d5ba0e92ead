/**
 * How long nothing served a device's requests while its domain changed, as far as events show it.
 *
 * The old entry is gone before the first descriptor that takes it away, and not before its number is taken from the list of caches;
 * the new one is there when attaching is done, with caching mode when absent entries are to be forgotten, and never before the
 * old one is forgotten.
 *
 * Source: Linux drivers/iommu/intel/iommu.c (device_block_translation, dmar_domain_attach_device), pasid.c.
 */
import { absentDomain, takes, takesOf } from "./asked.js";
import type { Gap, Side } from "./change.js";
import type { OpenChange } from "./open_change.js";

/** @param end when the change was complete, microseconds @param requester the device; -1 where it is not known @returns the gap, or why none is told */
export function gapOf(open: OpenChange, end: number, from: Side, to: Side, requester: number): Gap | string {
  switch (to.kind) {
    case "none":
      return "no domain follows";
    case "blocked":
      return "the new domain blocks";
    case "untagged":
      return "no event tells whether the new domain blocks or does not translate";
  }
  switch (from.kind) {
    case "none":
      return "no domain served before";
    case "blocked":
      return "the old domain blocked";
  }
  if (open.steps.length === 0 && open.unassigned.length === 0) return "no event shows how the entry was changed";
  const setUp = open.steps.findIndex(({ asked }) => asked.of === "entries" && asked.domain === absentDomain);
  const before = setUp < 0 ? open.steps : open.steps.slice(0, setUp);
  const { domain } = from;
  const old =
    domain === null
      ? []
      : before.filter(
          ({ asked }) => takesOf(asked, requester) && (asked.of === "device" || takes(asked, domain, open.pasid)),
        );
  const first = old.find(({ asked }) => asked.of === "entries");
  const ended = open.unassigned.find((tag) => tag.domain === domain);
  if (first === undefined && ended === undefined) return "no event shows when the old domain ended";
  const begins = setUp < 0 ? end : open.steps[setUp]!.time;
  return {
    atLeast: first === undefined ? 0 : Math.max(0, (old.at(-1)?.time ?? first.time) - first.time) / 1e6,
    atMost: ended === undefined ? null : (begins - ended.time) / 1e6,
  };
}
