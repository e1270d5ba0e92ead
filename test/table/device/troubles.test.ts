/** What is told of device tables that are wrong: which entry, its value, and how often; and where the reading stops. */
import { describe, expect, it } from "vitest";
import { DeviceEntry } from "../../../src/spec/amdvi/device_entry.js";
import { functionName } from "../../../src/spec/pcie/requester.js";
import { ContextDescriptor as Cd } from "../../../src/spec/smmuv3/context_descriptor.js";
import { L1StreamDescriptor, StreamEntry as Ste } from "../../../src/spec/smmuv3/stream_table.js";
import { RootEntry } from "../../../src/spec/vtd/root_entry.js";
import type { UnitRoot } from "../../../src/table/device/attachment.js";
import { deviceTables } from "../../../src/table/device/index.js";
import { Troubles } from "../../../src/table/trouble.js";
import { Built, lookup, unit } from "./built.js";
import { cd, context, device, dte, legacy, legacyGood, root, scalable, steSecond, table } from "./entries.js";

function read(built: Built, u: UnitRoot, max?: number) {
  const troubles = new Troubles(max);
  return { list: deviceTables[u.kind].attachments(built.memory, u, troubles), troubles };
}

describe("a refused entry", () => {
  it.each([
    [
      "VT-d's context entry",
      unit("vtd", "legacy"),
      legacy({ ...legacyGood, tt: 3 }),
      context + device * 16,
      0x502_0000_0000_0000_900dn,
    ],
    [
      "VT-d's root entry",
      unit("vtd", "legacy"),
      legacy(null, {}).put(root, RootEntry, { p: 1, frame: 2 }).bit(root, 64),
      root,
      0x1_0000_0000_0000_2001n,
    ],
    ["AMD-Vi's device entry", unit("amdvi", "v1"), dte({ mode: 7 }), root + device * 32, 0x5_6000_0000_0000_9e03n],
    [
      "SMMUv3's context descriptor",
      unit("smmuv3", "linear", { size: 6 }),
      cd({ t0sz: 15, ttb0: 0, asid: 0, ips: 0, a: 0 }),
      table,
      0x200_c000_000fn,
    ],
  ])("%s is told with its place and its value", (_, u, built, entryAt, value) => {
    const { list, troubles } = read(built, u);
    expect(troubles.total).toBe(1);
    const [told] = troubles.list;
    expect(told).toMatchObject({ kind: "reserved", entryAt, iova: null, level: null });
    expect(told!.value).toBe(`0x${value.toString(16)}`);
    // A root entry is of a whole bus; the others are of one device, which is blocked for what the trouble says.
    expect(list.map((a) => [a.state, a.why])).toEqual(
      u.kind === "vtd" && entryAt === root ? [] : [["blocked", told!.what]],
    );
  });

  it("an address that is too wide is told as that", () => {
    const { troubles } = read(dte({ frame: 2 ** 36 }), unit("amdvi", "v1"));
    expect(troubles.list.map((t) => [t.kind, t.entryAt])).toEqual([["address-size", root + device * 32]]);
  });

  it("a requester without PASID entry is blocked, and no trouble", () => {
    const { list, troubles } = read(scalable({ entry: {} }), unit("vtd", "scalable"));
    expect(list.map((a) => [a.state, a.pasid])).toEqual([["blocked", 0]]);
    expect(troubles.total).toBe(0);
  });
});

describe("entries that were read", () => {
  it("are listed in order, and every device has its own", () => {
    const built = legacy(legacyGood).put(context, Cd, {});
    const found = lookup(built, unit("vtd", "legacy"), device, null);
    expect(found.entries.map((e) => [e.at, e.about.title, e.meaning])).toEqual([
      [root, "VT-d root entry", "context table at 0x2000"],
      [context + device * 16, "VT-d context entry", "second-stage table at 0x9000, 4 levels"],
    ]);
  });
  it.each([
    [{}, "host table at 0x9000, 3 levels"],
    [{ mode: 0 }, "no host table"],
    [{ v: 0 }, "V is 0: passes untranslated"],
    [{ tv: 0 }, "TV is 0: blocked"],
    [{ mode: 0, gv: 1 }, "no host table, with a guest table"],
  ])("AMD-Vi's %o means: %s", (values, meaning) => {
    expect(lookup(dte(values), unit("amdvi", "v1+v2"), device, null).entries[0]!.meaning).toBe(meaning);
  });
});

it("functions have the names that lspci gives them", () => {
  expect([0, 0x18, 0xff, 0x100, 0xffff].map(functionName)).toEqual([
    "00:00.0",
    "00:03.0",
    "00:1f.7",
    "01:00.0",
    "ff:1f.7",
  ]);
});

describe("where the reading stops", () => {
  /** Two levels: `count` descriptors from 0x100000 on, each of one stream. */
  const spans = (count: number, l2: number, span = 1) => {
    const built = new Built();
    for (let n = 0; n < 8192; n += 512) built.put(0x100000 + n * 8, L1StreamDescriptor, {});
    for (let n = 0; n < count; n++) built.put(0x100000 + n * 8, L1StreamDescriptor, { span, l2: l2 / 64 });
    return built;
  };
  const two = (split: number) => unit("smmuv3", "two-level", { root: 0x100000, size: 13 + split, split });

  it("4,096 parts that are not there are troubles; with one more the rest is left out", () => {
    const whole = read(spans(4096, 2 ** 30), two(0));
    expect([whole.troubles.total, whole.troubles.list.some((t) => t.kind === "limit")]).toEqual([4096, false]);
    const cut = read(spans(4097, 2 ** 30), two(0));
    expect(cut.troubles.list.map((t) => t.kind).slice(200)).toEqual(["limit"]);
  });

  it("65,536 devices are listed; of one more it is told", () => {
    // Descriptors of 1,024 streams, all of them the same.
    const streams = (count: number) => {
      const built = spans(count, 0x10000, 11);
      for (let n = 0; n < 1024; n++) built.put(0x10000 + n * 64, Ste, { v: 1, config: 4 });
      return read(built, two(10));
    };
    const whole = streams(64);
    expect([whole.list.length, whole.troubles.total]).toEqual([65536, 0]);
    const cut = streams(65);
    expect([cut.list.length, cut.troubles.list.map((t) => t.kind)]).toEqual([65536, ["limit"]]);
  });

  it("nothing is asked of memory beyond 52 bits of address", () => {
    const held = cd({}, { ...steSecond, config: 7, s1Context: 2 ** 49 }).put(0x9000, DeviceEntry, {}).memory;
    const memory = {
      frame(m: number) {
        if (!(m >= 0 && m < 2 ** 40)) throw new Error(`frame ${m}`);
        return held.frame(m as never);
      },
    };
    const u = unit("smmuv3", "linear", { size: 6 });
    for (const width of [u, { ...u, outputBits: 56 }]) {
      const found = deviceTables.smmuv3.lookup(memory, width, device, null);
      expect("code" in found && found.code).toBe(0x10);
    }
    const far = new Built().put(root + device * 64, Ste, { v: 1, config: 5, s1Context: 2 ** 46 });
    const plain = deviceTables.smmuv3.lookup(
      { frame: (m) => (m < 2 ** 40 ? far.memory.frame(m) : memory.frame(m)) },
      { ...u, outputBits: 56 },
      device,
      null,
    );
    expect("code" in plain && plain.code).toBe(0x9);
  });
});
