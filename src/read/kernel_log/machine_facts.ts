/** What a kernel log says of the machine, gathered line by line. */
import { namesOf } from "./names.js";
import { boundsOf, poolAreas, poolBounds } from "./pool_lines.js";

/** Lines that count possible CPUs; the kernel itself goes by `nr_cpu_ids`, and the others are less sure in this order. */
const possibleCpus: readonly (readonly [RegExp, number])[] = [
  [/\bnr_cpu_ids[:=] ?(\d{1,5})\b/, 4],
  [/CPU topo: Allowing (\d{1,5}) present CPUs plus (\d{1,5}) hotplug CPUs/, 3],
  [/smpboot: Allowing (\d{1,5}) CPUs/, 3],
  [/^Xen PV: Detected (\d{1,5}) vCPUS/, 2],
  [/Brought up (?:\d{1,4} nodes?, )?(\d{1,5}) CPUs?/, 1],
  [/Total of (\d{1,5}) processors activated/, 1],
];

/** Sizes of a page that kernels are built with. */
const pageSizes: ReadonlySet<number> = new Set([4096, 8192, 16384, 65536]);

/**
 * Drivers that find themselves in a guest are strict, whatever was said before. Source: Linux amd/init.c
 * (amd_iommu_init_pci), intel/iommu.c (intel_iommu_init), where the wording changed in 5.14.
 */
const strictAfterAll =
  /^(?:AMD-Vi: Using strict mode due to virtualization|DMAR: IOMMU batching (?:is )?dis(?:allowed|abled) due to virtualization)/;

/** Facts by the first line that states them, unless said otherwise; null where the log is silent. */
export class MachineFacts {
  kernel: string | null = null;
  architecture: string | null = null;
  commandLine: string | null = null;
  /** Possible CPUs: those that the pool's areas are counted by. */
  cpus: number | null = null;
  cpusOnline: number | null = null;
  memoryBytes: number | null = null;
  /** `PV`, `PVH` or `HVM`, or `Arm`, where there is one kind only; null outside Xen. */
  xenMode: string | null = null;
  /** The hypervisor's own name for itself, as the kernel reports it ("KVM", "Xen PV"). */
  hypervisor: string | null = null;
  /** Bytes of the kernel's page. */
  pageBytes: number | null = null;
  readonly iommus = new Set<string>();
  /** Default domain type ("Translated", "Passthrough") and flush policy ("strict", "lazy"). */
  iommuDefault: string | null = null;
  iommuPolicy: string | null = null;
  /** The line that settles the policy. */
  iommuPolicyLine: string | null = null;
  /** Memory that the host bridges pass to PCI devices, in bytes, [from, to), as a bus sees it. */
  readonly hostWindows: { readonly from: number; readonly to: number }[] = [];
  /** Number of the group that a device was added to, by its name. */
  readonly iommuGroups = new Map<string, number>();
  /** Driver of a device by its name; the last one named wins, as drivers come and go. */
  readonly drivers = new Map<string, string>();
  /** Areas of the pool, and its bounds in bytes, [from, to). */
  areas: number | null = null;
  pool: { readonly from: number; readonly to: number } | null = null;
  /** True once the kernel says that devices cannot read this machine's memory as it is. */
  encrypted = false;
  /** True once an IOMMU's driver gave the pool back. */
  poolGivenBack = false;
  /** Ranges that firmware keeps for itself or its devices, in bytes, [from, to): of its memory map, and RMRRs. */
  readonly reserved: { readonly from: number; readonly to: number; readonly by: "memory map" | "RMRR" | "IVMD" }[] = [];
  /** Devices that VFIO holds, by name. */
  readonly vfio = new Set<string>();
  #cpusFrom = 0;

  read(message: string): void {
    this.readMachine(message);
    this.#driver(message);
  }

  /** All but the drivers, which any line may name. */
  readMachine(message: string): void {
    this.#kernel(message);
    if (message.includes("CPU") || message.includes("cpu_ids")) this.#cpus(message);
    if (message.includes("Xen") || message.includes("Hypervisor")) this.#xen(message);
    if (message.includes("IO TLB")) this.#swiotlb(message);
    if (message.includes("encrypt")) this.#encryption(message);
    if (message.includes("reserved") || message.includes("RMRR") || message.includes("range_end"))
      this.#reserve(message);
    if (message.includes("vfio-pci ")) {
      const device = /\bvfio-pci ((?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]): /.exec(message)?.[1];
      if (device !== undefined && this.vfio.size < driversMax) this.vfio.add(device);
    }
    this.#iommu(message);
    if (message.includes("root bus resource")) this.#hostWindow(message);
    if (message.includes("iommu group")) this.#group(message);
  }

