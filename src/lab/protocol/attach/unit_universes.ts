/**
 * Two processors and a device in the midst of its writes: one processor attaches or detaches, the other unmaps; and ids by
 * which a unit tells domains apart, which serve again.
 */
import type { Universe } from "../../../check/universe.js";
import { type CellArray, cells, record } from "../../../state/index.js";
import type { AttachBugs } from "../../../sw/iommu/group/bugs.js";
import { type CacheTag, CacheTags } from "../../../sw/iommu/group/cache_tags.js";
import { DomainIds } from "../../../sw/iommu/group/domain_ids.js";
import { contextOf, deviceTlbPages, iotlbDomain, iotlbPages } from "../../../sw/iommu/lifetime/flushes.js";
import type { Site } from "../../../sw/iommu/lifetime/give_back.js";
import type { ProtocolStep } from "../../../sw/iommu/lifetime/protocol.js";
import { ask, awaited, change, clear, flushed, release } from "../../../sw/iommu/lifetime/steps.js";
import { clearEntry, frame, lead, machine, plain, requester, second, shown, told } from "./shown.js";

/** Tags of the first domain: the unit's own cache, and nothing else, for the device keeps nothing. */
const tag = (did: number): CacheTag => ({ domain: 1, kind: "unit", id: did, device: 0, pasid: 0, isNested: false });

const flushOf = (tags: CacheTags, site: Site) =>
  tags.of(1).map((t) => {
    if (t.kind === "unit") return iotlbPages({ did: t.id, frame: site.frame });
    return deviceTlbPages({ requester: t.device, frame: site.frame });
  });

/** Clear an entry, tell every cache that a tag names, and give the page back. */
const unmap = (site: Site, descriptors: () => readonly Uint32Array[]): readonly ProtocolStep[] => [
  clear(site),
  ask({ name: "tell whom the tags name", descriptors }),
  awaited,
  flushed(site.page),
  release({ page: site.page, keeps: "nothing" }),
];

/** A device comes to a domain that is used: who unmaps meanwhile finds its tag, or the unit finds the entry gone. */
export const attachBesideUnmap = (bugs: AttachBugs): Universe =>
  shown({
    ...{ machine: machine([1], [plain]), rule: "I1", unattached: [0], isTaken: true },
    protocols(m) {
      const tags = new CacheTags(m.state, 1);
      const site = m.site(0, frame);
      const assign = change("list the tag", () => void tags.assign(tag(1)));
      const entry = lead(m, { requester, domain: 0, did: 1 });
      return [
        { name: "who attaches", steps: bugs.has("attach-window") ? [entry, assign] : [assign, entry] },
        { name: "who unmaps", steps: unmap(site, () => flushOf(tags, site)) },
      ];
    },
  });

/** A device leaves a domain that is used: its tag goes when the unit has forgotten, or before. */
export const detachBesideUnmap = (bugs: AttachBugs): Universe =>
  shown({
    ...{ machine: machine([1], [plain]), rule: "I1", isTaken: true },
    protocols(m) {
      const tags = new CacheTags(m.state, 1);
      tags.assign(tag(1));
      const site = m.site(0, frame);
      const unlist = change("take the tag off the list", () => void tags.unassign(tag(1)));
      const leave = [
        clearEntry(requester),
        ...told("tell of the entry and the domain", contextOf({ did: 1, requester }), iotlbDomain(1)),
      ];
      return [
        { name: "who detaches", steps: bugs.has("detach-window") ? [unlist, ...leave] : [...leave, unlist] },
        { name: "who unmaps", steps: unmap(site, () => flushOf(tags, site)) },
      ];
    },
  });

const idDrafts = { taken: cells(1, "1 = the id has an owner"), map: cells(1, "the domain that has it; 0 = none") };

/** One id, which a dying domain gives back and another takes: whose is it, when flushes look it up? */
export const freeBesideAllocate = (bugs: AttachBugs): Universe =>
  shown({
    ...{ machine: machine([1], [plain]), rule: "I1", unattached: [0], isTaken: true },
    protocols(m) {
      const { taken, map }: { readonly taken: CellArray; readonly map: CellArray } = m.state.place(
        record("domain ids", idDrafts),
      );
      const [dying, living] = [1, 2];
      taken.set(0, 1);
      map.set(0, dying);
      const site = m.site(0, frame);
      const mark = change("mark the id as free", () => taken.set(0, 0));
      const forget = change("forget whose it was", () => map.set(0, 0));
      const found = () => (map.get(0) === living ? [iotlbPages({ did: 1, frame })] : []);
      return [
        { name: "who frees", steps: bugs.has("id-forgotten-late") ? [mark, forget] : [forget, mark] },
        {
          name: "who allocates",
          steps: [
            { ...change("take the id", () => taken.set(0, 1)), when: () => taken.get(0) === 0 },
            change("note whose it is", () => map.set(0, living)),
            lead(m, { requester, domain: 0, did: 1 }),
            ...unmap(site, found),
          ],
        },
      ];
    },
  });

/** Two devices with tables of their own: under one id the unit takes the one's translations for the other's. */
export const twoUnderOneId = (bugs: AttachBugs): Universe =>
  shown({
    ...{
      machine: machine(bugs.has("id-shared") ? [1, 1] : [1, 2], [plain, second]),
      rule: "I1",
    },
    protocols: () => [],
  });

/** A guest's tables go, and their id: the next who has it finds what the unit kept. */
export const recycled = (bugs: AttachBugs): Universe =>
  shown({
    ...{ machine: machine([1, 1], [plain, second]), rule: "I1", unattached: [1] },
    protocols: (m) => {
      const forget = bugs.has("nested-id-recycled") ? [] : told("tell of the id", iotlbDomain(1));
      return [
        {
          name: "host",
          steps: [
            clearEntry(requester),
            ...told("tell of the entry", contextOf({ did: 1, requester })),
            ...forget,
            {
              ...lead(m, { requester: second.requester, domain: 1, did: 1 }),
              name: "give the id to the second, and store its entry",
            },
          ],
        },
      ];
    },
  });

/** In 16 bits -ENOSPC is an id like any other. */
const noSpace = 28;
const idsMax = 2 ** 16;

/** All ids are taken when a guest's tables want one. */
export const withoutAnId = (bugs: AttachBugs): Universe => {
  const taken = idsMax - noSpace;
  return shown({
    ...{ machine: machine([taken, taken], [plain, second]), rule: "I1", unattached: [1] },
    protocols(m) {
      const ids = new DomainIds(m.state, { first: taken, count: 1 });
      ids.take(1);
      const asked = ids.take(2);
      const id = typeof asked === "number" ? asked : bugs.has("error-taken-for-an-id") ? idsMax - noSpace : null;
      const fails = change("fail: there is no id left", () => undefined);
      const entry = id === null ? fails : lead(m, { requester: second.requester, domain: 1, did: id });
      return [{ name: "host", steps: [entry] }];
    },
  });
};
