/** The core on every kind of IOMMU with its driver: devices reach what their group's domain maps, and nothing else. */
import { describe, expect, test } from "vitest";
import { Misuse } from "../../../../src/base/assert.js";
import { AtsPort } from "../../../../src/hw/iommu/ats/ats_port.js";
import { DeviceTlb } from "../../../../src/hw/iommu/ats/device_tlb.js";
import { TranslatingPort } from "../../../../src/hw/iommu/core/translating_port.js";
import { machineUnits } from "../../../../src/lab/machine/platform/machine_units.js";
import { UnitWork } from "../../../../src/lab/machine/platform/unit_work.js";
import { Memory } from "../../../../src/mem/memory.js";
import { type IommuKind, iommuKinds } from "../../../../src/spec/linux/iommu_drivers.js";
import { MachineState } from "../../../../src/state/machine_state.js";
import { attachGroupHandle, detachGroupHandle, replaceGroupHandle } from "../../../../src/sw/iommu/group/attach.js";
import { setUpDefault } from "../../../../src/sw/iommu/group/default_domain.js";
import { Group } from "../../../../src/sw/iommu/group/group.js";
import { claimGroup, releaseGroup } from "../../../../src/sw/iommu/group/ownership.js";
import { UnitGroupDriver } from "../../../../src/sw/iommu/unit_groups/unit_group_driver.js";
import { Allow, Mapper } from "../../../../src/table/index.js";

const page = 4096;
const frames = 2048;
/** Requester ids of one device, on two buses: each bus has a table of its own. */
const [first, alias, ats] = [0x18, 0x118, 0x20];
/** Bytes at which programs and domains meet, and frames of data. */
const at = 0x5000;
const data = (n: number) => (frames - 8 + n) * page;

/** @param after allocations that go well; left out: all do */
function machine(kind: IommuKind, after = Number.POSITIVE_INFINITY) {
  const memory = new Memory(frames);
  const state = new MachineState();
  const row = machineUnits[kind];
  const tlbs = new Map<number, DeviceTlb>();
  const unit = row.build({
    ...{ state, memory, caches: { devices: 4, spaces: 4, tables: 8, translations: 16 } },
    messages: { send: () => undefined },
    deviceTlb: (requester) => tlbs.get(requester) ?? null,
  });
  const tlb = new DeviceTlb({ state, requester: ats, sink: unit, entries: 4, manners: "answers" });
  tlbs.set(ats, tlb);
  const work = new UnitWork(unit, () => tlbs.values());
  let next = 16;
  let left = Number.POSITIVE_INFINITY;
  const allocate = (count: number) => {
    if (left-- <= 0) throw new Misuse("no-memory", "as asked");
    next = Math.ceil(next / count) * count + count;
    for (let n = next - count; n < next; n++) memory.fill(n * page, page, 0);
    return next - count;
  };
  const driver = row.drive({
    ports: { memory, registers: unit.registers, allocate, spin: (until) => work.spin(until) },
    lastRequester: 0x1ff,
  });
  const port = new UnitGroupDriver({
    ...{ state, driver, count: 8 },
    requesters: (device) =>
      device === 0 ? [first, alias].map((requester) => ({ requester, ats: false })) : [{ requester: ats, ats: true }],
    mapDirect: ({ root }, r) => map(root, r.first, r.first),
  });
  const map = (root: Mapper["root"], from: number, to: number) =>
    new Mapper(memory, root, allocate).map(from, to, page, Allow.readWrite);
  const [transaction] = unit.transactions;
  const parts = { memory, transaction: transaction!, pick: () => 0 };
  const [plain, own] = [new TranslatingPort(parts), new AtsPort({ ...parts, tlb })];
  const devices = [0, 1].map((number) => ({ number, maxPasids: 0, regions: [] }));
  const groups = devices.map((d) => new Group({ state, driver: port, devices: [d], name: `group ${d.number}` }));
  for (const group of groups) expect(setUpDefault(group, "DMA")).toBeNull();
  const domain = (n: number) => {
    const made = port.domains.allocate({ kind: "paging" }) as number;
    map(port.unitDomain(made).root, at, data(n));
    return made;
  };
  let value = 0;
  /** The page of data that a write arrives in; null: it is refused. */
  const reaches = (requester: number): number | null => {
    value = (value % 250) + 1;
    const done = (requester === ats ? own : plain).write(requester, at, Uint8Array.of(value));
    if (done !== "done") return null;
    const there = [0, 1, 2].filter((n) => (memory.load32(data(n)) & 0xff) === value);
    return there[0] ?? ((memory.load32(at) & 0xff) === value ? at : -1);
  };
  return {
    port,
    groups,
    domain,
    reaches,
    failAfter: (n = after) => (left = n),
    heal: () => (left = Number.POSITIVE_INFINITY),
  };
}

