import { expect, test } from "vitest";
import { memorySource } from "../../src/read/bytes.js";
import { sniff } from "../../src/read/open/open.js";
import { fixture, fixtureText } from "./fixture.js";

const of = (bytes: Uint8Array | string) =>
  sniff(memorySource("f", typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes));

const lines = fixtureText("swiotlb-full/trace.txt.gz").split("\n");
const map = "dma:dma_map_phys: 0000:00:03.0 dir=TO_DEVICE dma_addr=1 size=1 phys_addr=1 attrs=";

test.each<[string, string, Uint8Array | string]>([
  ["empty", "nothing", ""],
  ["unknown", "words", "hello\nworld\n"],
  ["unknown", "bytes", new Uint8Array(70_000)],
  ["unknown", "a table of memory", fixture("swiotlb-full/iomem.txt")],
  ["unknown", "a command line", fixture("swiotlb-full/cmdline.txt")],
  ["unknown", "JSON", fixture("swiotlb-full/facts.json")],
  ["elf", "an ELF file", Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1)],
  ["gzip", "a gzip file", Uint8Array.of(0x1f, 0x8b, 8, 0)],
  ["zstd", "a zstd file", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd)],
  ["unknown", "half a magic number", Uint8Array.of(0x28, 0xb5)],
  ["trace.dat", "a trace.dat", fixture("swiotlb-full/trace.dat")],
  ["ftrace", "trace", fixture("swiotlb-full/trace.txt.gz")],
  ["ftrace", "a header alone", "# tracer: nop\n#\n"],
  ["ftrace", "trace_pipe", lines.slice(20, 60).join("\n")],
  ["ftrace", "one line of it", lines[20]!],
  ["ftrace", "trace-cmd report", fixture("swiotlb-force/trace-cmd-report.txt.gz")],
  ["ftrace", "after lines of something else", `login: root\n# trace-cmd\n${lines.slice(20, 60).join("\n")}`],
  ["perf-script", "perf script", `   kworker/u8:1    34 [001]     6.929439: ${map}\n\n`],
  ["perf-script", "perf script with threads", `   dd    34/35    [001]     6.929439: ${map}\n`],
  ["kernel-log", "dmesg", fixture("swiotlb-full/dmesg.txt.gz")],
  ["kernel-log", "the journal", "Nov 20 10:00:00 host kernel: usb 1-1: new device\n"],
  ["kernel-log", "a console without clocks", "Linux version 6.1.0 (gcc) #1 SMP\n"],
  ["kernel-log", "one line that someone pasted", "nvme 0000:00:03.0: swiotlb buffer is full (sz: 69632 bytes)"],
])("%s: %s", (content, _, bytes) => {
  expect(of(bytes)).toBe(content);
});
