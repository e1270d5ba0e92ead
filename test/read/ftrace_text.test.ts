import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/read/bytes.js";
import { EventBatch, EventKind } from "../../src/read/event.js";
import { openFtraceText } from "../../src/read/ftrace_text/open_ftrace_text.js";
import { expectEqual } from "../equal.js";
import { eventRows } from "./event_rows.js";
import { fixture, fixtureText } from "./fixture.js";
import { type TextRow, textRows } from "./text_rows.js";

const recordings = ["swiotlb-force", "swiotlb-full", "swiotlb-32bit", "vtd-scalable", "vtd-ats", "amdvi"];

const bytesOf = (text: string) => new TextEncoder().encode(text);
const open = (text: string) => openFtraceText(memorySource("trace.txt", bytesOf(text)));
const rowsOf = (text: string) => eventRows(open(text));
/** Without what tells of losses. */
const readOf = (text: string) => rowsOf(text).filter((r) => r.kind !== EventKind.lost);
const warningsOf = (text: string) => {
  const source = open(text);
  eventRows(source);
  return source.warnings.list.map((w) => `${w.where}: ${w.what}`);
};

/** A line as the kernel's `trace` prints it. */
function line(event: string, o: { task?: string; cpu?: number; flags?: string; time?: string } = {}): string {
  const { task = "dd-42", cpu = 1, flags = ".....", time = "12.345678" } = o;
  const dash = task.lastIndexOf("-");
  const who = `${task.slice(0, dash).padStart(16)}-${task.slice(dash + 1).padEnd(7)}`;
  return `${who} [${String(cpu).padStart(3, "0")}] ${flags === "" ? "" : `${flags} `}${time.padStart(12)}: ${event}\n`;
}

describe("real recordings", () => {
  test.each(recordings)("%s: every line gives what a plain reading gives", (name) => {
    const text = fixtureText(`${name}/trace.txt.gz`);
    const source = openFtraceText(memorySource(name, fixture(`${name}/trace.txt.gz`)));
    expectEqual(eventRows(source), textRows(text));
    expect(source).toMatchObject({ format: "ftrace", cpus: 2, lost: 0, kernel: null, progress: 1 });
    expect(source.warnings.list).toEqual([]);
  });

  test.each([1, 7, 8192])("batches of %i hold the same events", (capacity) => {
    const source = openFtraceText(memorySource("t", fixture("swiotlb-32bit/trace.txt.gz")));
    expectEqual(eventRows(source, capacity), textRows(fixtureText("swiotlb-32bit/trace.txt.gz")));
  });

  test("trace-cmd report says the same as trace, but for the context, which it does not print", () => {
    const report = openFtraceText(memorySource("r", fixture("swiotlb-force/trace-cmd-report.txt.gz")));
    const trace = textRows(fixtureText("swiotlb-force/trace.txt.gz"));
    expectEqual(
      eventRows(report),
      trace.map((row) => ({ ...row, context: 255 })),
    );
    expect(report.cpus).toBe(2);
    expect(report.warnings.list).toEqual([]);
  });

  test("lines in another order, within what one CPU's buffer allows, give the same table", () => {
    const text = fixtureText("swiotlb-force/trace.txt.gz");
    const lines = text.split("\n").filter((l) => l !== "" && !l.startsWith("#"));
    const of = (cpu: string) => lines.filter((l) => l.includes(`[${cpu}]`));
    const source = open([...of("001"), ...of("000"), ""].join("\n"));
    const rows = eventRows(source, 500);
    const key = (r: TextRow) => `${r.time} ${r.cpu}`;
    const plain = textRows(text);
    expectEqual(
      rows.map((r) => r.time),
      plain.map((r) => r.time),
    );
    expectEqual(rows.map((r) => JSON.stringify(r)).sort(), plain.map((r) => JSON.stringify(r)).sort());
    expectEqual(rows.filter((r) => r.cpu === 0).map(key), textRows(of("000").join("\n")).map(key));
    expect(source.warnings.list).toEqual([]);
  });
});

