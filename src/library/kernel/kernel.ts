/** A kernel that drives devices: its memory, its bus, and the DMA API of each device with the engine that it takes. */
import { type Address, address, frameBytes } from "../../base/frame.js";
import type { DmaPort } from "../../bus/dma_port.js";
import { describeMachine } from "../../lab/machine/description/description.js";
import { buildDevices } from "../../lab/machine/platform/devices.js";
import { buildHost, type Host } from "../../lab/machine/platform/host.js";
import type { ByteMemory } from "../../mem/byte_memory.js";
import { Direction } from "../../spec/dma/direction.js";
import type { Coherent, DmaApi, MappedList } from "../../sw/dma/index.js";
import { Checker } from "../../sw/dma/index.js";
import type { Cause, Mapped, Refusal } from "../../sw/engine/index.js";
import type { MachineDescription } from "../machine_description.js";
import { BadOption, checkNames, flag, wholeNumber } from "../work_options.js";

/** A kernel and its devices: the part of a machine's description that says them. */
export interface KernelOptions
  extends Pick<
    MachineDescription,
    "arch" | "cpus" | "devices" | "encrypted" | "kernel" | "memory" | "swiotlb" | "xen"
  > {
  /** Hold every call and every access against the rules of the DMA API. Default: yes. */
  readonly checks?: boolean;
}

/** A kernel. */
export interface Kernel {
  /** Its memory by physical address, as drivers see it. */
  readonly memory: ByteMemory;
  /** The bus that its devices master. */
  readonly bus: DmaPort;
  /** The DMA API of one of its devices. @throws BadOption for a device that was not described. */
  dma(bdf: string): Dma;
  /** Memory of so many bytes in whole pages, physically in one piece. @returns null when there is none. */
  allocate(bytes: number): Address | null;
  /** Give it back, as it was allocated. */
  release(o: { readonly phys: Address; readonly bytes: number }): void;
  /** Rules that were broken so far: the first twenty of each in words. */
  readonly violations: readonly BrokenRule[];
}

/** A rule of the DMA API that was broken. */
export interface BrokenRule {
  /** Its name, which is stable. */
  readonly rule: string;
  readonly device: string;
  readonly detail: string;
}

/** Which way data goes, as a driver says it. */
export type DmaDirection = "to-device" | "from-device" | "both";

/** A buffer that a device is to reach. */
export interface DmaBuffer {
  /** Physical address of its first byte. */
  readonly phys: Address;
  /** Bytes. */
  readonly size: number;
  readonly direction: DmaDirection;
}

/** A mapping as it is given back or synced: what `mapBuffer` was given, with the address that it returned. */
export interface DmaRange {
  readonly bus: Address;
  readonly size: number;
  readonly direction: DmaDirection;
}

/** What became of a mapping. */
export interface MappedBuffer {
  /** Where the device finds it; null when it was refused. */
  readonly bus: Address | null;
  /** The device uses a copy in the bounce pool. */
  readonly bounced: boolean;
  /** Its page belongs to another domain. */
  readonly foreign: boolean;
  /** Why the kernel did what it did. */
  readonly cause: Cause;
  /** null when it was not refused. */
  readonly refused: Refusal | null;
}

/** Memory that driver and device share. */
export interface SharedMemory {
  readonly phys: Address;
  readonly bus: Address;
  readonly size: number;
}

/** A list of buffers that was mapped. */
export interface MappedBuffers {
  /** What the device is given; empty when it was refused. */
  readonly segments: readonly { readonly bus: Address; readonly size: number }[];
  /** null when it was not refused. */
  readonly refused: Refusal | null;
  /** Give it back. */
  unmap(): void;
}

/** The DMA API of one device, as its driver calls it. */
export interface Dma {
  /** How its buffers are made reachable, and why the kernel takes that way. */
  readonly engine: { readonly name: string; readonly because: string };
  /** dma_map_single. @throws BadOption for sizes and addresses that are none. */
  map(buffer: DmaBuffer): MappedBuffer;
  /** dma_unmap_single: what came into a bounce is copied back. */
  unmap(range: DmaRange): void;
  /** dma_map_sg. */
  mapList(o: {
    readonly list: readonly { readonly phys: Address; readonly size: number }[];
    readonly direction: DmaDirection;
  }): MappedBuffers;
  /** dma_sync_single_for_cpu: the driver is to see what the device wrote. */
  syncForCpu(range: DmaRange): void;
  /** dma_sync_single_for_device: the device is to see what the driver wrote. */
  syncForDevice(range: DmaRange): void;
  /** dma_alloc_coherent: zeros. @returns null when it cannot be had. */
  alloc(bytes: number): SharedMemory | null;
  /** dma_free_coherent. */
  free(memory: SharedMemory): void;
}

