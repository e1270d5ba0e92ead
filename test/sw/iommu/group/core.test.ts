/** The core of a kernel's IOMMU: what it refuses, by which error, and where devices lead afterwards. */
import { expect, test } from "vitest";
import {
  attachDevice,
  attachGroup,
  attachGroupHandle,
  detachGroup,
  detachGroupHandle,
  replaceGroupHandle,
} from "../../../../src/sw/iommu/group/attach.js";
import { setDefaultType, setUpDefault } from "../../../../src/sw/iommu/group/default_domain.js";
import * as own from "../../../../src/sw/iommu/group/ownership.js";
import { attachPasid, detachPasid, replacePasid } from "../../../../src/sw/iommu/group/pasids.js";
import { leaveGroup } from "../../../../src/sw/iommu/group/release.js";
import { finishReset, prepareReset } from "../../../../src/sw/iommu/group/reset.js";
import { device, paging, type RigOptions, rig } from "./rig.js";

const region = { first: 0x8000, last: 0x8fff };

/** One group that has its default domain. */
function one(devices: Parameters<typeof rig>[0][number], o: RigOptions = {}) {
  const made = rig([devices], o);
  const group = made.groups[0]!;
  expect(setUpDefault(group, "DMA")).toBeNull();
  const entries = () => devices.map((d) => made.driver.entryOf(d.number));
  return { ...made, group, entries };
}

test("what is attached already is not overwritten but by a replacement", () => {
  const { group, domains, entries } = one([device(0), device(1)]);
  const [a, b] = [paging(domains), paging(domains)];
  expect(attachDevice(group, a)).toBe("EINVAL");
  expect(attachGroup(group, 99)).toBe("EINVAL");
  expect(attachGroup(group, a)).toBeNull();
  expect([attachGroup(group, b), entries()]).toEqual(["EBUSY", [a, a]]);
  expect(replaceGroupHandle(group, b, 0)).toBe("EINVAL");
  expect([replaceGroupHandle(group, b, 7), entries(), group.pasids.handleOf(0)]).toEqual([null, [b, b], 7]);
  detachGroupHandle(group);
  expect([entries(), group.pasids.isEmpty]).toEqual([[group.s.defaultDomain, group.s.defaultDomain], true]);
});

test("a handle is attached once, and not for what is refused", () => {
  const { group, domains } = one([device(0)], { refuses: ({ domain }) => (domain === 4 ? "ENOMEM" : null) });
  const bad = paging(domains);
  expect(bad).toBe(4);
  expect(attachGroupHandle(group, bad, 0)).toBe("EINVAL");
  expect([attachGroupHandle(group, bad, 5), group.pasids.has(0)]).toEqual(["ENOMEM", false]);
  const good = paging(domains);
  expect(attachGroupHandle(group, good, 5)).toBeNull();
  expect(attachGroupHandle(group, good, 6)).toBe("EBUSY");
});

test("a replacement that fails at any device leaves all of them, and the handle, as they were", () => {
  for (const failing of [0, 1, 2]) {
    const o: RigOptions = { refuses: ({ domain, device }) => (domain === 5 && device === failing ? "ENOMEM" : null) };
    const { group, domains, entries, warnings } = one([device(0), device(1), device(2)], o);
    const [old, wanted] = [paging(domains), paging(domains)];
    expect(wanted).toBe(5);
    attachGroupHandle(group, old, 1);
    expect(replaceGroupHandle(group, wanted, 2)).toBe("ENOMEM");
    expect([entries(), group.s.domain, group.pasids.handleOf(0)]).toEqual([[old, old, old], old, 1]);
    expect(warnings).toEqual([]);
  }
});

test("a driver that tears down first leaves the device that failed with nothing, and the core does not know", () => {
  const o: RigOptions = {
    refuses: ({ domain, device }) => (domain === 5 && device === 1 ? "EINVAL" : null),
    bugs: ["torn-down-first"],
  };
  const { group, domains, driver, entries } = one([device(0), device(1)], o);
  const [old, wanted] = [paging(domains), paging(domains)];
  attachGroupHandle(group, old, 1);
  expect(replaceGroupHandle(group, wanted, 2)).toBe("EINVAL");
  expect([entries(), group.s.domain]).toEqual([[old, driver.blocked], old]);
});

test("a domain of a process stands behind PASIDs only", () => {
  const { group, domains } = one([device(0, { maxPasids: 4 })], { pasids: 4 });
  const sva = domains.allocate({ kind: "sva", pasids: true }) as number;
  expect(attachGroup(group, sva)).toBe("ENODEV");
  expect(attachPasid(group, { pasid: 1, domain: sva, handle: 1 })).toBeNull();
});

