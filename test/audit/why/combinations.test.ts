/**
 * Every code of every unit, and settings and full pools of all sizes, on machines of several kinds: what is answered is
 * compared with what was written down, by its kinds and by a hash of its words. `answers/*.txt` shows whole answers.
 */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  explainLog,
  explainSetting,
  type Finding,
  type MachineContext,
  nothingKnown,
} from "../../../src/audit/index.js";
import { faultReasons } from "../../../src/spec/vtd/fault_reasons.js";

const hash = (text: string): string => createHash("sha1").update(text).digest("hex").slice(0, 8);
const hex = (n: number, digits = 0): string => n.toString(16).padStart(digits, "0");

/** The answers to several questions: kinds in the order in which they first came, and a hash of all words. */
function brief(answers: readonly (readonly Finding[])[]): string {
  const all = answers.flat();
  const words = all.map((f) => [f.kind, f.device, f.trouble, f.count, f.cause, f.evidence, f.do].join("|"));
  return `${[...new Set(all.map((f) => f.kind))].join(" ") || "nothing"}, ${hash(words.join("\n"))}`;
}

const reserved = [
  { from: 0x7c000000, to: 0x7c800000, by: "RMRR" },
  { from: 0x9f000000, to: 0x9f100000, by: "IVMD" },
  { from: 0x3f000000, to: 0x3f100000, by: "memory map" },
] as const;

const machines: Readonly<Record<string, Partial<MachineContext>>> = {
  "firmware keeps ranges": { reserved },
  Xen: { xen: true, reserved },
  "VFIO holds one device, nothing is said of the other": { vfio: new Set(["0000:03:00.0"]) },
};

/** Addresses that mean something: of firmware, of interrupts, of doorbells, none, all ones in front. */
const addresses = [0x7c000000, 0x9f000040, 0xfee00000, 0x8020040, 0x1000, 0xfffffffffffff000];
const devices = ["00:02.0", "03:00.0"];
const cases = devices.flatMap((device, d) =>
  addresses.map((address, a) => ({ device, address, write: (d + a) % 2 === 1 })),
);

