/** Regions that firmware wants mapped, whose device never stops: it goes to another domain, and a guest asks to unmap one. */
import type { Universe } from "../../../check/universe.js";
import type { AttachBugs } from "../../../sw/iommu/group/bugs.js";
import { contextOf, iotlbDomain, iotlbPages } from "../../../sw/iommu/lifetime/flushes.js";
import { change } from "../../../sw/iommu/lifetime/steps.js";
import { place } from "../layout.js";
import { alike, clearEntry, frame, lead, plain, requester, shown, told } from "./shown.js";

/** The device goes to another domain: at once, or by way of none. */
export const regionMoved = (bugs: AttachBugs): Universe =>
  shown({
    ...{ machine: alike([plain]), rule: "I5" },
    protocols: (m) => {
      const entry = lead(m, { requester, domain: 1, did: 2 });
      const forgotten = told("tell of the entry", contextOf({ did: 1, requester }), iotlbDomain(1));
      const isGap = bugs.has("region-by-way-of-nothing");
      return [
        { name: "hypervisor", steps: isGap ? [clearEntry(requester), ...forgotten, entry] : [entry, ...forgotten] },
      ];
    },
  });

/** A guest asks to unmap what firmware wants mapped. */
export const regionUnmapped = (bugs: AttachBugs): Universe =>
  shown({
    ...{ machine: { ...alike([plain]), domains: alike([plain]).domains.slice(0, 1) }, rule: "I5" },
    protocols: (m) => {
      const { leafAt } = m.site(0, frame);
      const asked = bugs.has("region-unmapped")
        ? [
            change("clear the entry of the region", ({ memory }) => memory.store(leafAt, [0, 0])),
            ...told("tell of the page", iotlbPages({ did: 1, frame })),
          ]
        : [change("refuse to unmap the region", () => undefined)];
      return [{ name: "hypervisor, for the guest", steps: asked }];
    },
  });

/** The new domain has tables for the region, and the region is mapped before the entry leads there, or behind it. */
export const regionMappedBehind = (bugs: AttachBugs): Universe => {
  const both = alike([plain]);
  const [old] = both.domains;
  return shown({
    ...{ machine: { ...both, domains: [old!, { did: 2, maps: [], spare: [frame] }] }, rule: "I5" },
    protocols: (m) => {
      const { leafAt } = m.site(1, frame);
      const map = change("map the region", ({ memory }) => memory.store(leafAt, [place.pages * 4096 + 3, 0]));
      const entry = [
        lead(m, { requester, domain: 1, did: 2 }),
        ...told("tell of the entry", contextOf({ did: 1, requester }), iotlbDomain(1)),
      ];
      return [{ name: "kernel", steps: bugs.has("region-mapped-behind") ? [...entry, map] : [map, ...entry] }];
    },
  });
};
