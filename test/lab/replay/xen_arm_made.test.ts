/** Made recordings of a directly mapped domain: reasons of bounces, choice of dumps, pages of 16 KiB, odd grants. */
import { describe, expect, test } from "vitest";
import type { LogFacts } from "../../../src/lab/replay/machine/log_facts.js";
import { replayRecording } from "../../../src/lab/replay/replay_recording.js";
import type { Dated, XenFiles } from "../../../src/lab/replay/xen/xen_files.js";
import { memorySource, openFtraceText } from "../../../src/read/index.js";
import { readP2m } from "../../../src/read/xen/p2m_file.js";
import { readPoolFile } from "../../../src/read/xen/pool_file.js";
import { whole } from "../../whole.js";

const source = (text: string, name = "made") => memorySource(name, new TextEncoder().encode(text));
const remark = "# max_pfn=0xa0000 hypercall_cflush=1 direct_mapped=1 not_direct_mapped=0\n";
const at = <T>(name: string, table: T): Dated<T> => ({ name, when: "unknown", table });
const tree = (name: string, runs = "") => at(name, readP2m(source(remark + runs, name)));
/** 512 slots in two areas. @param index of both areas */
const pool = (name: string, ...index: number[]) =>
  at(
    name,
    readPoolFile(
      source(
        "# nslabs=512 force_bounce=0 used_hiwater=4\n# pool start=9ab00000 end=9ac00000 nareas=2\n" +
          `area 0 used=0 index=${index[0]}\narea 1 used=0 index=${index[1]}\nframes pfn=9ab00 n=100 mfn=9ab00\n`,
        name,
      ),
    ),
  );
const files = (o: Partial<XenFiles>): XenFiles => ({ p2m: [], m2p: [], pool: [], guests: [], passedOver: [], ...o });
const log: LogFacts = {
  ...{
    kernel: "7.2.13+deb14-arm64",
    architecture: "aarch64",
    xen: true,
    xenMode: "Arm",
    swiotlb: "",
    cpus: 2,
    areas: 2,
  },
  ...{ pool: { from: 0x9ab00000, to: 0x9ac00000 }, drivers: new Map() },
};

let clock = 0;
const line = (text: string, cpu = 0) =>
  `   disk-7       [00${cpu}] ..... 1.${String(clock++ * 10).padStart(6, "0")}: ${text}`;
const bounced = (address: string, size: number, cpu = 0, how = "NORMAL") =>
  line(`swiotlb_bounced: dev_name: 0000:00:02.0 dma_mask=ffffffff dev_addr=${address} size=${size} ${how}`, cpu);
const mapped = (dma: string, size: number, phys: string, dir = "FROM_DEVICE", cpu = 0) =>
  line(`dma_map_phys: 0000:00:02.0 dir=${dir} dma_addr=${dma} size=${size} phys_addr=${phys} attrs=`, cpu);
const setTree = (pfn: string, mfn: string, n = 1) => line(`set_p2m: (f+0x4/0x1c0) pfn=0x${pfn} mfn=0x${mfn} n=${n}`);
const gone = "ffffffffffffffff";

async function replayed(lines: readonly string[], xen: XenFiles | null, facts: LogFacts | null = log) {
  const { outcome } = await replayRecording({
    name: "made",
    open: async () => openFtraceText(source(`# tracer: nop\n${lines.join("\n")}\n`)),
    ...{ log: facts, xen, settings: () => [], replacement: () => null },
  });
  expect(whole(outcome)).toMatchSnapshot();
  return { ...outcome, xen: outcome.xen! };
}