describe.each(Object.entries(machines))("faults: %s", (_name, machine) => {
  /** One row a code: asked for both devices and all addresses, by reads and writes in turn. */
  function table(
    codes: readonly number[],
    log: (code: number, device: string, address: number, write: boolean) => string,
  ) {
    const rows = codes.map((code) => {
      const answers = cases.map(({ device, address, write }) =>
        explainLog(log(code, device, address, write).split("\n"), machine),
      );
      return `${hex(code, 2)}: ${brief(answers)}`;
    });
    return rows.join("\n");
  }

  test("VT-d", () => {
    const codes = [...Object.keys(faultReasons).map(Number), 0x18, 0x3f, 0xff];
    const line = (code: number, device: string, address: number, write: boolean) =>
      `DMAR: [DMA ${write ? "Write" : "Read"} NO_PASID] Request device [${device}] fault addr 0x${hex(address)} ` +
      `[fault reason 0x${hex(code, 2)}] as the kernel says`;
    expect(table(codes, line)).toMatchSnapshot();
  });

  test("AMD-Vi", () => {
    const events = [
      "ILLEGAL_DEV_TABLE_ENTRY",
      "IO_PAGE_FAULT",
      "DEV_TAB_HARDWARE_ERROR",
      "PAGE_TAB_HARDWARE_ERROR",
      "ILLEGAL_COMMAND_ERROR",
      "COMMAND_HARDWARE_ERROR",
      "IOTLB_INV_TIMEOUT",
      "INVALID_DEVICE_REQUEST",
      "INVALID_PPR_REQUEST",
      "RMP_HW_ERROR",
      "RMP_PAGE_FAULT",
      "UNKNOWN",
    ];
    const rows = events.flatMap((name) =>
      [0, 0x10, 0x20, 0x50, 0x8, 0x1f0].map((flags) => {
        const answers = cases.map(({ device, address }) =>
          explainLog(
            [
              `AMD-Vi: Event logged [${name} device=0000:${device} domain=0x001a address=0x${hex(address)} ` +
                `flags=0x${hex(flags, 4)}]`,
            ],
            machine,
          ),
        );
        return `${name} ${hex(flags, 3)}: ${brief(answers)}`;
      }),
    );
    expect(rows.join("\n")).toMatchSnapshot();
  });

  test("SMMUv3: events, global errors, commands", () => {
    const smmu = "arm-smmu-v3 9050000.smmuv3: ";
    const event = (code: number, device: string, address: number, write: boolean) => {
      const stream = device === devices[0] ? 0x10 : 0x300;
      const info = write ? 0x00000200 : 0x00000208;
      return [
        `${smmu}event 0x${hex(code, 2)} received:`,
        `${smmu}\t0x${hex(stream, 8)}${hex(code, 8)}`,
        `${smmu}\t0x${hex(info, 8)}00000000`,
        `${smmu}\t0x${hex(Math.min(address, 2 ** 48), 16)}`,
        `${smmu}\t0x0000000000000000`,
      ].join("\n");
    };
    expect(table([...Array(0x30).keys()], event)).toMatchSnapshot();
    const others = [
      ...[0, 1, 2, 3, 4, 5].map(
        (n) => `${smmu}unexpected global error reported (0x${hex(2 ** n, 8)}), this could be serious`,
      ),
      ...["CERROR_NONE", "CERROR_ILL", "CERROR_ABT", "CERROR_ATC_INV_SYNC", "Unknown"].map(
        (why) => `${smmu}CMDQ error (cons 0x01000002): ${why}`,
      ),
      ...["EVTQ overflow detected -- events lost", "PRIQ overflow detected -- requests lost"].map((why) => smmu + why),
      `${smmu}CMD_SYNC timeout at 0x00000123 [hwprod 0x00000124, hwcons 0x00000122]`,
    ];
    const rows = others.map((line) => `${line.slice(smmu.length)}: ${brief([explainLog([line], machine)])}`);
    expect(rows.join("\n")).toMatchSnapshot();
  });

  test("SMMUv2: statuses of contexts, and global ones", () => {
    const smmu = "arm-smmu 5000000.iommu: ";
    const context = (bits: number, device: string, address: number, write: boolean) =>
      `${smmu}Unhandled context fault: fsr=0x${hex(bits)}, iova=0x${hex(address, 8)}, fsynr=0x${write ? "11" : "1"}, ` +
      `cbfrsynra=0x${device === devices[0] ? "10" : "300"}, cb=2`;
    const bits = [0, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x402, 0x40000000, 0x80000402];
    expect(table(bits, context)).toMatchSnapshot();
    const rows = [...bits, 1].map((gfsr) => {
      const lines = [
        `${smmu}Unexpected global fault, this could be serious`,
        `${smmu}\tGFSR 0x${hex(gfsr, 8)}, GFSYNR0 0x00000004, GFSYNR1 0x00000300, GFSYNR2 0x00000000`,
      ];
      return `global ${hex(gfsr)}: ${brief([explainLog(lines, machine), explainLog(lines.slice(0, 1), machine)])}`;
    });
    expect(rows.join("\n")).toMatchSnapshot();
  });
});

test("settings of all sizes, areas and modes, on machines of all sizes", () => {
  const slots = [
    "",
    "0",
    "1",
    "64",
    "100",
    "512",
    "1000",
    "1024",
    "1536",
    "32768",
    "40000",
    "262144",
    "524288",
    "1048576",
    "64M",
  ];
  const after = ["", ",0", ",1", ",3", ",8", ",512", ",force", ",noforce", ",2,force", ",4,noforce", ",x"];
  const sizes = [2 ** 28, 2 ** 31, 2 ** 34, null];
  const contexts = [1, 2, 64, 512, null].flatMap((cpus, n) =>
    [sizes[n % 4]!, sizes[(n + 1) % 4]!].map((memoryBytes) => ({ ...nothingKnown, cpus, memoryBytes })),
  );
  const rows = slots.flatMap((n) =>
    after.map((rest) => `"${n}${rest}": ${brief(contexts.map((c) => explainSetting(`${n}${rest}`, c)))}`),
  );
  expect(rows.join("\n")).toMatchSnapshot();
});

