/** What people give by hand, with each letter gone, and registers with each bit changed: every reading whole. */
import { expect, test } from "vitest";
import { isAsked, parseAddress, parseDevice, parseDeviceAddress } from "../../../src/audit/inspect/device_name.js";
import { unitsFromRegisters } from "../../../src/audit/inspect/registers/units_from_registers.js";
import { rootGiven } from "../../../src/audit/inspect/walk/where_given.js";
import { registersOf } from "../../table/device/captured.js";
import { hashOfAll, slips } from "../altered_text.js";

const words = (read: (text: string) => unknown, text: string) => {
  try {
    return JSON.stringify(read(text), (_, v) => (typeof v === "bigint" ? `0x${v.toString(16)}` : v));
  } catch (error) {
    return (error as Error).message;
  }
};

const devices = [
  ...["0001:02:1f.7", " 00:03.0/5 ", "0000:00:03.0/0xfffff", "00:03.0/1048575", "00:03.0/1048576", "12345678:ff:1F.7"],
  ...["sid:24", "2:sid:0xffffffff/3", "sid:4294967295", "sid:4294967296", "00:20.0", "00:1f.8", "123456789:00:00.0"],
  ...["\\_SB_.DPU0 stream 0x3", "\\_SB.^A/7", " \\_SB ", "\\_SB stream 4294967295/0x5", "x".repeat(60), "y".repeat(61)],
];
const addresses = [
  "0xfffc0000",
  " 44E9000 ",
  "0x0",
  "00010000000000000000",
  "0x10000000000000000",
  "0x",
  "ffffffffffffffff",
];

test("devices and addresses", () => {
  const rows = [
    ...devices.map((d) => [hashOfAll(slips(d), parseDevice), words(parseDevice, d)]),
    ...addresses.map((a) => [hashOfAll(slips(a), (t) => String(parseAddress(t))), words(parseAddress, a)]),
    ...devices.map((d) => [d, words(parseDeviceAddress, `${d}:0x1000`), words(parseDeviceAddress, d)]),
    ...addresses.map((a) => [a, words(parseDeviceAddress, `0000:00:03.0:${a}`)]),
  ];
  expect(rows.map((r) => r.join(" ")).join("\n")).toMatchSnapshot();
});

test("who answers to a question", () => {
  const own = [
    { segment: 0, requester: 0x18 },
    { segment: 1, requester: 0x18 },
    { segment: 0, requester: 0x18, stream: 0x1018 },
    { segment: 0, requester: 3, stream: 3, path: "\\_SB.A" },
    { segment: 0, requester: 0x18, stream: 0x18, path: null },
  ].flatMap((d) => [null, 0, 5].map((pasid) => ({ ...d, pasid })));
  const texts = ["00:03.0", "0:00:03.0", "1:00:03.0", "00:03.0/0", "00:03.0/5", "sid:24", "sid:0x1018", "sid:3"];
  const asked = [...texts, "\\_SB.A", "\\_SB.A stream 3", "\\_SB.A stream 4", "\\_SB.B", "\\_SB.A/5"];
  const nobody = { segment: null, requester: 0x18, path: null, pasid: null };
  const rows = [...asked.map(parseDevice), nobody].map((a) => own.map((d) => (isAsked(d, a) ? 1 : 0)).join(""));
  expect(rows.join("\n")).toMatchSnapshot();
});

test("roots of tables", () => {
  const roots = [
    ...["vtd:0x3c02000", "vtd-scalable:0x1000", "vtd:0x3c02001", "vtd:0x1000,1", "vtd:", "amd:0x1000", "toString:1"],
    ...["amdvi:0x1e84000", "amdvi:0x1e84000,0x2000", "amdvi:0x1000,4095", "amdvi:0x1000,4096", "amdvi:0x1000,0x201000"],
    ...["amdvi:0x1000,0x200000,1", "amdvi:0xfffffffffe000,0x2000", "amdvi:0xfffffffffe000,0x3000", "amdvi:0x1000,6144"],
    ...[
      "smmuv3:0x45580000,16,8",
      "smmuv3:0x40,32",
      "smmuv3:0x40,33",
      "smmuv3:0x20,5",
      "smmuv3:0x1000",
      "smmuv3:0x40,1,7",
    ],
    ...["smmuv3:0x40,1,6", "smmuv3:0x40,1,10", "smmuv3:64,1,6,5", "vtd:4503599627370495", "vtd:0xffffffffff000"],
    ...[
      "vtd:0x10000000000000",
      "vtd:4503599627370496",
      "vtd:9999999999999999",
      "vtd:-4096",
      "vtd: 0x1000 ",
      "vtd:0x1000,",
    ],
  ];
  const rows = roots.map((r) => `${r} ${words(rootGiven, r)} ${hashOfAll(slips(r), rootGiven)}`);
  expect(rows.join("\n")).toMatchSnapshot();
});

interface Block {
  readonly kind: string;
  readonly registers: Readonly<Record<string, string>>;
}

/** Registers that recordings may lack, with values that mean something. */
const more: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  vtd: { "0x90": "0x5802", "0xd0": "0x40004", "0xb8": "0x2080f", "0x1c": "0xc7000000" },
  amdvi: {
    "0x8": "0x0900000000040000",
    "0x10": "0x0900000000060000",
    "0x38": "0x0900000000080000",
    "0x20": "0x7f000003",
    "0x28": "0x7f0ff000",
  },
  smmuv3: {
    "0x90": "0x5000000a",
    "0xa0": "0x50000105",
    "0xc0": "0x50040006",
    "0xc": "0x3",
    "0x44": "0x100000",
    "0x20": "0x1f",
  },
};

const registered = ["amdvi", "smmuv3", "vtd-ats", "vtd-scalable"] as const;

test.each(registered)("%s: each bit of each register changed, and each register gone", (name) => {
  const { kind, registers } = JSON.parse(registersOf(name)) as Block;
  const base = Math.min(...Object.keys(registers).map(Number));
  const known = new Set(Object.keys(registers).map((at) => Number(at) - base));
  const added = Object.entries(more[kind]!).filter(([at]) => !known.has(Number(at)));
  const all = {
    ...registers,
    ...Object.fromEntries(added.map(([at, v]) => [`0x${(base + Number(at)).toString(16)}`, v])),
  };
  const read = (changed: Readonly<Record<string, string | undefined>>) =>
    words((text) => unitsFromRegisters("r.json", text), JSON.stringify({ kind, registers: changed }));
  const rows = Object.entries(all).map(([at, value]) => {
    const wide = value.length > 10 ? 64 : 32;
    const flipped = Array.from({ length: wide }, (_, n) => `0x${(BigInt(value) ^ (1n << BigInt(n))).toString(16)}`);
    const texts = [...flipped.map((v) => read({ ...all, [at]: v })), read({ ...all, [at]: undefined })];
    return `${at}: ${hashOfAll(texts, (t) => t)}`;
  });
  expect([read(all), ...rows].join("\n")).toMatchSnapshot();
});