  /** Where a bus counts its addresses otherwise than the processor, they are printed as well. Source: drivers/pci/probe.c. */
  #hostWindow(message: string): void {
    const window =
      /root bus resource \[mem 0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})[^\]]{0,40}\](?: \(bus address \[0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})\]\))?/.exec(
        message,
      );
    if (window === null || this.hostWindows.length >= reservedMax) return;
    const [from, last] = [window[3] ?? window[1]!, window[4] ?? window[2]!].map((digits) =>
      Number.parseInt(digits, 16),
    );
    this.hostWindows.push({ from: from!, to: last! + 1 });
  }

  /** Source: drivers/iommu/iommu.c, iommu_group_add_device. */
  #group(message: string): void {
    const added = /(\S{1,60}): Adding to iommu group (\d{1,6})$/.exec(message);
    if (added !== null && this.iommuGroups.size < driversMax) this.iommuGroups.set(added[1]!, Number(added[2]));
  }

  #swiotlb(message: string): void {
    const bounds = poolBounds.exec(message);
    if (bounds !== null) {
      const { from, to } = boundsOf(bounds);
      if (to > from) this.pool ??= { from, to };
    }
    const areas = poolAreas.exec(message);
    if (areas !== null) this.areas ??= Number(areas[1]);
    if (message.includes("tearing down default memory pool")) this.poolGivenBack = true;
  }

  /** Source: arch/x86/mm/mem_encrypt.c, kernel/dma/swiotlb.c. */
  #encryption(message: string): void {
    if (/Memory Encryption Features active|Memory encryption is active/i.test(message)) this.encrypted = true;
  }

  #reserve(message: string): void {
    if (this.reserved.length >= reservedMax) return;
    for (const [pattern, by, end] of reservations) {
      const m = pattern.exec(message);
      if (m === null) continue;
      this.reserved.push({ from: Number.parseInt(m[1]!, 16), to: Number.parseInt(m[2]!, 16) + end, by });
      return;
    }
  }

  #kernel(message: string): void {
    const version = /^Linux version (\S{1,100})(.{0,200})/.exec(message);
    if (version !== null) {
      this.kernel ??= version[1]!;
      this.architecture ??= architectureOf(version[2]!) ?? architectureOf(version[1]!);
    }
    const line = /^(?:Kernel command line|Command line): ?(.*)$/.exec(message);
    if (line !== null) this.commandLine ??= line[1]!;
    const memory = /^Memory: \d{1,12}[Kk]B?\/(\d{1,12})[Kk]B? available/.exec(message);
    if (memory !== null) this.memoryBytes ??= Number(memory[1]) * 1024;
    if (message.includes("hash table entries")) this.#page(message);
  }

  /** Tables are told with their bytes and the power of two in pages. Source: Linux mm/mm_init.c, alloc_large_system_hash. */
  #page(message: string): void {
    const table = / \(order: (-?\d{1,2}), (\d{1,12}) bytes/.exec(message);
    const bytes = table === null ? Number.NaN : Number(table[2]) / 2 ** Number(table[1]);
    if (pageSizes.has(bytes)) this.pageBytes ??= bytes;
  }

  #cpus(message: string): void {
    const up = /Brought up (?:\d{1,4} nodes?, )?(\d{1,5}) CPUs?|Total of (\d{1,5}) processors activated/.exec(message);
    if (up !== null) this.cpusOnline ??= Number(up[1] ?? up[2]);
    for (const [pattern, weight] of possibleCpus) {
      const m = pattern.exec(message);
      if (m === null || weight <= this.#cpusFrom) continue;
      const count = Number(m[1]) + Number(m[2] ?? 0);
      if (count === 0) continue;
      this.cpus = count;
      this.#cpusFrom = weight;
    }
  }

  #xen(message: string): void {
    const hypervisor = /^Hypervisor detected: (.{1,40})$/.exec(message)?.[1];
    if (hypervisor !== undefined) this.hypervisor ??= hypervisor;
    const mode = /^(?:Hypervisor detected: |Booting (?:paravirtualized )?kernel on )Xen(?: (PVH|PV|HVM))?/.exec(
      message,
    );
    if (mode !== null) this.xenMode ??= mode[1] ?? "PV";
    // Source: Linux arch/arm/xen/enlighten.c, where the device tree's node of the hypervisor is found.
    if (/^Xen \d+\.\d+\S* support found/.test(message)) this.xenMode ??= "Arm";
  }

  #iommu(message: string): void {
    if (/^DMAR: (?:IOMMU enabled|dmar\d+: reg_base_addr|Intel\(R\) Virtualization)/.test(message))
      this.iommus.add("vtd");
    if (/^(?:pci \S+: )?AMD-Vi: (?:Found IOMMU|Interrupt remapping|Extended features|Using|AMD IOMMU)/.test(message)) {
      this.iommus.add("amdvi");
    }
    const unit = /^(arm-smmu(?:-v3)?|virtio_iommu|rockchip-iommu|ipmmu-vmsa|apple-dart) \S{1,60}: /.exec(message)?.[1];
    if (unit !== undefined) this.iommus.add(unit === "arm-smmu-v3" ? "smmuv3" : unit === "arm-smmu" ? "smmu" : unit);
    const type = /^iommu: Default domain type: (\w{1,30})/.exec(message)?.[1];
    if (type !== undefined) this.iommuDefault ??= type;
    const [line, policy] = /^iommu: DMA domain TLB invalidation policy: (strict|lazy) mode.{0,60}/.exec(message) ?? [];
    if (line !== undefined && this.iommuPolicy === null) this.#policy(policy!, line);
    const forced = strictAfterAll.exec(message)?.[0];
    if (forced !== undefined) this.#policy("strict", forced);
  }

  #policy(policy: string, line: string): void {
    this.iommuPolicy = policy;
    this.iommuPolicyLine = line;
  }

  #driver(message: string): void {
    const probed = /^(\w[\w-]{0,40}) \w{1,40}: pci function ([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$/.exec(
      message,
    );
    const driver = probed?.[1] ?? null;
    const named = driver === null ? namesOf(message) : { driver, device: probed![2]! };
    if (named.driver === null || named.device === null) return;
    if (this.drivers.size < driversMax || this.drivers.has(named.device)) this.drivers.set(named.device, named.driver);
  }
}

