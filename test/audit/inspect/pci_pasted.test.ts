/** What is on the bus, however the text was pasted: quoted, indented, wrapped, in any of lspci's forms. */
import { describe, expect, it, test } from "vitest";
import type { PciDevice } from "../../../src/audit/inspect/pci/device.js";
import { pciFromText } from "../../../src/audit/inspect/pci/from_text.js";

const plain = `0000:00:01.0 PCI bridge [0604]: Example Corp. Root Port [8086:3408] (rev 12)
\tBus: primary=00, secondary=05, subordinate=07, sec-latency=0
\tRegion 0: Memory at fe000000 (64-bit, non-prefetchable) [size=16K]
0000:00:1f.2 SATA controller [0106]: Example Corp. [Quick] AHCI (6 ports) [8086:3a22]
0000:05:00.0 Ethernet controller [0200]: Example Corp. X540 [8086:1528] (rev 01)
\tCapabilities: [160 v1] Single Root I/O Virtualization (SR-IOV)
\t\tInitial VFs: 64, Total VFs: 64, Number of VFs: 3, Function Dependency Link: 00
\t\tVF offset: 128, stride: 2, Device ID: 1515
\t\tSupported Page Size: 00000553, System Page Size: 00000001
\t\tRegion 0: Memory at 00000000f0000000 (64-bit, prefetchable) [disabled] [size=2M]
`;

const shown = (devices: readonly PciDevice[]) =>
  devices.map(({ requester, class: cls, vendor, device, buses, virtualFunctions, bars }) => ({
    ...{ requester, cls, vendor, device, buses, virtualFunctions, bars },
  }));

const right = [
  {
    ...{ requester: 0x08, cls: 0x0604, vendor: 0x8086, device: 0x3408, buses: { secondary: 5, subordinate: 7 } },
    ...{ virtualFunctions: null, bars: [{ from: 0xfe000000, to: 0xfe004000 }] },
  },
  {
    ...{ requester: 0xfa, cls: 0x0106, vendor: 0x8086, device: 0x3a22, buses: null, virtualFunctions: null, bars: [] },
  },
  {
    ...{ requester: 0x500, cls: 0x0200, vendor: 0x8086, device: 0x1528, buses: null },
    ...{ virtualFunctions: [0x580, 0x582, 0x584], bars: [{ from: 0xf0000000, to: 0xf0200000 }] },
  },
];

/** At 72 letters, as a mail program does: the rest of a line begins at its margin. */
const wrapped = (text: string) => text.replaceAll(/^(.{40,60}) (?=\S)/gm, "$1\n");

const everyLine = (before: string) => (text: string) => text.replaceAll(/^(?=.)/gm, before);

const pasted: readonly (readonly [how: string, change: (text: string) => string])[] = [
  ["as it is", (t) => t],
  ["indented by four blanks", everyLine("    ")],
  ["indented by a tab", everyLine("\t")],
  ["quoted in a mail", everyLine("> ")],
  ["quoted twice", everyLine("> > ")],
  ["quoted without a blank", everyLine(">")],
  ["with a bar before it", everyLine("| ")],
  ["quoted and indented", (t) => everyLine(">   ")(t)],
  ["with CRLF", (t) => t.replaceAll("\n", "\r\n")],
  ["with CRLF and quoted", (t) => everyLine("> ")(t).replaceAll("\n", "\r\n")],
  ["after a byte order mark and a prompt", (t) => `\uFEFF$ lspci -Dnnvv\n${t}`],
  ["wrapped", wrapped],
  ["wrapped and quoted", (t) => everyLine("> ")(wrapped(t))],
  ["with blank lines between", (t) => t.replaceAll("\n0000", "\n\n0000")],
];

test.each(pasted)("%s", (_, change) => {
  expect(shown(pciFromText("pci.txt", change(plain)))).toEqual(right);
});

