/** One engine with its guest, its pool, its bus and the checks on, for every kind of machine: what the suites run on. */
import { LogLines } from "../../../src/base/kernel_log.js";
import type { DmaPort } from "../../../src/bus/dma_port.js";
import type { ByteMemory } from "../../../src/mem/byte_memory.js";
import { Checker, DmaApi } from "../../../src/sw/dma/index.js";
import {
  CachedGuest,
  type DmaDevice,
  type Engine,
  type EngineBugId,
  type EngineName,
  type EngineOptions,
  engines,
  type GrantRuns,
  type GuestKernel,
  grantOf,
  NativeGuest,
  plainDevice,
} from "../../../src/sw/engine/index.js";
import { ScatteredGuest } from "./scattered_guest.js";

export interface Kind {
  readonly what: string;
  readonly engine: EngineName;
  readonly model: GuestKernel["model"];
  /** The device does not see the CPU's cache. */
  readonly noncoherent?: boolean;
  readonly force?: boolean;
  readonly device?: Partial<DmaDevice>;
}

export const kinds: readonly Kind[] = [
  { what: "direct", engine: "direct", model: "native" },
  { what: "direct behind Xen's IOMMU", engine: "direct", model: "vp+iommu" },
  { what: "direct, not coherent", engine: "direct", model: "native", noncoherent: true },
  { what: "swiotlb, a wide device", engine: "swiotlb", model: "native" },
  { what: "swiotlb, a narrow device", engine: "swiotlb", model: "native", device: { mask: 2 ** 22 - 1 } },
  { what: "swiotlb forced", engine: "swiotlb", model: "native", force: true },
  { what: "swiotlb forced, not coherent", engine: "swiotlb", model: "native", force: true, noncoherent: true },
  { what: "swiotlb, alignment kept", engine: "swiotlb", model: "native", force: true, device: { minAlignMask: 0xfff } },
  { what: "swiotlb-xen x86", engine: "swiotlb-xen-x86", model: "p2m" },
  { what: "swiotlb-xen x86 forced", engine: "swiotlb-xen-x86", model: "p2m", force: true },
  {
    what: "swiotlb-xen x86, a narrow device",
    engine: "swiotlb-xen-x86",
    model: "p2m",
    device: { mask: 2 ** 23 - 1, minAlignMask: 0xfff },
  },
  { what: "swiotlb-xen Arm", engine: "swiotlb-xen-arm", model: "p==m" },
  { what: "swiotlb-xen Arm, not coherent", engine: "swiotlb-xen-arm", model: "p==m", noncoherent: true },
  {
    what: "swiotlb-xen Arm forced, not coherent",
    engine: "swiotlb-xen-arm",
    model: "p==m",
    noncoherent: true,
    force: true,
  },
  { what: "software IOMMU", engine: "software-iommu", model: "vp+hypercall" },
  { what: "software IOMMU forced", engine: "software-iommu", model: "vp+hypercall", force: true },
  { what: "grants", engine: "grant", model: "vp", device: { grantBackend: 0 } },
];

export interface Bench {
  readonly guest: GuestKernel;
  readonly scattered: ScatteredGuest | null;
  readonly engine: Engine;
  /** What the kernel has printed of its mappings. */
  readonly log: readonly string[];
  readonly device: DmaDevice;
  readonly api: DmaApi;
  readonly checker: Checker;
  /** Memory as a driver uses it, and the bus as the device does; both watched. */
  readonly memory: ByteMemory;
  readonly port: DmaPort;
  readonly grants: Grants;
  readonly requester: number;
}

const pages = 2048;

/** @param o changes of what the kind has */
export function bench(
  kind: Kind,
  o: { seed?: number; bugs?: readonly EngineBugId[] } & Partial<EngineOptions> = {},
): Bench {
  const { seed = 1, ...options } = o;
  const scattered =
    kind.model === "native"
      ? null
      : new ScatteredGuest({
          model: kind.model,
          pages,
          frames: 3 * pages,
          seed,
          from: kind.model === "p==m" ? 0 : pages / 2,
        });
  const native = scattered === null ? new NativeGuest(pages) : null;
  const pool = kind.engine === "direct" || kind.engine === "grant" ? null : poolOf(scattered, native);
  const plain = scattered ?? native!;
  const cached = kind.noncoherent ? new CachedGuest(plain, scattered?.machine ?? native!.memory) : null;
  const guest = cached ?? plain;
  const device = plainDevice({ bdf: "0000:00:03.0", coherent: !kind.noncoherent, ...kind.device });
  const grants = new Grants();
  const log = new LogLines();
  const engine = engines[kind.engine].build({
    ...{ log, guest, pool, force: kind.force ?? false, cache: cached?.cache ?? null, grants, memoryEnd: pages * 4096 },
    ...options,
  });
  const checker = new Checker({ guest, memory: cached?.cache.peek() ?? guest.memory });
  const machine = scattered?.port() ?? portOf(native!);
  const port = checker.watchPort(kind.engine === "grant" ? grants.port(guest.memory) : machine);
  const memory = checker.watchMemory(guest.memory);
  const api = new DmaApi({ engine, device, checks: checker });
  return { guest, scattered, engine, log: log.lines, device, api, checker, memory, port, grants, requester: 0x18 };
}

function poolOf(scattered: ScatteredGuest | null, native: NativeGuest | null) {
  if (scattered !== null) return scattered.pool(512);
  return { start: native!.allocPages(8)! * 4096, slots: 512, areas: 1 };
}

function portOf(guest: NativeGuest): DmaPort {
  return {
    read: (_r, address, into) => {
      guest.memory.read(address, into);
      return "done";
    },
    write: (_r, address, from) => {
      guest.memory.write(address, from);
      return "done";
    },
  };
}

/** Grants as the engine uses them, and a backend that resolves them. */
export class Grants implements GrantRuns {
  readonly pages = new Map<number, { page: number; readonly: boolean }>();
  /** References that the backend holds on to. */
  readonly inUse = new Set<number>();
  #next = 8;

  grantRange(o: { readonly first: number; readonly count: number; readonly readonly: boolean }): number {
    const first = this.#next;
    for (let k = 0; k < o.count; k++) this.pages.set(first + k, { page: o.first + k, readonly: o.readonly });
    this.#next += o.count;
    return first;
  }

  endAccess(reference: number): boolean {
    if (this.inUse.has(reference)) return false;
    if (!this.pages.delete(reference)) throw new Error(`reference ${reference} is not granted`);
    return true;
  }

  port(memory: ByteMemory): DmaPort {
    const each = (bus: number, bytes: Uint8Array, writes: boolean) => {
      for (let done = 0; done < bytes.length; ) {
        const { reference, offset } = grantOf(bus + done)!;
        const grant = this.pages.get(reference);
        if (grant === undefined || (writes && grant.readonly)) return "fault";
        const count = Math.min(4096 - offset, bytes.length - done);
        const part = bytes.subarray(done, done + count);
        if (writes) memory.write(grant.page * 4096 + offset, part);
        else memory.read(grant.page * 4096 + offset, part);
        done += count;
      }
      return "done";
    };
    return { read: (_r, bus, into) => each(bus, into, false), write: (_r, bus, from) => each(bus, from, true) };
  }
}

export function randomBytes(rng: { below(n: number): number }, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = rng.below(256);
  return bytes;
}

export function readBytes(memory: ByteMemory, address: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  memory.read(address, bytes);
  return bytes;
}
