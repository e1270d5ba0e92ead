/** Two processors and one queue: whose answer is whose? */

import type { LifetimeBugs } from "./bugs.js";
import { iotlbPages } from "./flushes.js";
import { flushOf, type Site } from "./give_back.js";
import type { ProtocolStep } from "./protocol.js";
import { ask, awaited, change, clear, flushed, release } from "./steps.js";

interface OnOne {
  readonly bugs: LifetimeBugs;
  readonly site: Site;
}

/**
 * Descriptors first, the wait after: who comes second may find that a wait is posted already.
 * Source: Linux drivers/iommu/amd/iommu.c, iommu_completion_wait and need_sync, here on the ring of a VT-d unit.
 */
export function unmapThenWait({ bugs, site }: OnOne): readonly ProtocolStep[] {
  const back = release({ page: site.page, keeps: "nothing" });
  return [
    clear(site),
    change("post what is to be forgotten", ({ ring }) => ring.post([iotlbPages(site)])),
    {
      name: "post a wait",
      atomic: "the ring has a lock",
      does(k, s) {
        if (bugs.has("wait-elided") && !k.ring.isOwed) return "done";
        return ask({ name: "", descriptors: [] }).does(k, s);
      },
    },
    awaited,
    flushed(site.page),
    back,
  ];
}

/**
 * Each polls for its own status; who sees that the unit stopped lets it go on.
 * Source: Linux drivers/iommu/intel/dmar.c, qi_submit_sync and qi_check_fault.
 */
export function unmapAndPoll({ bugs, site, hasTlb }: OnOne & { readonly hasTlb: boolean }): readonly ProtocolStep[] {
  return [
    clear(site),
    ask({ name: "ask", descriptors: hasTlb ? flushOf(site) : [iotlbPages(site)] }),
    {
      name: "answered?",
      when: ({ ring }, s) => ring.isAnswered(s.statusAt) || ring.isStopped || ring.isAborted(s),
      atomic: "the unit's status is read and cleared by one who holds its lock",
      does({ ring, isPresent }, s) {
        if (ring.isAnswered(s.statusAt)) {
          s.posted = 0;
          return undefined;
        }
        const isStopped = ring.isStopped;
        if (isStopped) ring.goOn();
        const isMine = ring.isAborted(s);
        // The unit names the device that was silent, not who asked it.
        const isConcerned = bugs.has("bystander-given-up") ? isMine || isStopped : isMine && hasTlb;
        if (!isPresent() && isConcerned) return undefined;
        return isMine ? "ask" : "answered?";
      },
    },
    flushed(site.page),
    release({ page: site.page, keeps: "nothing" }),
  ];
}
