/** Whom a walk is of, and where it ends: every kind of question of machines of every kind, each answer or refusal whole. */
import { expect, test } from "vitest";
import { parseDevice } from "../../../src/audit/inspect/device_name.js";
import { walkAnswer } from "../../../src/audit/inspect/walk/walk_device.js";
import { whole } from "../../whole.js";
import { inspectMachine, type Machine } from "./firmware_machine.js";
import * as fw from "./firmware_tables.js";

const [one, two] = [0xfed90000, 0xfed91000];
const rows = [
  [0x10000, 0x100000, 0x1000],
  [0x11000, 0x101000, 0x1000, 1],
  [0x12000, 0x102000, 0x1000, 2],
  [0xfee00000, 0x103000, 0x1000],
] as const;

const machines: Readonly<Record<string, Machine>> = {
  "VT-d, two segments": {
    kind: "vtd",
    units: [
      { at: one, devices: ["00:1d.0", "20:00.0"], rows },
      { at: two, devices: ["00:1d.0"] },
    ],
    tables: [fw.dmar(fw.drhd(one, { segment: 3, all: true }), fw.drhd(two, { scopes: [fw.endpoint("00:1d.0")] }))],
  },
  "VT-d, nothing said by firmware": {
    kind: "vtd",
    units: [{ at: one, devices: ["00:1d.0"], rows }],
    tables: [],
  },
  "VT-d, off, and a bridge whose buses are not given": {
    kind: "vtd",
    units: [{ at: one, off: true }, { at: two }],
    tables: [fw.dmar(fw.drhd(one, { scopes: [fw.bridge("20:00.0")] }), fw.drhd(two, { all: true }))],
    bus: "20:00.0 0604: 8086:3c01\n21:00.0 0200: 8086:10fb\n",
  },
  "AMD-Vi": {
    kind: "amdvi",
    units: [{ at: one, devices: ["00:1d.0"], rows }],
    tables: [fw.ivrs(fw.ivhd(one, {}, fw.range("00:01.0", "20:1f.7")))],
  },
  SMMUv3: {
    kind: "smmuv3",
    units: [{ at: one, devices: [0xe8, 0x11d8], confined: [0x20] }],
    tables: [
      fw.iort(
        fw.smmuv3(one),
        fw.rootComplex(0, false, { count: 0x100, to: 0, node: 0 }, { from: 0x100, count: 0x100, to: 0x1100, node: 0 }),
        fw.named("\\_SB.A", { from: 0, count: 2, to: 0x11d8, node: 0 }),
      ),
    ],
  },
  "no unit": { kind: "vtd", units: [], tables: [] },
};

const devices = ["00:1d.0", "0000:00:1d.0", "0003:00:1d.0", "0003:20:00.0", "20:00.0", "21:00.0", "0005:00:01.0"];
const others = ["00:1d.0/5", "00:04.0", "sid:0x20", "sid:0x11d8", "sid:0x4321", "\\_SB.A", "\\_SB.B"];
const addresses = [0x10fff, 0x11000, 0x12008, 0x13000, 0xfedfffff, 0xfee00000, 0xfeefffff, 0xfef00000, 2 ** 48];

test.each(Object.entries(machines))("%s", (_, machine) => {
  const found = inspectMachine(machine);
  const ask = (of: typeof found, device: string, address: number) => {
    try {
      return whole(walkAnswer(of, { ...parseDevice(device), iova: BigInt(address) }));
    } catch (error) {
      return (error as Error).message;
    }
  };
  for (const device of [...devices, ...others]) {
    const bare = ask({ ...found, coverage: null }, device, 0x10000);
    const told = ask(found, device, 0x10000);
    expect(told === bare ? told : `${told}\nwithout firmware: ${bare}`).toMatchSnapshot(device);
  }
  const ends = ["0003:20:00.0", "00:1d.0", "sid:0x20"].flatMap((device) =>
    addresses.map(
      (address) => `${device} ${address.toString(16)} ${/^end: .*/m.exec(ask(found, device, address))?.[0]}`,
    ),
  );
  expect(ends.join("\n")).toMatchSnapshot();
});