test("PASIDs: refused where none can be, where one stands, and beyond the device's", () => {
  const { group, domains, driver } = one([device(0, { maxPasids: 3 }), device(1)], { pasids: 4 });
  const [a, b] = [paging(domains), paging(domains)];
  const at = (pasid: number, domain = a, handle = 1) => ({ pasid, domain, handle });
  expect([attachPasid(group, at(0)), attachPasid(group, at(3)), attachPasid(group, at(1, 99))]).toEqual([
    ...["EINVAL", "EINVAL", "EINVAL"],
  ]);
  expect([replacePasid(group, at(1)), attachPasid(group, at(1)), attachPasid(group, at(1, b))]).toEqual([
    ...["EINVAL", null, "EBUSY"],
  ]);
  expect([
    replacePasid(group, at(1, b, 0)),
    replacePasid(group, at(1, b, 1)),
    replacePasid(group, at(1, b, 2)),
  ]).toEqual([...["EINVAL", "EINVAL", null]]);
  // The device that sends none is not asked.
  expect([driver.entryOf(0, 1), driver.entryOf(1, 1)]).toEqual([b, 0]);
  detachPasid(group, 1);
  detachPasid(group, 2);
  expect([driver.entryOf(0, 1), group.pasids.isEmpty]).toEqual([0, true]);
});

test("a driver that cannot block a PASID, or knows none, has none", () => {
  const { group, domains } = one([device(0, { maxPasids: 4 })], { pasids: 4, blocks: false });
  expect(attachPasid(group, { pasid: 1, domain: paging(domains), handle: 1 })).toBe("EOPNOTSUPP");
});

test("a PASID that one device refuses leads nowhere new for the others", () => {
  const o: RigOptions = {
    pasids: 4,
    refuses: ({ domain, device, pasid }) => (domain === 5 && device === 1 && pasid > 0 ? "ENOMEM" : null),
  };
  const { group, domains, driver } = one([device(0, { maxPasids: 4 }), device(1, { maxPasids: 4 })], o);
  const [old, wanted] = [paging(domains), paging(domains)];
  expect(attachPasid(group, { pasid: 1, domain: wanted, handle: 1 })).toBe("ENOMEM");
  expect([driver.entryOf(0, 1), driver.entryOf(1, 1), group.pasids.has(1)]).toEqual([0, 0, false]);
  expect(attachPasid(group, { pasid: 1, domain: old, handle: 1 })).toBeNull();
  expect(replacePasid(group, { pasid: 1, domain: wanted, handle: 2 })).toBe("ENOMEM");
  expect([driver.entryOf(0, 1), driver.entryOf(1, 1), group.pasids.handleOf(1)]).toEqual([old, old, 1]);
});

test("DMA has one owner; what he has not attached is blocked", () => {
  const { group, domains, driver, entries, warnings } = one([device(0), device(1)]);
  expect(own.claimGroup(group, 0)).toBe("EINVAL");
  expect(own.useDefaultDomain(group)).toBeNull();
  expect([own.claimGroup(group, 1), own.claimDevice(group, 1)]).toEqual(["EPERM", "EPERM"]);
  own.unuseDefaultDomain(group);
  expect([own.claimDevice(group, 1), entries()]).toEqual([null, [driver.blocked, driver.blocked]]);
  expect([own.claimDevice(group, 1), own.claimDevice(group, 2), own.useDefaultDomain(group)]).toEqual([
    ...[null, "EPERM", "EBUSY"],
  ]);
  const a = paging(domains);
  expect([attachGroup(group, a), entries()]).toEqual([null, [a, a]]);
  detachGroup(group);
  expect(entries()).toEqual([driver.blocked, driver.blocked]);
  own.releaseDevice(group);
  expect(entries()).toEqual([driver.blocked, driver.blocked]);
  own.releaseDevice(group);
  expect(entries()).toEqual([group.s.defaultDomain, group.s.defaultDomain]);
  expect(warnings).toEqual([]);
  own.releaseGroup(group);
  expect(warnings.length).toBe(1);
  expect(attachGroup(group, a)).toBeNull();
  expect(own.claimGroup(group, 1)).toBe("EBUSY");
});

test("without a domain that blocks, an empty one takes its place, once", () => {
  const { group, domains, entries } = one([device(0)], { blocks: false });
  expect(own.claimGroup(group, 1)).toBeNull();
  const blocking = group.s.blockingDomain;
  expect([domains.kindOf(blocking), entries()]).toEqual(["paging", [blocking]]);
  own.releaseGroup(group);
  expect([own.claimGroup(group, 1), group.s.blockingDomain]).toEqual([null, blocking]);
});