/** What drivers are given beneath the kernel's own face. */
export interface Inside {
  readonly host: Host;
  readonly memory: ByteMemory;
  /** @throws BadOption */
  api(bdf: string): DmaApi;
}

const insides = new WeakMap<Kernel, Inside>();

/** @throws BadOption for what is no kernel of `createKernel`. */
export function insideOf(kernel: Kernel): Inside {
  const inside = insides.get(kernel);
  if (inside === undefined) throw new BadOption("kernel", kernel, "what createKernel returned was expected");
  return inside;
}

/** Make a kernel with its devices. @throws Unreadable for a description that contradicts itself; BadOption. */
export function createKernel(options: KernelOptions = {}): Kernel {
  const { checks, ...description } = checkNames(options, [
    ...(["arch", "cpus", "devices", "encrypted", "kernel", "memory", "swiotlb", "xen"] as const),
    "checks",
  ]);
  const described = describeMachine("kernel", description);
  const host = buildHost(described.machine);
  const checker = flag("checks", checks, true) ? new Checker({ guest: host.kernel, memory: host.kernel.memory }) : null;
  const devices = buildDevices(described, host, checker);
  const memory = checker?.watchMemory(host.kernel.memory) ?? host.kernel.memory;
  const deviceOf = (bdf: string) => {
    const found = devices.find((d) => d.description.bdf === bdf);
    if (found !== undefined) return found;
    const known = devices.map((d) => d.description.bdf).join(", ");
    throw new BadOption("bdf", bdf, `there is ${known === "" ? "no device" : known}`);
  };
  const kernel: Kernel = {
    memory,
    bus: checker?.watchPort(host.port) ?? host.port,
    dma(bdf) {
      const { api, selected } = deviceOf(bdf);
      return dmaOf(api, { name: selected.engine, because: selected.because });
    },
    allocate(bytes) {
      const first = host.kernel.allocPages(orderOf(bytes));
      return first === null ? null : address(first * frameBytes);
    },
    release({ phys, bytes }) {
      host.kernel.freePages((phys / frameBytes) as never, orderOf(bytes));
    },
    get violations() {
      return checker?.violations ?? [];
    },
  };
  insides.set(kernel, { host, memory, api: (bdf) => deviceOf(bdf).api });
  return kernel;
}

const bytesMax = 2 ** 40;

/** Pages come in powers of two. */
const orderOf = (bytes: number): number =>
  Math.ceil(Math.log2(Math.ceil(wholeNumber("bytes", bytes, 1, bytesMax) / frameBytes)));

const directions: Readonly<Record<DmaDirection, Direction>> = {
  "to-device": Direction.toDevice,
  "from-device": Direction.fromDevice,
  both: Direction.bidirectional,
};

function directionOf(given: DmaDirection): Direction {
  if (Object.hasOwn(directions, given)) return directions[given];
  throw new BadOption("direction", given, `one of ${Object.keys(directions).join(", ")} was expected`);
}

function dmaOf(api: DmaApi, engine: Dma["engine"]): Dma {
  const range = ({ bus, size, direction }: DmaRange) =>
    [address(bus), wholeNumber("size", size, 1, bytesMax), directionOf(direction)] as const;
  return {
    engine,
    map: ({ phys, size, direction }) =>
      mapped(api, api.map(address(phys), wholeNumber("size", size, 1, bytesMax), directionOf(direction))),
    unmap: (r) => api.unmap(...range(r)),
    mapList({ list, direction }) {
      for (const [n, { phys, size }] of list.entries()) {
        address(phys);
        wholeNumber(`list.${n}.size`, size, 1, bytesMax);
      }
      const way = directionOf(direction);
      return mappedList(api, api.mapList(list, way), way);
    },
    syncForCpu: (r) => api.syncForCpu(...range(r)),
    syncForDevice: (r) => api.syncForDevice(...range(r)),
    alloc(bytes) {
      const at: Coherent | null = api.alloc(wholeNumber("bytes", bytes, 1, bytesMax));
      return at === null ? null : { phys: address(at.phys), bus: address(at.bus), size: bytes };
    },
    free: ({ phys, bus, size }) => api.free({ phys, bus }, size),
  };
}

/** The driver asks for the error of each mapping as it should; the answer is in the mapping. */
function mapped(api: DmaApi, { bus, ...m }: Mapped): MappedBuffer {
  return { ...m, bus: api.mappingError(bus) ? null : address(bus) };
}

function mappedList(api: DmaApi, list: MappedList, direction: Direction): MappedBuffers {
  return {
    segments: list.segments.map(({ bus, size }) => ({ bus: address(bus), size })),
    refused: list.refused,
    unmap: () => api.unmapList(list, list.entries.length, direction),
  };
}