/** Forms of Linux, old Linux and Xen; 1 is added where the last byte is printed. */
const reservations: readonly (readonly [RegExp, "memory map" | "RMRR" | "IVMD", 0 | 1])[] = [
  [/e820: \[mem 0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})\] (?:device )?reserved/, "memory map", 1],
  [/e820: ([0-9a-f]{1,16}) - ([0-9a-f]{1,16}) \(reserved\)/, "memory map", 0],
  [/\[([0-9a-f]{16}), ([0-9a-f]{16})\] \(reserved\)/, "memory map", 1],
  [
    /RMRR.{0,20}base(?:_addr(?:ess)?)?:? ?(?:0x)?([0-9a-f]{1,16}) end(?:_addr(?:ess)?)?:? ?(?:0x)?([0-9a-f]{1,16})/,
    "RMRR",
    1,
  ],
  [/range_start: ?(?:0x)?([0-9a-f]{1,16}) range_end: ?(?:0x)?([0-9a-f]{1,16})/, "IVMD", 0],
];

/** Ranges kept; firmware lists some dozens. */
const reservedMax = 256;
/** Devices kept; a machine has fewer. */
const driversMax = 65536;

function architectureOf(text: string): string | null {
  return /(x86_64|aarch64|riscv64|powerpc64le|s390x|i[3-6]86|arm)[-_ )]/.exec(text)?.[1] ?? null;
}

/** @returns the value of the last `swiotlb=` of a command line, "" when there is none. */
export function settingOf(commandLine: string): string {
  const words = commandLine.split(/\s+/).filter((word) => word.startsWith("swiotlb="));
  return words.at(-1)?.slice("swiotlb=".length) ?? "";
}

/** What lines that tell of the machine contain, and no line to be explained need contain. */
export const machineMarks =
  /Linux version |ommand line: |nr_cpu_ids|CPU topo|smpboot|Xen PV: |Brought up |processors activated|Memory: |Booting |Hypervisor |Memory Encryption|BIOS-e820|\(reserved\)|range_end|vfio-pci |root bus resource|Adding to iommu group/;

/** The same of lines that carry an IOMMU's or the pool's mark. */
export const unitMarks =
  /IO TLB|Memory encryption|e820: |RMRR|iommu: D|DMAR: (?:I|R|dmar)|AMD-Vi: (?:Found|Inter|Ext|Using|AMD)|(?:smmu(?:-v3)?|iommu|ipmmu-vmsa|apple-dart) \S{1,60}: (?!event|\s|0x|Unh)/;