test("a device that firmware relies on is never blocked, and never without its regions", () => {
  const { group, domains, driver, entries } = one([device(0, { regions: [region] }), device(1)]);
  expect(domains.directOf(group.s.defaultDomain)).toBe(1);
  expect([own.claimGroup(group, 1), group.s.owner, entries()]).toEqual([
    ...["EINVAL", 0, [group.s.defaultDomain, group.s.defaultDomain]],
  ]);
  expect(attachGroup(group, driver.blocked)).toBe("EINVAL");
  expect(setDefaultType(group, "identity")).toBeNull();
  expect(entries()).toEqual([driver.identity, driver.identity]);
  expect(setDefaultType(group, "DMA")).toBeNull();
  expect(domains.directOf(group.s.domain)).toBe(1);
  expect([leaveGroup(group, group.devices[0]!), leaveGroup(group, group.devices[1]!)]).toEqual([null, null]);
  expect(entries()).toEqual([driver.identity, driver.blocked]);
  expect(domains.isThere(group.s.domain)).toBe(true);
});

test("where a region cannot be mapped, the group stays where it is", () => {
  let fails = false;
  const o: RigOptions = { mapsNot: () => (fails ? "ENOMEM" : null) };
  const { group, domains, driver } = one([device(0, { regions: [region] })], o);
  expect(setDefaultType(group, "identity")).toBeNull();
  fails = true;
  expect([setDefaultType(group, "DMA"), group.s.domain, group.s.defaultDomain]).toEqual([
    ...["ENOMEM", driver.identity, driver.identity],
  ]);
  // The domain that came to nothing is free again.
  expect(paging(domains)).toBe(3);
});

test("the default domain: a flush queue at once, another kind when no driver is bound, none of it for strangers", () => {
  const { group, driver, domains } = one([device(0)]);
  const first = group.s.defaultDomain;
  expect(own.useDefaultDomain(group)).toBeNull();
  expect([setDefaultType(group, "DMA-FQ"), group.s.defaultDomain, group.s.isLazy]).toEqual([null, first, 1]);
  expect(setDefaultType(group, "identity")).toBe("EPERM");
  own.unuseDefaultDomain(group);
  expect([setDefaultType(group, "identity"), domains.isThere(first)]).toEqual([null, false]);
  expect([setDefaultType(group, "identity"), group.s.domain]).toEqual([null, driver.identity]);
  const stranger = one([device(0, { isUntrusted: true })]).group;
  expect(setDefaultType(stranger, "identity")).toBe("EINVAL");
  expect(setDefaultType(rig([[device(0)]]).groups[0]!, "DMA")).toBe("EINVAL");
});

test("a default domain that the driver refuses is given up, and the old one stays", () => {
  const { group, domains, driver, entries } = one([device(0)], {
    refuses: ({ domain }) => (domain === 2 ? "ENODEV" : null),
  });
  const first = group.s.defaultDomain;
  expect(driver.identity).toBe(2);
  expect([setDefaultType(group, "identity"), group.s.defaultDomain, entries()]).toEqual(["ENODEV", first, [first]]);
  expect(domains.isThere(driver.identity)).toBe(true);
});

test("while a device is reset it is blocked, others wait, and what cannot wait is done behind it", () => {
  const { group, domains, driver, entries } = one([device(0, { maxPasids: 4 }), device(1)], { pasids: 4 });
  const [a, b] = [paging(domains), paging(domains)];
  const [first] = group.devices;
  attachGroupHandle(group, a, 1);
  attachPasid(group, { pasid: 2, domain: b, handle: 1 });
  expect([prepareReset(group, first!), entries(), driver.entryOf(0, 2)]).toEqual([null, [driver.blocked, a], 0]);
  expect([
    prepareReset(group, first!),
    replaceGroupHandle(group, b, 2),
    attachPasid(group, { pasid: 1, domain: b, handle: 2 }),
    replacePasid(group, { pasid: 2, domain: a, handle: 2 }),
  ]).toEqual(["EBUSY", "EBUSY", "EBUSY", "EBUSY"]);
  finishReset(group, first!);
  expect([entries(), driver.entryOf(0, 2)]).toEqual([[a, a], b]);
  expect(prepareReset(group, first!)).toBeNull();
  detachGroupHandle(group);
  const { defaultDomain } = group.s;
  expect([group.s.domain, entries()]).toEqual([defaultDomain, [driver.blocked, defaultDomain]]);
  finishReset(group, first!);
  expect(entries()).toEqual([defaultDomain, defaultDomain]);
  expect(replaceGroupHandle(group, b, 3)).toBeNull();
});