describe.each([...iommuKinds])("%s", (kind) => {
  test("attached, replaced, claimed and given back: a device reaches what its group says, by all of its ids", () => {
    const { port, groups, domain, reaches } = machine(kind);
    const [group] = groups as [Group, Group];
    const [a, b] = [domain(0), domain(1)];
    const all = () => [first, alias].map(reaches);
    expect([setUpDefault(group, "identity"), all()]).toEqual([null, [at, at]]);
    expect([claimGroup(group, 1), all()]).toEqual([null, [null, null]]);
    expect([attachGroupHandle(group, a, 1), all()]).toEqual([null, [0, 0]]);
    expect([replaceGroupHandle(group, b, 2), all()]).toEqual([null, [1, 1]]);
    expect([replaceGroupHandle(group, a, 3), all()]).toEqual([null, [0, 0]]);
    const nested = port.domains.allocate({
      kind: "nested",
      parent: port.domains.allocate({ kind: "paging", nests: true }) as number,
    });
    expect([replaceGroupHandle(group, nested as number, 4), all()]).toEqual(["EINVAL", [0, 0]]);
    detachGroupHandle(group);
    expect(all()).toEqual([null, null]);
    releaseGroup(group);
    expect(all()).toEqual([at, at]);
  });

  test("a device that keeps translations keeps none of the domain that it leaves", () => {
    const { groups, domain, reaches } = machine(kind);
    const [, group] = groups as [Group, Group];
    const [a, b] = [domain(0), domain(1)];
    expect([attachGroupHandle(group, a, 1), reaches(ats), reaches(ats)]).toEqual([null, 0, 0]);
    expect([replaceGroupHandle(group, b, 2), reaches(ats)]).toEqual([null, 1]);
    detachGroupHandle(group);
    expect(reaches(ats)).toBeNull();
  });

  test("a number that serves again leads to tables of its own", () => {
    const { port, groups, domain, reaches } = machine(kind);
    const [group] = groups as [Group, Group];
    const a = domain(0);
    attachGroupHandle(group, a, 1);
    detachGroupHandle(group);
    port.domains.free(a);
    const again = port.domains.allocate({ kind: "paging" }) as number;
    expect([again, attachGroupHandle(group, again, 2), reaches(first)]).toEqual([a, null, null]);
  });
});

test.each([...iommuKinds])("%s: where memory ends in the midst, all of a device's ids lead where they did", (kind) => {
  let failed = 0;
  for (let after = 0; after < 4; after++) {
    const { groups, domain, reaches, failAfter, heal } = machine(kind, after);
    const [group] = groups as [Group, Group];
    const [a, b] = [domain(0), domain(1)];
    attachGroupHandle(group, a, 1);
    failAfter();
    const result = replaceGroupHandle(group, b, 2);
    heal();
    const meant = result === null ? 1 : 0;
    if (result !== null) failed++;
    expect([after, result, reaches(first), reaches(alias)]).toEqual([after, result, meant, meant]);
  }
  // An SMMUv3's driver makes a context for each attachment; the others find their tables made.
  expect(failed).toBe(kind === "smmuv3" ? 2 : 0);
});
