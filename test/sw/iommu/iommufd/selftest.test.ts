/** The kernel's own tests of its interface for programs, row by row. */
import { expect, test } from "vitest";
import { setUpDefault } from "../../../../src/sw/iommu/group/default_domain.js";
import { Iommufd } from "../../../../src/sw/iommu/iommufd/iommufd.js";
import { device, rig } from "../group/rig.js";
import { type Row, refusing, selftests } from "./selftest_rows.js";

const owner = 1;

/** Two devices, each in a group of its own; the second neither tracks writes nor sends PASIDs. */
function bench() {
  let asked = 0;
  const made = rig([[device(0, { maxPasids: 2048 })], [device(1)]], {
    pasids: 2048,
    refuses: ({ domain, device, pasid }) => {
      if (device === 1 && made.domains.tracksDirty(domain)) return "EINVAL";
      return pasid === refusing && asked++ > 0 ? "ENOMEM" : null;
    },
  });
  const fd = new Iommufd({ owner, domains: made.domains });
  const ids = new Map<string, number>([["space", fd.addressSpace()]]);
  for (const [n, group] of made.groups.entries()) {
    expect(setUpDefault(group, "DMA")).toBeNull();
    ids.set(n === 0 ? "dev" : "dev2", fd.bind(group, group.devices[0]!) as number);
  }
  expect(fd.attach({ device: ids.get("dev")!, to: ids.get("space")! })).toBeNull();
  ids.set("first automatic", fd.leadsTo(ids.get("dev")!)!);
  return { fd, ids, ...made };
}

function take({ fd, ids }: ReturnType<typeof bench>, row: Row): string | null {
  const id = (name: string) => ids.get(name) ?? -1;
  const device = id(row.device ?? "dev");
  const pasid = row.pasid ?? 0;
  const named = (made: number | string) => {
    if (typeof made !== "number") return made;
    ids.set(row.as!, made);
    return null;
  };
  switch (row.does) {
    case "space":
      return named(fd.addressSpace());
    case "allocate":
      return named(fd.allocate(device, id(row.with!), row.flags));
    case "attach":
      return fd.attach({ device, to: id(row.with!), pasid });
    case "replace":
      return fd.replace({ device, to: id(row.with!), pasid });
    case "detach":
      fd.detach({ device, pasid });
      return null;
    case "destroy":
      return fd.destroy(id(row.with!));
  }
}

test.each(Object.entries(selftests))("%s", (_, rows) => {
  const made = bench();
  const { fd, ids, driver, groups, warnings, domains } = made;
  for (const [n, row] of rows.entries()) {
    const at = `row ${n + 1}: ${JSON.stringify(row)}`;
    expect(take(made, row), at).toBe(row.error ?? null);
    const { pasid = 0, leadsTo } = row;
    const number = row.device === "dev2" ? 1 : 0;
    const there = fd.leadsTo(ids.get(row.device ?? "dev")!, pasid);
    const names = [...ids].filter(([, id]) => id === there).map(([name]) => name);
    if (leadsTo === "automatic") expect(there !== null && fd.has(there), at).toBe(true);
    else if (leadsTo !== undefined)
      expect(leadsTo === null ? there : names, at).toEqual(leadsTo === null ? null : [leadsTo]);
    // What the core holds, and what the unit was told, is the same.
    const { s, pasids } = groups[number]!;
    const core = pasid === 0 ? s.domain : pasids.domainOf(pasid);
    expect(driver.entryOf(number, pasid), at).toBe(core);
    expect(core === 0 || domains.isThere(core), at).toBe(true);
  }
  expect(warnings).toEqual([]);
  for (const name of ["dev", "dev2"]) fd.unbind(ids.get(name)!);
  for (const { s } of groups) expect([s.domain, s.owner, s.ownerCount]).toEqual([s.defaultDomain, 0, 0]);
});
