/** A replacement that fails, as the devices of the group see it: each domain maps the page that they write to. */
import type { Universe } from "../../../check/universe.js";
import type { AttachBugs } from "../../../sw/iommu/group/bugs.js";
import { contextOf, iotlbDomain } from "../../../sw/iommu/lifetime/flushes.js";
import { change } from "../../../sw/iommu/lifetime/steps.js";
import { alike, clearEntry, lead, plain, requester, second, shown, told } from "./shown.js";

/** The first of two devices is led to the new domain, the second cannot be: the first goes back, the second stays. */
export const replaceOfTwoFails = (bugs: AttachBugs): Universe =>
  shown({
    ...{ machine: alike([plain, { ...second, domain: 0 }]), rule: "I5" },
    protocols: (m) => {
      const forgotten = (did: number, r: number) =>
        told(
          `tell of entry ${r === requester ? 1 : 2} and domain ${did}`,
          contextOf({ did, requester: r }),
          iotlbDomain(did),
        );
      const there = { ...lead(m, { requester, domain: 1, did: 2 }), name: "lead the first to the new domain" };
      const back = { ...lead(m, { requester, domain: 0, did: 1 }), name: "lead the first back" };
      const fails = change("find that the second does not suit", () => undefined);
      const torn = [
        { ...clearEntry(second.requester), name: "tear the second's entry down" },
        ...forgotten(1, second.requester),
      ];
      const isTorn = bugs.has("torn-down-first");
      return [
        {
          name: "who replaces",
          steps: [there, ...forgotten(1, requester), ...(isTorn ? torn : []), fails, back, ...forgotten(2, requester)],
        },
      ];
    },
  });