describe("terse forms", () => {
  it.each([
    ["    00:00.0 0600: 8086:3c00 (rev 07)\n    21:00.0 0200: 8086:10fb (rev 01)\n"],
    ["> 00:00.0 0600: 8086:3c00 (rev 07)\r\n> 21:00.0 0200: 8086:10fb\r\n"],
    [
      "Slot:\t00:00.0\nClass:\tHost bridge [0600]\nVendor:\tExample [8086]\nDevice:\tDMI2 [3c00]\nRev:\t07\n\n" +
        "> Slot:\t21:00.0\n> Class:\t0200\n> Vendor:\t8086\n> Device:\t10fb\n> Driver:\tixgbe\n",
    ],
    [
      "Device:\t00:00.0\nClass:\t0600\nVendor:\t8086\nDevice:\t3c00\n\nDevice:\t0000:21:00.0\nClass:\t0200\nVendor:\t8086\nDevice:\t10fb\n",
    ],
    ['00:00.0 "Host bridge [0600]" "Example [8086]" "DMI2 [3c00]" -r07 "" ""\n21:00.0 "0200" "8086" "10fb"\n'],
  ])("%j", (text) => {
    expect(pciFromText("pci.txt", text)).toMatchObject([
      { requester: 0, class: 0x0600, vendor: 0x8086, device: 0x3c00 },
      { requester: 0x2100, class: 0x0200, vendor: 0x8086, device: 0x10fb },
    ]);
  });

  it("without numbers, what a function is shows by its name", () => {
    const text =
      "00:00.0 Host bridge: Example Root Complex\n00:00.2 IOMMU: Example IOMMU\n00:01.1 PCI bridge: Example\n";
    expect(pciFromText("pci.txt", text).map((d) => d.class)).toEqual([0x0600, 0x0806, 0x0604]);
  });
});

/** Configuration space as `lspci -xxx` prints it. */
function hexDump(bytes: Uint8Array): string {
  const row = (at: number) => [...bytes.subarray(at, at + 16)].map((b) => b.toString(16).padStart(2, "0")).join(" ");
  return Array.from(
    { length: bytes.length / 16 },
    (_, n) => `${(16 * n).toString(16).padStart(2, "0")}: ${row(16 * n)}\n`,
  ).join("");
}

describe("buses of bridges", () => {
  it("from configuration space in hexadecimal", () => {
    const bytes = new Uint8Array(256);
    bytes.set([0x86, 0x80, 0x01, 0x3c, 7, 0, 0x10, 0, 7, 0, 4, 6, 0x10, 0, 1, 0]);
    bytes.set([0x20, 0x21, 0x2f, 0], 0x18);
    const text = `20:00.0 PCI bridge: Example Root Port (rev 07)\n${hexDump(bytes)}\n21:00.0 Ethernet controller: Example\n`;
    for (const change of [(t: string) => t, everyLine("> "), everyLine("  ")]) {
      expect(pciFromText("pci.txt", change(text))).toMatchObject([
        {
          requester: 0x2000,
          class: 0x0604,
          vendor: 0x8086,
          device: 0x3c01,
          buses: { secondary: 0x21, subordinate: 0x2f },
        },
        { requester: 0x2100, buses: null },
      ]);
    }
  });

  const tree = `-+-[0000:20]-+-00.0-[21-23]--+-00.0
 |           |               \\-00.1-[22]----1f.7
 |           \\-01.0-[24]--
 \\-[0000:00]-+-00.0
             +-1c.0-[01]----00.0  Example Corp. 10.0 thing
             \\-1f.2
`;
  const buses = (text: string) =>
    pciFromText("pci.txt", text).map((d) => [
      d.requester.toString(16),
      d.buses === null ? "" : `${d.buses.secondary.toString(16)}-${d.buses.subordinate.toString(16)}`,
    ]);
  const drawn = [
    ["0", ""],
    ["e0", "1-1"],
    ["fa", ""],
    ["100", ""],
    ["2000", "21-23"],
    ["2008", "24-24"],
    ["2100", ""],
    ["2101", "22-22"],
    ["22ff", ""],
  ];

  it.each([
    ["as it is", tree],
    ["indented", everyLine("    ")(tree)],
    ["quoted", everyLine("> ")(tree)],
  ])("from a tree, %s", (_, text) => expect(buses(text)).toEqual(drawn));

  it("from a tree of one bus", () => {
    expect(buses("-[0000:00]-+-00.0\n           \\-1c.0-[07-09]----00.0\n")).toEqual([
      ["0", ""],
      ["e0", "7-9"],
      ["700", ""],
    ]);
  });

  it("a list and a tree together: what each says", () => {
    const list = "20:00.0 0604: 8086:3c01\n21:00.0 0200: 8086:10fb\n";
    const both = pciFromText("pci.txt", `${list}-[0000:20]---00.0-[21]----00.0\n`);
    expect(both).toMatchObject([
      { requester: 0x2000, class: 0x0604, buses: { secondary: 0x21, subordinate: 0x21 } },
      { requester: 0x2100, class: 0x0200, vendor: 0x8086 },
    ]);
  });
});
