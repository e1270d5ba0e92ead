/** Devices on the bus, from every source. */
import { describe, expect, it } from "vitest";
import { pciFromConfiguration } from "../../../src/audit/inspect/pci/configuration.js";
import { pciFromText } from "../../../src/audit/inspect/pci/from_text.js";
import { Memory } from "../../../src/mem/index.js";
import { Unreadable } from "../../../src/read/unreadable.js";

const monitor = `  Bus  0, device   0, function 0:
    Host bridge: PCI device 8086:29c0
      PCI subsystem 1af4:1100
      id ""
  Bus  0, device   2, function 0:
    Class 0264: PCI device 1b36:0010
      BAR0: 64 bit memory at 0xfebc0000 [0xfebc3fff]
  Bus  0, device   3, function 0:
    PCI bridge: PCI device 1b36:000c
      BUS 0.
      secondary bus 1.
      subordinate bus 2.
  Bus  1, device  31, function 7:
    Ethernet controller: PCI device 8086:10d3
`;

const terse = `00:00.0 0600: 8086:29c0
0001:02:1f.3 0c05: 8086:2930 (rev 02)
10000:e1:00.0 0108: 8086:0a54
`;

const verbose = `0000:00:00.0 Host bridge [0600]: Intel Corporation 82G33 [8086:29c0]
0000:00:1c.0 PCI bridge [0604]: Red Hat, Inc. QEMU PCIe Root port [1b36:000c]
\tBus: primary=00, secondary=01, subordinate=03, sec-latency=0
0000:01:00.0 Non-Volatile memory controller [0108]: Red Hat, Inc. [1b36:0010] (rev 02)
\tCapabilities: [120 v1] Address Translation Service (ATS)
\t\tATSCtl:\tEnable+, Smallest Translation Unit: 00
\t\tPASIDCtl: Enable- Exec- Priv-
0000:02:00.0 Ethernet controller: Intel Corporation 82574L
`;

describe("devices from text", () => {
  it("QEMU's monitor", () => {
    expect(pciFromText("pci.txt", monitor)).toMatchObject([
      { requester: 0, name: "Host bridge", vendor: 0x8086, device: 0x29c0, buses: null, ats: null },
      { requester: 0x10, class: 0x0108, vendor: 0x1b36 },
      { requester: 0x18, buses: { secondary: 1, subordinate: 2 } },
      { requester: 0x1ff, segment: 0 },
    ]);
  });

  it("lspci -nD", () => {
    expect(pciFromText("pci.txt", terse)).toMatchObject([
      { segment: 0, requester: 0, class: 0x0600, vendor: 0x8086, name: null },
      { segment: 1, requester: 0x2fb, class: 0x0c05, device: 0x2930 },
      { segment: 0x10000, requester: 0xe100, class: 0x0108 },
    ]);
  });

  it("lspci -nnvvD, and a line without numbers", () => {
    expect(pciFromText("pci.txt", verbose)).toMatchObject([
      { requester: 0, name: "Host bridge", class: 0x0600, device: 0x29c0 },
      { requester: 0xe0, buses: { secondary: 1, subordinate: 3 } },
      { requester: 0x100, ats: true, pasid: false },
      { requester: 0x200, name: "Ethernet controller", class: null, vendor: null },
    ]);
  });

  it.each([
    ["", "found an empty file"],
    ["hello\nworld", 'found "hello"'],
    ["  Bus  0, device  77, function 0:", 'found "Bus  0, device  77, function 0:"'],
  ])("%j names no device", (text, message) => {
    expect(() => pciFromText("pci.txt", text)).toThrow(Unreadable);
    expect(() => pciFromText("pci.txt", text)).toThrow(message);
  });
});

describe("devices from configuration space", () => {
  const windows = [{ segment: 4, base: 0, firstBus: 0, lastBus: 0 }];
  const put = (memory: Memory, requester: number, at: number, ...words: number[]) =>
    memory.write(requester * 4096 + at, new Uint8Array(Uint32Array.from(words).buffer));

  it("an image without it says that nothing is known", () => {
    expect(pciFromConfiguration(new Memory(64), windows)).toBeNull();
  });

  it("header, buses, extended capabilities", () => {
    const memory = new Memory(256);
    put(memory, 0x10, 0, 0x0010_1b36, 0, 0x0108_0202, 0);
    put(memory, 0x10, 0x100, 0x1201_000d);
    put(memory, 0x10, 0x120, 0x1401_000f, 0x8000_0000);
    put(memory, 0x10, 0x140, 0x0001_001b, 0x0001_0000);
    put(memory, 0x18, 0, 0x000c_1b36, 0, 0x0604_0000, 0x0081_0000);
    put(memory, 0x18, 0x18, 0x0003_0100);
    put(memory, 0x20, 0, 0xffff_ffff);
    // A list of capabilities that goes in a circle.
    put(memory, 0x28, 0, 0x0001_1234);
    put(memory, 0x28, 0x100, 0x1001_0001);
    expect(pciFromConfiguration(memory, windows)).toMatchObject([
      { segment: 4, requester: 0x10, vendor: 0x1b36, class: 0x0108, ats: true, pasid: true, buses: null },
      { requester: 0x18, class: 0x0604, buses: { secondary: 1, subordinate: 3 }, ats: false },
      { requester: 0x28, vendor: 0x1234, ats: false, pasid: false },
    ]);
  });
});