const nothing = { direction: 255, attrs: 0, dma: NaN, phys: NaN, size: NaN, mask: NaN, forced: 0, physTotal: 0 };
const lists = { listDma: [], listSize: [], listPhys: [] };
const dev = "0000:00:03.0";

describe("print forms of three generations", () => {
  test.each<[string, string, Partial<TextRow>]>([
    [
      "6.12 map_page",
      `dma_map_page: ${dev} dir=TO_DEVICE dma_addr=fffff000 size=4096 phys_addr=10a000 attrs=SKIP_CPU_SYNC|NO_WARN`,
      { kind: EventKind.map, direction: 1, dma: 0xfffff000, size: 4096, phys: 0x10a000, attrs: 0x120 },
    ],
    [
      "6.12 map_resource, an attribute without a name",
      `dma_map_resource: ${dev} dir=FROM_DEVICE dma_addr=fe000000 size=16 phys_addr=fe000000 attrs=PRIVILEGED|0x10000`,
      { kind: EventKind.map, direction: 2, dma: 0xfe000000, size: 16, phys: 0xfe000000, attrs: 0x10200 },
    ],
    [
      "a map that failed",
      `dma_map_phys: ${dev} dir=TO_DEVICE dma_addr=ffffffffffffffff size=69632 phys_addr=103a8b000 attrs=MMIO`,
      { kind: EventKind.map, direction: 1, dma: -1, size: 69632, phys: 0x103a8b000, attrs: 1 << 10 },
    ],
    [
      "attributes of 2026",
      `dma_unmap_phys: ${dev} dir=NONE dma_addr=1 size=2 attrs=CACHELINES_OVERLAP|REQUIRE_COHERENT|CC_SHARED|ALLOC_CC_SHARED`,
      { kind: EventKind.unmap, direction: 3, dma: 1, size: 2, attrs: 0x7800 },
    ],
    [
      "6.12 alloc without a direction",
      `dma_alloc: ${dev} dma_addr=47f1000 size=512 virt_addr=000000002a40294e flags=GFP_KERNEL|__GFP_ZERO attrs=`,
      { kind: EventKind.alloc, dma: 0x47f1000, size: 512 },
    ],
    [
      "6.13 alloc whose direction was never set",
      `dma_alloc: ${dev} dir=0x8f3c2a10 dma_addr=47f1000 size=512 virt_addr=000000002a40294e flags=GFP_ATOMIC attrs=`,
      { kind: EventKind.alloc, dma: 0x47f1000, size: 512, direction: 255 },
    ],
    [
      "6.13 alloc whose unset direction happens to be a name",
      `dma_alloc: ${dev} dir=TO_DEVICE dma_addr=47f1000 size=512 virt_addr=000000002a40294e flags=GFP_ATOMIC attrs=`,
      { kind: EventKind.alloc, dma: 0x47f1000, size: 512, direction: 255 },
    ],
    [
      "alloc_pages before anything shows that directions are set",
      `dma_alloc_pages: ${dev} dir=TO_DEVICE dma_addr=1000 size=512 virt_addr=0000000000000001 flags=GFP_KERNEL attrs=`,
      { kind: EventKind.alloc, dma: 0x1000, size: 512, direction: 255 },
    ],
    [
      "alloc_sgt",
      `dma_alloc_sgt: ${dev} dir=FROM_DEVICE dma_addr=fff00000 size=8192 phys_addrs={0x1000,0x5000} flags=GFP_KERNEL attrs=`,
      { kind: EventKind.alloc, direction: 2, dma: 0xfff00000, size: 8192, listPhys: [0x1000, 0x5000] },
    ],
    [
      "free_sgt",
      `dma_free_sgt: ${dev} dir=FROM_DEVICE dma_addr=fff00000 size=8192 phys_addrs={0x1000,0x5000}`,
      { kind: EventKind.free, direction: 2, dma: 0xfff00000, size: 8192, listPhys: [0x1000, 0x5000] },
    ],
    [
      "6.12 map_sg",
      `dma_map_sg: ${dev} dir=TO_DEVICE dma_addrs={0xfffe0000,0xfffd0000} sizes={0x1000,0x200} phys_addrs={0x1000,0x9000,0x5200} attrs=`,
      {
        ...{ kind: EventKind.mapList, direction: 1, listDma: [0xfffe0000, 0xfffd0000], listSize: [4096, 512] },
        listPhys: [0x1000, 0x9000, 0x5200],
      },
    ],
    [
      "capped map_sg",
      `dma_map_sg: ${dev} dir=TO_DEVICE nents=2/300 ents=1/1 [TRUNCATED] dma_addrs={0xfffe0000} sizes={0x2000} phys_addrs={0x1000,0x9000} attrs=`,
      {
        ...{ kind: EventKind.mapList, direction: 1, listDma: [0xfffe0000], listSize: [8192] },
        ...{ listPhys: [0x1000, 0x9000], physTotal: 300 },
      },
    ],
    [
      "map_sg_err: what it calls dma_addrs is physical",
      `dma_map_sg_err: ${dev} dir=TO_DEVICE dma_addrs={0x1000,0x9000} err=-121 attrs=`,
      { kind: EventKind.mapListError, direction: 1, listPhys: [0x1000, 0x9000] },
    ],
    [
      "sync of a list",
      `dma_sync_sg_for_cpu: ${dev} dir=FROM_DEVICE dma_addrs={0x1000} sizes={0x40}`,
      { kind: EventKind.syncListForCpu, direction: 2, listDma: [0x1000], listSize: [64] },
    ],
    [
      "sync",
      `dma_sync_single_for_device: ${dev} dir=FROM_DEVICE dma_addr=7da14000 size=68`,
      { kind: EventKind.syncForDevice, direction: 2, dma: 0x7da14000, size: 68 },
    ],
    [
      "swiotlb before 5.18",
      `swiotlb_bounced: dev_name: ${dev} dma_mask=ffffffff dev_addr=103a8b000 size=4096 NO_FORCE`,
      { kind: EventKind.bounced, mask: 0xffffffff, dma: 0x103a8b000, size: 4096, forced: 0 },
    ],
    [
      "swiotlb, forced, a mask of 64 ones",
      `swiotlb_bounced: dev_name: ${dev} dma_mask=ffffffffffffffff dev_addr=0 size=4096 FORCE`,
      { kind: EventKind.bounced, mask: 2 ** 64, dma: 0, size: 4096, forced: 1 },
    ],
    [
      "iommu map before 5.16",
      "map: IOMMU: iova=0x00000000fffff000 paddr=0x000000000432f000 size=4096",
      { kind: EventKind.iommuMap, device: "", dma: 0xfffff000, phys: 0x432f000, size: 4096 },
    ],
    [
      "iommu map",
      "map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0x000000000432f000 size=4096",
      { kind: EventKind.iommuMap, device: "", dma: 0xfffff000, phys: 0x432f000, size: 4096 },
    ],
    [
      "iommu unmap",
      "unmap: IOMMU: iova=0x00000000ffffd000 - 0x00000000ffffe000 size=4096 unmapped_size=4096",
      { kind: EventKind.iommuUnmap, device: "", dma: 0xffffd000, size: 4096 },
    ],
    ["iommu attach", `attach_device_to_domain: IOMMU: device=${dev}`, { kind: EventKind.iommuDevice }],
    ["iommu detach", `detach_device_from_domain: IOMMU: device=${dev}`, { kind: EventKind.iommuDetached }],
    ["iommu group", `add_device_to_group: IOMMU: groupID=3 device=${dev}`, { kind: EventKind.iommuJoined }],
    ["iommu group's end", `remove_device_from_group: IOMMU: groupID=3 device=${dev}`, { kind: EventKind.iommuLeft }],
    [
      "a PASID's cache",
      "cache_tag_unassign: dmar0/dmar0 type iotlb did 3 pasid 7 ref 1",
      { kind: EventKind.cacheUnassigned, device: "", size: 3, mask: 0, phys: 7, attrs: 1 },
    ],
    [
      "a flush as 6.12 prints it",
      "cache_tag_flush_range: dmar0 dmar0[0] type iotlb did 3 [0xffffd000-0xffffdfff] addr 0xffffd000 pages 0x1 mask 0x0",
      { kind: EventKind.cacheFlushed, device: "", size: 3, mask: 0, dma: 0xffffd000, phys: 0xffffdfff },
    ],
    [
      "iommu fault",
      `io_page_fault: IOMMU:nvme ${dev} iova=0x00000000fffff000 flags=0x0001`,
      { kind: EventKind.iommuFault, dma: 0xfffff000, attrs: 1 },
    ],
    [
      "intel_iommu before 5.7, single",
      `map_single: dev=${dev} dev_addr=0xfffff000 phys_addr=0x10a000 size=4096`,
      { kind: EventKind.map, dma: 0xfffff000, phys: 0x10a000, size: 4096 },
    ],
    [
      "intel_iommu before 5.7, one entry of a list",
      `map_sg: dev=${dev} [2/7] dev_addr=0xfffff000 phys_addr=0x10a000 size=4096`,
      { kind: EventKind.mapList, listDma: [0xfffff000], listSize: [4096], listPhys: [0x10a000] },
    ],
    ["another event", `sched_switch: prev_comm=a b prev_pid=1 ==> next_comm=x`, { kind: EventKind.other, device: "" }],
    ["a function", `dma_map_page_attrs <-nvme_queue_rq`, { kind: EventKind.other, device: "" }],
  ])("%s", (_, event, expected) => {
    const head = { time: 12345678, cpu: 1, task: "dd-42", context: 0 };
    expect(rowsOf(line(event))).toEqual([{ ...head, device: dev, ...nothing, ...lists, ...expected }]);
  });

  test("once the capped list form was seen, an allocation's direction is believed", () => {
    const sg = `dma_map_sg: ${dev} dir=TO_DEVICE nents=0/0 ents=0/0 dma_addrs={} sizes={} phys_addrs={} attrs=`;
    const pages = `dma_alloc_pages: ${dev} dir=TO_DEVICE dma_addr=1000 size=512 virt_addr=01 flags=GFP_KERNEL attrs=`;
    expect(rowsOf(line(pages) + line(sg) + line(pages)).map((r) => r.direction)).toEqual([255, 1, 1]);
  });

  test("a list that trace-cmd could not print: fields by name, bytes in little-endian order", () => {
    const list =
      `dma_map_sg:           [FAILED TO PARSE] device=${dev} full_nents=1 full_ents=1 truncated=0 ` +
      "phys_addrs=ARRAY[00, 29, 7f, 05, 00, 00, 00, 00] dma_addrs=ARRAY[ff, ff, ff, ff, ff, ff, ff, ff] " +
      "lengths=ARRAY[00, 02, 00, 00] dir=2 attrs=0x20";
    expect(rowsOf(line(list))).toMatchObject([
      { listPhys: [0x57f2900], listDma: [-1], listSize: [512], direction: 2, attrs: 32, physTotal: 1, device: dev },
    ]);
    // The base of a bare number is unknown there.
    const single = `dma_map_phys: [FAILED TO PARSE] device=${dev} phys_addr=4096 dma_addr=8192 size=1 dir=2 attrs=0x0`;
    expect(warningsOf(line(single) + line(list))[0]).toMatch(/^line 1: expected an event with all its fields/);
  });
});