describe("reasons", () => {
  test("a foreign page is judged by its frame, small buffers by their size and direction", async () => {
    const {
      maps,
      exact,
      xen,
      devices,
      pool: held,
    } = await replayed(
      [
        bounced("2350bf000", 4096),
        mapped("9ab00000", 4096, "1051fa000"),
        bounced("2350c0000", 512),
        mapped("9ab01000", 512, "1051fb000"),
        bounced("63800040", 90),
        mapped("9ab01800", 90, "63800040"),
        mapped("63800080", 64, "63800080"),
        mapped("2350c1000", 4096, "1051fc000", "TO_DEVICE"),
        bounced("63800100", 20),
        mapped("9ab02000", 20, "63800100", "TO_DEVICE"),
      ],
      null,
    );
    expect(maps).toMatchObject({ total: 6, direct: 1, bounced: 4, foreign: 1, translated: 0 });
    expect(exact).toMatchObject({ compared: 4, equal: 4 });
    expect(xen.causes).toEqual({ forced: 0, mask: 2, straddle: 0, small: 1, unknown: 1 });
    expect(xen.own).toEqual({ maps: 1, bounced: 2, refused: 0 });
    expect(xen.foreign).toMatchObject({ maps: 1, bounced: 2, refused: 0, undecided: 0 });
    expect(held!.refusedLists).toEqual([]);
    expect(devices[0]!.why.map((w) => w.words).join()).toMatch(
      /above the device's 32-bit mask.*not coherent: it shares/,
    );
  });

  test("forced: every page bounces, whosever it is", async () => {
    const { xen } = await replayed(
      [
        bounced("235000000", 4096, 0, "FORCE"),
        mapped("9ab00000", 4096, "1051fa000"),
        bounced("63801000", 4096, 0, "FORCE"),
        mapped("9ab01000", 4096, "63801000"),
      ],
      null,
    );
    expect(xen.causes.forced).toBe(2);
    expect(xen.own.bounced).toBe(1);
    expect(xen.foreign.bounced).toBe(1);
  });

  test("a refused foreign buffer is foreign, and no mapping", async () => {
    const { xen } = await replayed([bounced("2350bf000", 524288), mapped(gone, 524288, "1051fa000")], null);
    expect(xen.foreign).toMatchObject({ maps: 0, bounced: 0, refused: 1 });
  });

  test("an address that is a grant of a virtual device says nothing of whose page it is", async () => {
    const { xen } = await replayed([mapped("8000000000012000", 4096, "63801000")], null);
    expect(xen.foreign).toMatchObject({ maps: 0, bounced: 0, undecided: 1 });
  });
});

describe("other translations", () => {
  test("addresses that all lie at one distance from their pages are a bridge's, not foreign ones", async () => {
    const lines = Array.from({ length: 9 }, (_, k) => {
      return mapped((0xc3801000 + k * 4096).toString(16), 4096, (0x63801000 + k * 4096).toString(16));
    });
    const { xen } = await replayed(lines, null);
    expect(xen.foreign).toMatchObject({ maps: 0, undecided: 9 });
    expect(xen.addresses).toMatchObject({ compared: 0, unknownBecause: { translated: 9 } });
  });

  test("so are those behind an IOMMU", async () => {
    const iommu = line("map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0x0000000063801000 size=4096");
    const { xen } = await replayed([iommu, mapped("fffff000", 4096, "63801000")], null);
    expect(xen.foreign).toMatchObject({ maps: 0, undecided: 1 });
  });
});

