/** A made recording of a guest's disk on a 32-bit controller: granted pages above its mask bounce, others do not. */
import { expect, test } from "vitest";
import { replayRecording } from "../../../src/lab/replay/replay_recording.js";
import type { XenFiles } from "../../../src/lab/replay/xen/xen_files.js";
import { memorySource, openFtraceText } from "../../../src/read/index.js";
import { readM2p } from "../../../src/read/xen/m2p_file.js";
import { readP2m } from "../../../src/read/xen/p2m_file.js";
import { readPoolFile } from "../../../src/read/xen/pool_file.js";
import { whole } from "../../whole.js";

const source = (text: string) => memorySource("made", new TextEncoder().encode(text));
const page = (pfn: number) => `0x${(0xffffea0000000000n + BigInt(pfn) * 64n).toString(16)}`;

/** Pages 0x100 to 0x1ff lie high on the machine; the pool is at 0x40000000, its one slot set at frame 0x300. */
const files = (pool: string): XenFiles => ({
  p2m: [
    { name: "p2m", when: "before", table: readP2m(source("100 100 L 150000 v\n40000 40 L 300 v\n50000 100 X 0 v\n")) },
  ],
  m2p: [{ name: "m2p", when: "before", table: readM2p(source("160000 8 P 40000\n300 40 P 40000\n")) }],
  pool: [{ name: "pool", when: "before", table: readPoolFile(source(pool)) }],
  guests: [],
  passedOver: [],
});
const empty =
  "# nslabs=128 force_bounce=0 used_hiwater=4\n# pool start=40000000 end=40040000 nareas=1\n" +
  "area 0 used=0 index=16\nframes pfn=40000 n=40 mfn=300\n";

let clock = 0;
const line = (text: string) => `   disk-7       [000] ..... 1.${String(clock++ * 10).padStart(6, "0")}: ${text}`;
const bounced = (dma: string, size: number) =>
  line(`swiotlb_bounced: dev_name: 0000:00:02.0 dma_mask=ffffffff dev_addr=${dma} size=${size} NORMAL`);
const mapped = (dma: string, size: number, phys: string) =>
  line(`dma_map_phys: 0000:00:02.0 dir=TO_DEVICE dma_addr=${dma} size=${size} phys_addr=${phys} attrs=`);

async function replayed(lines: readonly string[], xen: XenFiles) {
  const text = `# tracer: nop\n${lines.join("\n")}\n`;
  const { outcome } = await replayRecording({
    name: "made",
    open: async () => openFtraceText(source(text)),
    log: null,
    xen,
    settings: () => [],
    replacement: () => null,
  });
  expect(whole(outcome)).toMatchSnapshot();
  return { ...outcome, xen: outcome.xen! };
}

test("granted pages above the mask bounce to the next slots, and the rest is mapped where it is", async () => {
  clock = 0;
  const granted = [
    line(
      `setforeign_ops: (f+0x4/0x310) count=2 st0=0 dom0=3 ref0=9 bus0=0x160000000 st1=0 dom1=3 ref1=10 bus1=0x70000000`,
    ),
    line(`setforeign_pages: (f+0x4/0x310) count=2 pg0=${page(0x50000)} pg1=${page(0x50001)}`),
  ];
  const { maps, exact, xen } = await replayed(
    [
      ...granted,
      bounced("160000000", 4096),
      line(
        "dma_map_sg: 0000:00:02.0 dir=TO_DEVICE nents=2/2 ents=2/2 dma_addrs={0x308000,0x70000000} " +
          "sizes={0x1000,0x1000} phys_addrs={0x50000000,0x50001000} attrs=",
      ),
      bounced("150003800", 4096),
      mapped("309000", 4096, "103800"),
      line("dma_unmap_sg: 0000:00:02.0 dir=TO_DEVICE phys_addrs={0x50000000,0x50001000} attrs="),
      line(`clrforeign_pages: (f+0x4/0x1a0) count=2 pg0=${page(0x50000)} pg1=${page(0x50001)}`),
    ],
    files(empty),
  );
  expect(maps).toEqual({ total: 3, direct: 0, bounced: 2, translated: 0, foreign: 1, failed: 0, unknown: 0 });
  expect(exact).toMatchObject({ compared: 2, equal: 2, corrections: 0 });
  expect(xen.addresses).toMatchObject({ compared: 1, equal: 1 });
  expect(xen.originals).toEqual({ compared: 2, equal: 2, unknown: 0 });
  expect(xen.causes).toEqual({ forced: 0, mask: 2, straddle: 0, small: 0, unknown: 0 });
  expect(xen.foreign).toMatchObject({ maps: 1, bounced: 1, domains: [{ domain: 3, maps: 2 }] });
  expect(xen.grants).toMatchObject({ mapped: 2, unmapped: 2, aliveAtEnd: 0 });
});

test("a kernel that maps a granted page elsewhere, or bounces to another slot, is told", async () => {
  clock = 0;
  const { exact, xen } = await replayed(
    [
      line(`setforeign_ops: (f+0x4/0x310) count=1 st0=0 dom0=3 ref0=9 bus0=0x70000000`),
      line(`setforeign_pages: (f+0x4/0x310) count=1 pg0=${page(0x50000)}`),
      mapped("70001000", 4096, "50000000"),
      bounced("150000000", 4096),
      mapped("308000", 4096, "100000"),
      bounced("150001000", 4096),
      mapped("30b000", 4096, "101000"),
    ],
    files(empty),
  );
  expect(xen.addresses).toMatchObject({ compared: 1, equal: 0 });
  expect(xen.addresses.mismatches[0]).toMatchObject({ phys: 0x50000000, kernel: 0x70001000, predicted: 0x70000000 });
  expect(exact).toMatchObject({ compared: 2, equal: 1 });
  expect(exact.mismatches[0]).toMatchObject({ kernel: 0x30b000, model: 0x309000 });
});

test("a pool that is in use before the recording: its slots are held, and given back when they are unmapped", async () => {
  clock = 0;
  const held =
    `${empty.replace("used=0 index=16", "used=2 index=126")}slot 126 orig=100000 alloc_size=4096 list=0 pad=0\n` +
    "slot 127 orig=100800 alloc_size=2048 list=0 pad=0\n";
  const { exact, pool } = await replayed(
    [
      bounced("150001000", 4096),
      mapped("300000", 4096, "101000"),
      line("dma_unmap_phys: 0000:00:02.0 dir=TO_DEVICE dma_addr=33f000 size=4096 attrs="),
      ...Array.from({ length: 62 }, (_, k) => [
        bounced("150002000", 4096),
        mapped((0x301000 + k * 4096).toString(16), 4096, "102000"),
      ]).flat(),
      bounced("150003000", 4096),
      mapped("33f000", 4096, "103000"),
      bounced("150004000", 4096),
      mapped("ffffffffffffffff", 4096, "104000"),
    ],
    files(held),
  );
  expect(exact).toMatchObject({ compared: 64, equal: 64, corrections: 0, refusals: { compared: 1, equal: 1 } });
  expect(pool).toMatchObject({ used: 128, hiwater: 128 });
});