describe("heads of lines", () => {
  const event = `dma_sync_single_for_cpu: ${dev} dir=FROM_DEVICE dma_addr=1000 size=68`;

  test.each([
    ["kworker/u8:1-34"],
    ["<idle>-0"],
    ["my-tool-2-77"],
    ["a b  c-5"],
    ["x [001] y: z-6"],
    ["[kthreadd]-2"],
    ["a-1 [002] b-9"],
  ])("the task %s", (task) => {
    expect(rowsOf(line(event, { task }))).toMatchObject([{ task, cpu: 1, dma: 0x1000 }]);
  });

  test.each([
    ["d.h2.", 2],
    ["..s1.", 1],
    ["d.H..", 2],
    ["d.Z1.", 3],
    ["....1", 0],
    ["d..2", 0],
    ["", 255],
  ])("flags %j: context %i", (flags, context) => {
    expect(rowsOf(line(event, { flags }))).toMatchObject([{ context, time: 12345678 }]);
  });

  test("the thread group, when asked for", () => {
    const both = line(event).replace("[001]", "(   42) [001]") + line(event).replace("[001]", "(-------) [001]");
    expect(rowsOf(both).map((r) => r.task)).toEqual(["dd-42", "dd-42"]);
  });

  test("nanoseconds keep their fraction", () => {
    expect(rowsOf(line(event, { time: "12.345678901" }))[0]!.time).toBeCloseTo(12345678.901, 3);
  });

  test("a clock that is no seconds is said to be none", () => {
    const text = line(event, { time: "829342384723" });
    expect(rowsOf(text)[0]!.time).toBe(829342384723);
    expect(warningsOf(text)[0]).toMatch(/times are in the clock's own units/);
  });

  test("carriage returns at the ends change nothing", () => {
    const text = `${line(event)}${line(`dma_unmap_sg: ${dev} dir=NONE phys_addrs={0x1} attrs=NO_WARN`)}`;
    expect(rowsOf(text.replaceAll("\n", "\r\n"))).toEqual(rowsOf(text));
  });

  test("call chains and notes between the lines are no trouble", () => {
    const chain =
      "version = 6\nCPU 1 is empty\ncpus=4\n\n => dma_map_page_attrs\n=> nvme_queue_rq (ffffffff81234567)\n";
    const source = open(chain + line("<stack trace>") + line(event));
    expect(eventRows(source).map((r) => r.kind)).toEqual([EventKind.other, EventKind.syncForCpu]);
    expect(source.cpus).toBe(4);
    expect(source.warnings.list).toEqual([]);
  });

  test("a latency tracer's header names the kernel", () => {
    const source = open(`# irqsoff latency trace v1.1.5 on 6.12.57\n${line(event)}`);
    eventRows(source);
    expect(source.kernel).toBe("6.12.57");
  });
});

describe("gaps", () => {
  const event = (time: string, cpu = 0) =>
    line(`dma_sync_single_for_cpu: ${dev} dir=NONE dma_addr=1 size=2`, { time, cpu });

  test.each([
    ["CPU:1 [LOST 53 EVENTS]", 53, 53],
    ["CPU:1 [LOST EVENTS]", 0, 1],
    ["CPU:1 [12 EVENTS DROPPED]", 12, 12],
    ["CPU:1 [EVENTS DROPPED]", 0, 1],
    ["CPU 1: 12 EVENTS DROPPED", 12, 12],
  ])("%s", (mark, size, lost) => {
    const source = open(`${event("1.000000")}${mark}\n${event("2.000000")}`);
    const rows = eventRows(source);
    expect(rows.map((r) => r.kind)).toEqual([EventKind.syncForCpu, EventKind.lost, EventKind.syncForCpu]);
    expect(rows[1]).toMatchObject({ size, cpu: 1, time: 1e6, task: "" });
    expect(source.lost).toBe(lost);
    expect(source.warnings.list).toEqual([]);
  });

  test("a gap before the first event has that event's time", () => {
    const rows = rowsOf(`CPU:1 [LOST 5 EVENTS]\nCPU:1 [LOST 6 EVENTS]\n${event("7.000000")}`);
    expect(rows.map((r) => [r.kind, r.time, r.size])).toEqual([
      [EventKind.lost, 7e6, 11],
      [EventKind.syncForCpu, 7e6, 2],
    ]);
  });

  test("events that were overwritten before the text was taken", () => {
    const text = `# tracer: nop\n#\n# entries-in-buffer/entries-written: 1/4001   #P:8\n${event("7.000000")}`;
    const source = open(text);
    eventRows(source);
    expect(source.cpus).toBe(8);
    expect(source.warnings.list[0]!.what).toMatch(/^4000 events were overwritten/);
    expect(source.lost).toBe(4000);
  });
});

describe("clocks", () => {
  const at = (time: number, cpu: number) =>
    line(`dma_sync_single_for_cpu: ${dev} dir=NONE dma_addr=${Math.floor(time).toString(16)} size=2`, {
      time: time.toFixed(6),
      cpu,
    });

  test("CPUs printed one after the other, more than can wait: the rest keeps the order of the file, with a warning", () => {
    const count = 40_000;
    const text = [0, 1].map((cpu) => Array.from({ length: count }, (_, i) => at(i + 1, cpu)).join("")).join("");
    const source = open(text);
    const rows = eventRows(source);
    expect(rows).toHaveLength(2 * count);
    expect(source.warnings.list[0]!.where).toBe(`line ${count + 1}`);
    expect(source.warnings.list[0]!.what).toMatch(/a step from 40000 s to 1 s: events of another clock/);
    expect(source.warnings.total).toBe(1);
    const times = rows.map((r) => r.time / 1e6);
    expect(times).toEqual([
      ...Array.from({ length: count }, (_, i) => i + 1),
      ...Array.from({ length: count }, (_, i) => i + 1),
    ]);
  });

  test("one CPU's time never runs back: what follows is another recording, kept apart", () => {
    const source = open(at(5, 0) + at(6, 0) + at(2, 0) + at(9, 1) + at(3, 0));
    expect(eventRows(source).map((r) => r.time / 1e6)).toEqual([5, 6, 2, 3, 9]);
    expect(source.warnings.list.map((w) => w.where)).toEqual(["line 3"]);
  });

  test("equal times keep the order of the file", () => {
    const rows = rowsOf(at(5, 0) + at(7, 1) + at(6, 0) + at(7, 0) + at(6.5, 2));
    expect(rows.map((r) => [r.time / 1e6, r.cpu])).toEqual([
      [5, 0],
      [6, 0],
      [6.5, 2],
      [7, 1],
      [7, 0],
    ]);
  });
});

describe("damage", () => {
  const whole = line(`dma_map_phys: ${dev} dir=TO_DEVICE dma_addr=beef2000 size=4096 phys_addr=3f9b000 attrs=NO_WARN`);

  test("a last line cut anywhere is left out with a warning, never read as another value", () => {
    const text = whole + whole.replace("12.345678", "13.345678");
    const [first, second] = rowsOf(text);
    const endOfName = text.lastIndexOf("attrs=") + "attrs=".length;
    // A cut within the blanks that a line begins with leaves nothing to warn of.
    for (let cut = whole.length + 15; cut < text.length - 1; cut++) {
      const source = open(text.slice(0, cut));
      const rows = eventRows(source);
      // Cut after `attrs=`, the line says that there are no attributes: nothing tells it from a whole one.
      if (cut === endOfName) expect(rows).toEqual([first, { ...second, attrs: 0 }]);
      else {
        expect([cut, rows]).toEqual([cut, [first]]);
        expect(source.warnings.list).toEqual([
          { where: "line 2", what: "expected a newline, found the end of the file: this line left out as cut" },
        ]);
      }
    }
    expect(rowsOf(text.slice(0, -1))).toEqual([first, second]);
  });

  test.each([
    ["a size", "dma_sync_single_for_cpu: a dir=NONE dma_addr=1000 size=4096", false],
    ["the end of an IOMMU range", "unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096", false],
    ["an attribute without a name", "dma_unmap_phys: a dir=NONE dma_addr=1 size=2 attrs=0x10000", false],
    ["a device", "attach_device_to_domain: IOMMU: device=0000:00:03.0", false],
    ["a word", "swiotlb_bounced: dev_name: a dma_mask=ff dev_addr=1 size=4096 FORCE", true],
    ["a list", "dma_free_sgt: a dir=NONE dma_addr=1 size=2 phys_addrs={0x1000}", true],
    ["attributes by name", "dma_unmap_phys: a dir=NONE dma_addr=1 size=2 attrs=NO_WARN", true],
    ["another event", "sched_wakeup: comm=a", false],
  ])(
    "without a newline, a line that ends in %s: may be cut unless it cannot be the beginning of more",
    (_, event, taken) => {
      expect(rowsOf(whole + line(event).trimEnd())).toHaveLength(taken ? 2 : 1);
    },
  );

  test("a line cut in half inside the file is left out, with its number and what was found", () => {
    for (let cut = 40; cut < whole.length - 9; cut++) {
      const head = whole.slice(0, cut);
      const said = warningsOf(`${whole}${head}\n${whole}`);
      const rows = readOf(`${whole}${head}\n${whole}`).filter((r) => r.kind !== EventKind.other);
      expect(rows).toHaveLength(2);
      const isOther = /: \w+$/.test(head) && !head.endsWith("dma_map_phys");
      if (!isOther && cut > 52) expect(said[0]).toMatch(/^line 2: expected .*, found ".*": line left out$/);
    }
  });

  test("half a line that runs into the next one is left out", () => {
    const rows = readOf(whole + whole.slice(0, 90) + whole + whole);
    expect(rows).toHaveLength(2);
  });

  test.each([
    ["a field twice", "size=4096 phys", "size=4096 size=4096 phys"],
    ["a field that is missing", "phys_addr=3f9b000 ", ""],
    ["an address of 17 digits", "beef2000", "12345678123456789"],
    ["an address that is none", "beef2000", "beeg2000"],
    ["a size that is none", "size=4096", "size=40k6"],
    ["a size too long", "size=4096", "size=1234567890123456"],
    ["a direction that is none", "TO_DEVICE", "TO_DEVICF"],
    ["an attribute that is none", "NO_WARN", "NO_WARM"],
    ["a word that does not belong", "attrs=", "oops attrs="],
  ])("%s: line left out", (_, from, to) => {
    const bad = whole.replace(from, to);
    expect(bad).not.toBe(whole);
    expect(readOf(whole + bad + whole)).toHaveLength(2);
    expect(warningsOf(whole + bad + whole)[0]).toMatch(/^line 2: expected an event with all its fields/);
  });

  test.each([
    ["lists of different lengths", "dma_addrs={0x1,0x2} sizes={0x1}"],
    ["more sizes than addresses", "dma_addrs={0x1} sizes={0x1,0x2}"],
    ["a list without its end", "dma_addrs={0x1 sizes={0x1}"],
    ["a list with a hole", "dma_addrs={0x1,,0x2} sizes={0x1,0x2,0x3}"],
  ])("%s: line left out, and nothing of it in the next list", (_, fields) => {
    const sg = (f: string) => line(`dma_map_sg: ${dev} dir=TO_DEVICE ${f} phys_addrs={0x3} attrs=`);
    const good = sg("dma_addrs={0x7} sizes={0x8}");
    expect(readOf(good + sg(fields) + good).map((r) => [r.listDma, r.listSize, r.listPhys])).toEqual([
      [[7], [8], [3]],
      [[7], [8], [3]],
    ]);
  });

  test("an event that is left out is lost: what it was is not known", () => {
    const source = open(whole + whole.replace("size=4096", "size=40k6") + whole);
    expect(eventRows(source).map((r) => r.kind)).toEqual([EventKind.map, EventKind.lost, EventKind.map]);
    expect(source.lost).toBe(1);
  });

  test("lists of lines that are left out take no room", () => {
    const long = `{${Array.from({ length: 20_000 }, () => "0x1").join(",")}}`;
    const bad = line(`dma_map_sg: ${dev} dir=TO_DEVICE dma_addrs=${long} sizes={0x1} phys_addrs={} attrs=`);
    expect(readOf(bad.repeat(60) + whole + whole)).toHaveLength(2);
  });

  test("many bad lines: the first few told, the others counted", () => {
    const source = open(whole + "garbage\n".repeat(1000) + whole);
    expect(eventRows(source)).toHaveLength(2);
    expect(source.warnings.list).toHaveLength(6);
    expect(source.warnings.list[5]!.what).toMatch(/^1000 lines left out in all/);
  });

  test.each([
    ["an empty file", "", /^trace.txt: expected lines of ftrace text .*, found an empty file$/],
    [
      "no events",
      "hello\nworld\n",
      /^trace.txt: expected lines of ftrace text .*, found 2 lines, none of them an event$/,
    ],
    ["bytes that are no text", "\0\x01\xff\n".repeat(200_000), /^trace.txt: expected .*, none of them an event$/],
  ])("%s: one clear line", (_, text, message) => {
    expect(() => rowsOf(text)).toThrow(message);
    expect(() => rowsOf(text)).toThrow(expect.objectContaining({ name: "Unreadable" }));
  });

  test("a header without events is a recording of nothing", () => {
    const text = "# tracer: nop\n#\n# entries-in-buffer/entries-written: 0/0   #P:2\n#\n";
    expect(rowsOf(text)).toEqual([]);
    expect(warningsOf(text)).toEqual([": a header, but not one event"]);
  });

  test("no DMA event at all is said", () => {
    expect(warningsOf(line("sched_wakeup: comm=a pid=1"))).toEqual([
      ": no dma, swiotlb or iommu event among 1: these were not recorded",
    ]);
  });
});

describe("memory", () => {
  test("does not depend on the length: a long recording that exists nowhere", () => {
    const part = fixture("swiotlb-force/trace.txt.gz");
    const source = {
      name: "long",
      size: part.length * 60,
      read: (offset: number, into: Uint8Array) => readRing(part, 60, offset, into),
    };
    const batch = new EventBatch();
    const before = process.memoryUsage();
    const events = openFtraceText(source);
    let count = 0;
    let most = 0;
    while (events.next(batch)) {
      count += batch.count;
      most = Math.max(most, process.memoryUsage().arrayBuffers - before.arrayBuffers);
    }
    expect(count).toBe(4440 * 60);
    expect(most).toBeLessThan(24 << 20);
    expect(events.warnings.total).toBe(59);
    expect(events.warnings.list.length).toBeLessThan(21);
  });

  test("a line longer than a block is left out, and the lines around it are read", () => {
    const good = line(`dma_sync_single_for_cpu: ${dev} dir=NONE dma_addr=1 size=2`);
    const text = `${good}${"x".repeat(3 << 20)}\n${good}${good}`;
    expect(rowsOf(text)).toHaveLength(3);
    expect(warningsOf(text)[0]).toMatch(/bytes left out: lines longer than a megabyte$/);
    expect(rowsOf(`${good}${"x".repeat(3 << 20)}`)).toHaveLength(1);
    expect(rowsOf(`${"x".repeat(3 << 20)}\n${good}${"x".repeat(3 << 20)}\n${good}`)).toHaveLength(2);
  });
});

/** `times` copies of `part`, one after another. */
function readRing(part: Uint8Array, times: number, offset: number, into: Uint8Array): number {
  let done = 0;
  while (done < into.length && offset + done < part.length * times) {
    const at = (offset + done) % part.length;
    const piece = part.subarray(at, at + into.length - done);
    into.set(piece, done);
    done += piece.length;
  }
  return done;
}