describe("the tree", () => {
  test("over time: a page is another frame, then the domain's own again", async () => {
    const { xen } = await replayed(
      [
        mapped("1051fa000", 4096, "1051fa000"),
        setTree("1051fa", "b9000", 3),
        mapped("b9000000", 12288, "1051fa000"),
        setTree("1051fa", gone, 3),
        setTree("1051fa", "b9107"),
        mapped("b9107000", 4096, "1051fa000"),
        mapped("b9002000", 4096, "1051fc000"),
      ],
      files({ p2m: [tree("before")] }),
    );
    expect(xen.addresses).toMatchObject({ compared: 4, equal: 3 });
    expect(xen.addresses.mismatches).toMatchObject([{ phys: 0x1051fc000, predicted: 0x1051fc000, kernel: 0xb9002000 }]);
    expect(xen.grants).toMatchObject({ mapped: 4, unmapped: 3, aliveAtEnd: 1 });
    expect(xen.straddledDirect).toBe(0);
  });

  test("frames that do not follow each other make a foreign buffer bounce", async () => {
    const { xen } = await replayed(
      [
        setTree("1051fa", "b9000"),
        setTree("1051fb", "b8000"),
        bounced("b9000000", 8192),
        mapped("9ab00000", 8192, "1051fa000"),
      ],
      files({ p2m: [tree("before")] }),
    );
    expect(xen.causes.straddle).toBe(1);
    expect(xen.straddles[0]!.frames.map((f) => f.mfn)).toEqual([0xb9000, 0xb8000]);
  });

  test("the dump that the first changes do not contradict is of before, whatever its name", async () => {
    const { xen } = await replayed(
      [setTree("1051fa", gone), mapped("b9001000", 4096, "1051fb000"), setTree("1051fc", "b9002")],
      files({
        p2m: [
          tree("after", "1051fb 1 F b9001 v\n1051fc 1 F b9002 v\n"),
          tree("boot"),
          tree("ready", "1051fa 2 F b9000 v more words\n"),
        ],
      }),
    );
    expect(xen.files.find((f) => f.used.startsWith("tree of foreign pages from before"))?.name).toBe("ready");
    expect(xen.addresses).toMatchObject({ compared: 1, equal: 1 });
  });

  test("a dump that they contradict is not used: what it lacks would be claimed for the domain", async () => {
    const { xen } = await replayed(
      [mapped("b9001000", 4096, "1051fb000"), setTree("1051fc", "b9002"), mapped("b9002000", 4096, "1051fc000")],
      files({ p2m: [tree("boot")] }),
    );
    expect(xen.notes.join()).toMatch(/boot is not from just before the recording: 1 pages contradict it/);
    expect(xen.addresses).toMatchObject({ compared: 1, equal: 1 });
    expect(xen.addresses.unknownBecause).toEqual({ "grant-not-seen": 1 });
    expect(xen.foreign).toMatchObject({ maps: 2 });
  });

  test("without the probe of its changes the grants' operations tell, of pages of 16 KiB too", async () => {
    const { xen } = await replayed(
      [
        line(
          "setforeign_ops: (f+0x4/0x158) count=2 va0=0x1051f0000 ref0=523 dom0=1 st0=0 bus0=0xb9000000 " +
            "va1=0x1051f4000 ref1=524 dom1=1 st1=0 bus1=0xb9001000 va2=0x77",
        ),
        line("setforeign_pages: (f+0x4/0x158) count=2 pg0=0xfffffdffc10147c0 pg1=0xfffffdffc1014800"),
        mapped("b9000200", 1024, "1051f0200"),
        mapped("b9001000", 4096, "1051f4000"),
        line("clrforeign_pages: (f+0x4/0x98) count=1 pg0=0xfffffdffc10147c0"),
        mapped("1051f0000", 4096, "1051f0000"),
      ],
      files({ p2m: [tree("before")] }),
    );
    expect(xen.addresses).toMatchObject({ compared: 3, equal: 3 });
    expect(xen.own.maps).toBe(1);
    expect(xen.foreign).toMatchObject({ maps: 2, domains: [{ domain: 1, maps: 2 }] });
    expect(xen.grants).toMatchObject({ mapped: 2, unmapped: 1, aliveAtEnd: 1 });
  });
});

describe("the cache", () => {
  const sync = (what: string, address: string, dir: number) =>
    line(`${what}: (f+0x4/0x50) ${what.startsWith("arch") ? "phys" : "handle"}=0x${address} size=4096 dir=${dir}`);
  const unmap = (address: string, dir: number) => line(`xs_unmap: (f+0x4/0x2a0) dma=0x${address} size=4096 dir=${dir}`);

  test("a wrong page that is another foreign one in use; what only looks like one", async () => {
    const { xen } = await replayed(
      [
        setTree("4d1fa", "4d2fd"),
        setTree("4d2fd", "b9000"),
        mapped("4d2fd000", 4096, "4d1fa000"),
        // At the start of a DMA the page is named by its own address: the right one.
        line('xs_map: (f+0x4/0x680) dev="0000:00:02.0" phys=0x4d2fd000 size=4096 dir=2 attrs=0x0'),
        sync("arch_sync_dev", "4d2fd000", 2),
        unmap("4d2fd000", 2),
        sync("arch_sync_cpu", "4d2fd000", 2),
        unmap("4d2fd000", 1),
        sync("arch_sync_cpu", "4d2fd000", 1),
        unmap("b9000000", 2),
        sync("xdma_sync_cpu", "b9000000", 2),
        unmap("63800000", 2),
        sync("arch_sync_cpu", "63800000", 2),
      ],
      files({ p2m: [tree("before")] }),
    );
    expect(xen.cache!.wrong).toMatchObject({ unmaps: 2, invalidated: 1, inUse: 2, frames: 1 });
    expect(xen.cache!.wrong.examples[0]).toMatchObject({
      wrong: 0x4d2fd,
      right: 0x4d1fa,
      invalidates: true,
      device: 0,
    });
    expect(xen.cache).toMatchObject({ before: { foreignByCpu: 1 }, after: { own: 1, foreignByXen: 1 } });
  });
});