test("full pools of all sizes, for requests of all sizes, on machines of several kinds", () => {
  const kinds: readonly Partial<MachineContext>[] = [
    {},
    { areas: 1, setting: "" },
    { areas: 4, cpus: 4, setting: "512", kernel: "6.12.1" },
    { areas: 64, cpus: 64, setting: "512,force", memoryBytes: 2 ** 27 },
    { encrypted: true, memoryBytes: 2 ** 34, kernel: "5.10.0", architecture: "x86_64" },
    { xen: true, setting: "65536,8", memoryBytes: 2 ** 32 },
    { architecture: "aarch64", kernel: "6.6.3", poolSlots: 32768, poolStart: 0x7c000000, poolEnd: 0x80000000 },
    { poolGivenBack: true, iommus: ["vtd"], kernel: "6.1.0" },
  ];
  const pools: readonly (readonly [total: number, used: number])[] = [
    [0, 0],
    [256, 10],
    [512, 0],
    [512, 100],
    [512, 400],
    [512, 480],
    [512, 512],
    [8192, 64],
    [32768, 0],
    [32768, 127],
    [32768, 300],
    [32768, 31000],
    [524288, 523000],
    [524288, 1000],
  ];
  const sizes = [512, 2048, 4096, 65536, 253952, 258048, 262144, 262145, 2097152];
  const rows = pools.flatMap(([total, used]) =>
    sizes.map((size) => {
      const answers = kinds.map((machine, n) => {
        const who = n % 2 === 0 ? "virtio-pci 0000:00:04.0" : "nvme 0000:00:03.0";
        const line = `[   12.5] ${who}: swiotlb buffer is full (sz: ${size} bytes), total ${total} (slots), used ${used} (slots)`;
        return explainLog([line], machine);
      });
      return `${size} bytes, ${used} of ${total}: ${brief(answers)}`;
    }),
  );
  expect(rows.join("\n")).toMatchSnapshot();
});

test("addresses out of reach, and other lines of the pool, on machines of several kinds", () => {
  const kinds: readonly Partial<MachineContext>[] = [
    {},
    { poolSlots: 32768, poolStart: 0x7c000000, poolEnd: 0x80000000, setting: "" },
    { poolGivenBack: true, iommus: ["amdvi"], setting: "noforce" },
    { encrypted: true, memoryBytes: 2 ** 33 },
    { xen: true },
  ];
  const masks = ["ffffffff", "ffffff", "7ffffffff", "ffffffffffffffff"];
  const lines = [
    ...["1fe000000", "7c001000", "ffe000"].flatMap((at) =>
      masks.flatMap((mask) =>
        ["0", "3fffffff"].flatMap((limit) => [
          `snd 0000:00:1b.0: swiotlb addr 0x${at.padStart(16, "0")}+4096 overflow (mask ${mask}, bus limit ${limit}).`,
          `snd 0000:00:1b.0: DMA addr 0x${at.padStart(16, "0")}+4096 overflow (mask ${mask}, bus limit ${limit}).`,
          `snd 0000:00:1b.0: overflow 0x${at.padStart(16, "0")}+536576 of DMA mask ${mask} bus limit ${limit}`,
        ]),
      ),
    ),
    "nvme 0000:00:03.0: Can not allocate SWIOTLB buffer earlier and can't now provide you with the DMA bounce buffer",
    "igb 0000:00:03.0: Buffer overflow detected. Allocation size: 2048. Mapping size: 4096.",
    "software IO TLB: Failed to allocate new pool",
    "software IO TLB: Memory encryption is active and system is using DMA bounce buffers",
    "software IO TLB: SWIOTLB bounce buffer size adjusted 524288 -> 131072 slabs",
    "software IO TLB: swiotlb_memblock_alloc: Failed to allocate 1073741824 bytes tlb structure",
    "software IO TLB: No low mem",
    "Alloc alignment may prevent fulfilling requests with max mapping_size",
    "xen: Failed to get contiguous memory for DMA from Xen!",
    "DMA: Out of SW-IOMMU space for 65536 bytes at device 0000:02:00.0",
    "hda: swiotlb buffer is full (sz: 1048576 bytes)",
  ];
  const rows = lines.map((line) => `${line}: ${brief(kinds.map((machine) => explainLog([line], machine)))}`);
  expect(rows.join("\n")).toMatchSnapshot();
});
