/** Ids and tags: nothing is changed for want of one, and an id serves again only when the unit has forgotten it. */
import { expect, test } from "vitest";
import { MachineState } from "../../../../src/state/index.js";
import { CacheTags } from "../../../../src/sw/iommu/group/cache_tags.js";
import { DomainBook } from "../../../../src/sw/iommu/group/domain_book.js";
import { DomainIds } from "../../../../src/sw/iommu/group/domain_ids.js";
import { TaggedDriver, type TaggedUnit } from "../../../../src/sw/iommu/group/tagged_driver.js";
import { device, paging } from "./rig.js";

function bench(o: { readonly ids: number; readonly tags: number }) {
  const state = new MachineState();
  const domains = new DomainBook(state, 8);
  const [blocked, identity] = [domains.allocate({ kind: "blocked" }), domains.allocate({ kind: "identity" })];
  const said: string[] = [];
  const tags = new CacheTags(state, o.tags);
  const ids = new DomainIds(state, { first: 2, count: o.ids });
  const unit: TaggedUnit = {
    lead: ({ device: d }, to) =>
      said.push(`device ${d} to ${to === null ? "nothing" : `domain ${to.domain} by ${to.id}`}`),
    forgetEntry: ({ device: d }) => said.push(`forget entry ${d}`),
    forgetId: (id) => said.push(`forget id ${id}, of domain ${ids.of(3)}`),
    forgetDevice: ({ device: d }) => said.push(`forget in device ${d}`),
    forgetFrame: ({ kind, isNested }, frame) => said.push(`${kind}: ${isNested ? "all" : `frame ${frame}`}`),
  };
  const kinds = { blocked: blocked as number, identity: identity as number };
  return { domains, tags, ids, said, driver: new TaggedDriver({ domains, tags, ids, unit, ...kinds }) };
}

test("an id is kept from others until the unit has forgotten what it kept under it", () => {
  const { domains, ids, said, driver } = bench({ ids: 1, tags: 8 });
  const [a, b] = [paging(domains), paging(domains)];
  expect(driver.attachDevice(a, device(0), 0)).toBeNull();
  expect(driver.attachDevice(b, device(1), 0)).toBe("ENOSPC");
  said.length = 0;
  expect(driver.attachDevice(driver.blocked, device(0), a)).toBeNull();
  expect(said).toEqual(["device 0 to nothing", "forget entry 0", "forget in device 0", "forget id 2, of domain 0"]);
  expect([driver.attachDevice(b, device(1), 0), ids.of(b)]).toEqual([null, 2]);
});

test("without room for its tags a device is led nowhere, and its domain has no id", () => {
  const { domains, ids, tags, said, driver } = bench({ ids: 4, tags: 1 });
  const a = paging(domains);
  expect([driver.attachDevice(a, device(0), 0), said, tags.of(a), ids.of(a)]).toEqual(["ENOMEM", [], [], 0]);
});

test("tags are there before the entry, have users, and unmappings of a parent go to what is nested in it", () => {
  const { domains, tags, said, driver } = bench({ ids: 4, tags: 12 });
  const parent = domains.allocate({ kind: "paging", nests: true }) as number;
  const nested = domains.allocate({ kind: "nested", parent }) as number;
  driver.attachDevice(parent, device(0), 0);
  driver.attachDevice(parent, device(1), 0);
  expect(tags.of(parent).map((tag) => [tag.kind, tag.device, tags.usersOf(tag)])).toEqual([
    ...[
      ["unit", 0, 2],
      ["device", 0, 1],
      ["device", 1, 1],
    ],
  ]);
  driver.attachDevice(nested, device(1), parent);
  said.length = 0;
  driver.unmapped(parent, 5);
  expect(said).toEqual(["unit: frame 5", "unit: all", "device: frame 5", "device: all"]);
  said.length = 0;
  driver.unmapped(nested, 5);
  expect(said).toEqual(["unit: frame 5", "device: frame 5"]);
});