describe("the pool", () => {
  test("the dump that predicts most is of before, though another fails late only", async () => {
    const lines: string[] = [];
    for (let k = 0; k < 40; k++)
      lines.push(bounced("2350bf000", 2048), mapped((0x9ab00000 + k * 2048).toString(16), 2048, "1051fa000"));
    lines.push(bounced("2350bf000", 2048, 1), mapped("9ab81000", 2048, "1051fa000", "FROM_DEVICE", 1));
    const { exact, xen } = await replayed(lines, files({ pool: [pool("after", 0, 9), pool("ready", 0, 2)] }));
    expect(xen.files.find((f) => f.used.startsWith("state of the pool before"))).toEqual({
      name: "ready",
      used: "state of the pool before the recording (predicts all of 41 bounces tried)",
    });
    expect(exact).toMatchObject({ compared: 41, equal: 41, corrections: 0 });
  });

  test("a kernel with pages of 16 KiB starts large bounces on such a page", async () => {
    const lines = [
      bounced("2350be000", 4096),
      mapped("9ab00000", 4096, "1051f8000"),
      bounced("2350bf000", 4096),
      mapped("9ab01000", 4096, "1051fc000"),
      bounced("63804000", 16384, 0, "FORCE"),
      mapped("9ab04000", 16384, "63804000"),
    ];
    const kernel = "7.2.13+deb14-arm64-16k";
    const { exact, machine } = await replayed(lines, files({ p2m: [tree("before")] }), { ...log, kernel });
    expect(exact).toMatchObject({ compared: 3, equal: 3 });
    expect(machine.evidence.join()).toMatch(/pages of 16 KiB/);
    const other = await replayed(lines, null, { ...log, kernel: "7.2.13", pageBytes: 16384 });
    expect(other.exact).toMatchObject({ compared: 3, equal: 3 });
  });

  test("swiotlb=32768 on arm64 is taken for none: a pool of 1 MiB for 1 GiB, where the log does not give its bounds", async () => {
    const lines: string[] = [];
    for (let k = 0; k < 30; k++) {
      for (const cpu of [0, 1]) {
        const to = (0x9ab00000 + cpu * 0x80000 + k * 2048).toString(16);
        lines.push(bounced("63800000", 2048, cpu, "FORCE"), mapped(to, 2048, "63800000", "FROM_DEVICE", cpu));
      }
    }
    const facts = { ...log, pool: null, memoryBytes: 2 ** 30, swiotlb: "32768,force" };
    const { machine, exact } = await replayed(lines, null, facts);
    expect(machine.swiotlb).toMatchObject({ base: 0x9ab00000, slots: 512, areas: 2 });
    expect(exact).toMatchObject({ compared: 60, equal: 60 });
  });

  // By probes that show each answer, a list ends with the entry that had none; without them, with the tries before.
  test.each([true, false])(
    "two lists refused again and again, one after the other, shown by probes: %s",
    async (shown) => {
      const asked = (phys: string, size: number, answer: string) => [
        ...(shown ? call(phys, size) : []),
        bounced(phys, size),
        ...(shown ? [line(`xs_map_ret: (f+0xb4/0x180 <- xen_swiotlb_map_phys) dma=0x${answer}`)] : []),
      ];
      const call = (phys: string, size: number) => [
        line(`xs_map: (f+0x4/0x680) dev="0000:00:02.0" phys=0x${phys} size=${size} dir=2 attrs=0x0`),
      ];
      const full = ["9ab00000", "9ab40000", "9ab80000", "9abc0000"].flatMap((to, k) => {
        const size = k === 3 ? 258048 : 262144;
        return [...asked(`235${k}bf000`, size, to), mapped(to, size, `105${k}fa000`)];
      });
      const lists = [
        ...Array.from({ length: 3 }, () => asked("2355bf000", 262144, gone)).flat(),
        ...Array.from({ length: 3 }, () => asked("2356bf000", 262144, gone)).flat(),
      ];
      const then = [...asked("2360bf000", 4096, "9abff000"), mapped("9abff000", 4096, "1060fa000")];
      const { pool: held, exact } = await replayed([...full, ...lists, ...then], null);
      expect(held!.refusedTries).toMatchObject({ lists: 2, tries: 6 });
      expect(exact).toMatchObject({ compared: 5, equal: 5, corrections: 0 });
    },
  );

  test("what is known of an empty tree is no warning", async () => {
    const { source: read, xen } = await replayed(
      [mapped("63801000", 4096, "63801000")],
      files({ p2m: [tree("boot")] }),
    );
    expect(read.warnings).toEqual([]);
    expect(xen.memory).toBe("direct");
    expect(xen.addresses).toMatchObject({ compared: 1, equal: 1 });
  });
});
