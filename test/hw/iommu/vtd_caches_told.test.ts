/** What a VT-d unit forgets of PASIDs: what it is asked to, and no more. */
import { expect, test } from "vitest";
import { UnitCaches } from "../../../src/hw/iommu/core/caches.js";
import { forgetPasids } from "../../../src/hw/iommu/vtd/caches_told.js";
import { MachineState } from "../../../src/state/index.js";

const [did, otherDid, ridPasid] = [5, 6, 3];

/** Requests without PASID count as RID_PASID; two other PASIDs of the domain, and one of another. */
function kept() {
  const { spaces } = new UnitCaches(new MachineState(), { devices: 1, spaces: 4, tables: 1, translations: 1 }, "unit");
  spaces.fill({ requester: 0, pasid: null, domain: did, counts: ridPasid }, new Uint32Array(2), 0);
  spaces.fill({ requester: 0, pasid: 1, domain: did }, new Uint32Array(2), 1);
  spaces.fill({ requester: 0, pasid: 2, domain: did }, new Uint32Array(2), 2);
  spaces.fill({ requester: 8, pasid: 1, domain: otherDid }, new Uint32Array(2), 3);
  return spaces;
}

const left = (g: number, o: { readonly did?: number; readonly pasid?: number } = {}) => {
  const spaces = kept();
  forgetPasids({ spaces } as UnitCaches, { g, did: o.did ?? 0, pasid: o.pasid ?? 0 });
  const names = [
    ["without", 0, null],
    ["1", 0, 1],
    ["2", 0, 2],
    ["other", 8, 1],
  ] as const;
  return names.filter(([, requester, pasid]) => spaces.find(requester, pasid) >= 0).map(([name]) => name);
};

test("one PASID of a domain: requests without PASID go with RID_PASID alone", () => {
  expect(left(1, { did, pasid: 1 })).toEqual(["without", "2", "other"]);
  expect(left(1, { did, pasid: ridPasid })).toEqual(["1", "2", "other"]);
  expect(left(1, { did: otherDid, pasid: 1 })).toEqual(["without", "1", "2"]);
  expect(left(1, { did, pasid: 0 })).toEqual(["without", "1", "2", "other"]);
});

test("a domain, and all of them", () => {
  expect([left(0, { did }), left(3)]).toEqual([["other"], []]);
});
