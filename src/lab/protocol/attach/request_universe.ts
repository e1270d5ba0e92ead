/**
 * A device asks for a page by a PASID that is detached: what stands in the unit's queue is answered before the domain's goes.
 *
 * Source: Linux drivers/iommu/intel/pasid.c, intel_drain_pasid_prq; CVE-2025-38594.
 */
import type { Universe } from "../../../check/universe.js";
import { cell, record } from "../../../state/index.js";
import { type AttachBugs, attachRule } from "../../../sw/iommu/group/bugs.js";
import { noDomain } from "../../../sw/iommu/group/domain_book.js";
import { attachPasid, detachPasid } from "../../../sw/iommu/group/pasids.js";
import { type Act, actor, bench, newDomain } from "./core_universes.js";

const drafts = {
  waiting: cell<0 | 1>("1 = a request of the device stands in the unit's queue"),
  hasQueue: cell<0 | 1>("1 = the domain's queue is there, to which requests are handed", 1),
  lost: cell<0 | 1>("1 = a request was handed to a queue that is gone"),
} as const;

export function requestBesideDetach(bugs: AttachBugs): Universe {
  const b = bench({ bugs });
  const { state, driver } = b;
  const [group] = b.groups;
  const s = state.place(record("page requests", drafts));
  attachPasid(group, { pasid: 1, domain: newDomain(b), handle: 1 });
  const hand = () => {
    if (s.waiting === 1 && s.hasQueue === 0) s.lost = 1;
    s.waiting = 0;
  };
  const remove = { "remove the domain's queue": () => void (s.hasQueue = 0) };
  const detach = {
    "detach the PASID": () => detachPasid(group, 1),
    "have the unit's queue drained": hand,
  };
  const acts: readonly Act[] = [
    {
      name: "device",
      steps: {
        "ask for a page": () => {
          if (driver.entryOf(0, 1) !== noDomain) s.waiting = 1;
        },
      },
    },
    { name: "handler", steps: { "hand on what waits": hand } },
    {
      name: "owner",
      steps: bugs.has("requests-outlive-their-queue") ? { ...remove, ...detach } : { ...detach, ...remove },
    },
  ];
  const running = acts.map((act) => actor(state, act));
  const words = { 0: "is gone", 1: "is there" } as const;
  return {
    state,
    actors: running,
    always: { [attachRule("requests")]: () => s.lost === 0 },
    sometimes: {},
    atRest: { "everybody has done what he was to do": () => running.every((r) => r.isDone) },
    facts: () => ({
      "PASID 1": driver.entryOf(0, 1) === noDomain ? "is led to nothing" : "is led to its domain",
      "the domain's queue": words[s.hasQueue],
      "the unit's queue": s.waiting === 1 ? "holds a request of the device" : "is empty",
    }),
  };
}
