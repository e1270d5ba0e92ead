/** Every form of text that names devices of the bus, whole, and with each of its letters taken out. */
import { expect, test } from "vitest";
import { busFromText } from "../../../src/audit/inspect/pci/bus.js";
import { pciFromText } from "../../../src/audit/inspect/pci/from_text.js";
import { hashOfAll, slips } from "../altered_text.js";

const hexBytes = (at: number, ...bytes: number[]) =>
  `${at.toString(16).padStart(2, "0")}: ${Array.from({ length: 16 }, (_, n) => (bytes[n] ?? 0).toString(16).padStart(2, "0")).join(" ")}`;

const texts: Readonly<Record<string, string>> = {
  "info pci": `  Bus  0, device   2, function 0:
    Class 0264: PCI device 1b36:0010
      BAR0: 64 bit memory at 0xfebc0000 [0xfebc3fff].
      BAR2: 32 bit prefetchable memory at 0xfe000000 [0xfe00ffff].
      BAR4: I/O at 0xc040 [0xc05f].
  Bus  0, device  31, function 7:
    PCI bridge: PCI device 1b36:000C
      secondary bus 1.
      subordinate bus 255.
  Bus 255, device  0, function 0:
    VGA controller: PCI device 1234:1111
      secondary bus 256.
  Bus 256, device  0, function 0:
    Class 12: PCI device 1234:1112
  Bus  1, device  32, function 0:
  Bus  1, device  0, function 8:
  Bus  1, device  3, function 1:`,
  "lspci -nn -vv": `0001:00:01.0 PCI bridge [0604]: Example Corp. Root: Port [8086:3408] (rev 12) (prog-if 00 [Normal decode])
\tBus: primary=00, secondary=05, subordinate=1f, sec-latency=0
\tMemory behind bridge: fe000000-fe0fffff [size=1M]
\tRegion 0: Memory at fe000000 (64-bit, non-prefetchable) [disabled] [size=16K]
\tRegion 2: Memory at fc00000000 (64-bit, prefetchable) [virtual] [size=2G]
\tRegion 4: Memory at 10000 (32-bit, non-prefetchable) [size=256]
05:1f.7 Ethernet controller [0200]: Example [Quick] X540 [8086:1528]
\tSubsystem: Example [8086:0001]
\tCapabilities: [160 v1] Single Root I/O Virtualization (SR-IOV)
\t\tInitial VFs: 64, Total VFs: 64, Number of VFs: 3, Function Dependency Link: 00
\t\tVF offset: 128, stride: 2, Device ID: 1515
\t\tATSCtl:\tEnable+, Smallest Translation Unit: 00
\t\tPASIDCtl: Enable- Exec- Priv-
05:20.0 Ethernet controller [0200]: beyond the last device [8086:1528]
06:00.0 Ethernet controller: Example without numbers
\tNumber of VFs: 3`,
  "lspci -n": `10000:e1:00.0 0108: 8086:0a54 (rev 02)
00:1f.3 0c05: 8086:2930
00:1F.4 0C05: 80FE:29AB`,
  "lspci -mm": `00:00.0 "Host bridge [0600]" "Example [8086]" "DMI2 [3c00]" -r07 "" ""
21:00.0 "0200" "8086" "10fb"
22:00.0 "Host bridge" "Example"
23:00.0 "Host bridge" "Example" "Some"`,
  "lspci -vmm": `Slot:\t00:00.0
Class:\tHost bridge [0600]
Vendor:\tExample "X" [8086]
Device:\tDMI2 [3c00]
Rev:\t07

Device:\t0001:21:00.7
Class:\t0200
Vendor:\t8086
Device:\t10fb

Class:\t0300
00:1f.3 0c05: 8086:2930`,
  "lspci -t": `-+-[0000:20]-+-00.0-[21-23]--+-00.0
 |           |               \\-00.1-[22]----1f.7
 |           \\-01.0-[24]--
 \\-[0001:00]-+-00.0
             +-1c.0-[01]----00.0  Example Corp. 10.0 thing
             \\-1f.2`,
  "lspci -x": `20:00.0 PCI bridge: Example Root Port (rev 07)
${hexBytes(0, 0x86, 0x80, 0x01, 0x3c, 7, 0, 0x10, 0, 7, 0, 4, 6, 0x10, 0, 1, 0)}
${hexBytes(16, 0, 0, 0, 0xfe, 0, 0, 0, 0, 0x20, 0x21, 0x2f, 0, 0xf1, 1, 0, 0)}
${hexBytes(32, 0, 0xfd, 0x10, 0xfd, 1, 0xf0, 0x11, 0xf0, 2, 0, 0, 0, 3)}`,
};

test.each(Object.entries(texts))("%s", (_, text) => {
  expect(busFromText("pci.txt", text)).toMatchSnapshot();
  const rows = text.split("\n").map((line, n, lines) => {
    const changed = slips(line).map((slip) => lines.with(n, slip).join("\n"));
    return `${hashOfAll(changed, (t) => pciFromText("pci.txt", t))} ${line}`;
  });
  expect(rows.join("\n")).toMatchSnapshot();
});

test("a text that names none: its first line, as far as 40 letters", () => {
  const message = (text: string) => {
    try {
      return pciFromText("pci.txt", text);
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(["", " \n\t\n", `\n  ${"ab ".repeat(20)}\nc`, "x".repeat(40), "x".repeat(41)].map(message)).toMatchSnapshot();
});
