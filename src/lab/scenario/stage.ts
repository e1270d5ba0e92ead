/** Small machines that scenarios run on: a hypervisor with a back end's domain 0 and one guest, or a kernel alone. */
import { frameBytes } from "../../base/frame.js";
import { LogLines } from "../../base/kernel_log.js";
import { drawn } from "../../base/rng.js";
import type { DmaPort } from "../../bus/dma_port.js";
import type { ByteMemory } from "../../mem/byte_memory.js";
import { Memory } from "../../mem/memory.js";
import { Checker, DmaApi } from "../../sw/dma/index.js";
import {
  CachedGuest,
  type DmaDevice,
  type Engine,
  type EngineName,
  type EngineOptions,
  engines,
  type GuestKernel,
  NativeGuest,
  plainDevice,
} from "../../sw/engine/index.js";
import {
  AccessGate,
  CallCounts,
  type EraId,
  ForeignPages,
  fixPool,
  Grants,
  Guest,
  Hypervisor,
  MachineBus,
  type XenBugId,
  type XenModel,
} from "../../sw/xen/index.js";

export const page = frameBytes;

/** Requester id of the one device: 0000:00:01.0. */
export const requester = 8;

export interface XenStageOptions {
  readonly model?: XenModel;
  readonly guestModel?: XenModel;
  readonly bugs?: readonly XenBugId[];
  readonly frames?: number;
  readonly pages?: number;
  readonly guestPages?: number;
  readonly guests?: number;
  readonly seed?: number;
  readonly deviceTable?: boolean;
  readonly deviceMap?: boolean;
  readonly era?: EraId;
}

/** Domain 0 with a device, and guests 1, 2 ... that grant. */
export function xenStage(o: XenStageOptions = {}) {
  const model = o.model ?? "p2m";
  const calls = new CallCounts();
  const memory = new Memory(o.frames ?? 8192);
  const gate = new AccessGate(memory);
  const h = new Hypervisor({
    memory,
    called: calls.called,
    watch: gate,
    choose: drawn(o.seed ?? 1),
    arch: model === "p==m" ? "arm" : "x86",
    bugs: o.bugs ?? [],
  });
  const { deviceTable = false, deviceMap = false } = o;
  const d0 = h.createDomain({ id: 0, model, pages: o.pages ?? 1024, class: "control", deviceTable, deviceMap });
  const guestModel = o.guestModel ?? (model === "p2m" ? "p2m" : "vp");
  const guests = Array.from({ length: o.guests ?? 1 }, (_, n) => {
    const d = h.createDomain({ id: n + 1, model: guestModel, pages: o.guestPages ?? 256 });
    const kernel = new Guest(h, d);
    return { d, kernel, grants: new Grants(kernel) };
  });
  const back = new Guest(h, d0);
  const foreign = new ForeignPages(back, { section: 256, era: o.era ?? "today" });
  const bus = new MachineBus(h);
  bus.assign(requester, d0);
  return { h, calls, gate, d0, back, foreign, bus, ...guests[0]! };
}

export type XenStage = ReturnType<typeof xenStage>;

export interface Driven {
  readonly guest: GuestKernel;
  readonly engine: Engine;
  /** What the kernel has printed of its mappings. */
  readonly log: readonly string[];
  readonly device: DmaDevice;
  readonly api: DmaApi;
  readonly checker: Checker;
  /** Memory as the driver uses it and the bus as the device does, both under watch. */
  readonly memory: ByteMemory;
  readonly port: DmaPort;
  /** First page of the pool. */
  readonly poolPage: number;
}

export interface DriveOptions extends Partial<EngineOptions> {
  readonly device?: Partial<DmaDevice>;
}

const poolPages = 512;
const poolAreas = 1;

/** A driver in domain 0 of a stage, with an engine and its pool of 1 MiB a piece. */
export function drive(s: XenStage, name: EngineName, o: DriveOptions = {}): Driven {
  // Not where memory begins: the lowest frames are had first, and a pool at the page of its frame's number would look like
  // one that is not translated.
  s.back.allocRun(192, 64);
  const first = s.back.allocRun(poolPages, 64)!;
  if (s.d0.rules.exchanges) fixPool(s.back, first * page, poolPages * page);
  const pool = { start: first * page, slots: poolPages * 2, areas: poolAreas };
  const memoryEnd = (s.back.ramFirst + s.back.ramCount) * page;
  return driven(s.back, s.h.memory, s.bus, name, { pool, memoryEnd, ...o });
}

/** A kernel without a hypervisor, with an engine and a pool of 256 KiB. */
export function driveNative(name: EngineName, o: DriveOptions = {}): Driven {
  const guest = new NativeGuest(1024);
  const pool = name === "direct" ? null : { start: guest.allocPages(6)! * page, slots: 128, areas: poolAreas };
  const port: DmaPort = {
    read(_requester, address, into) {
      guest.memory.read(address, into);
      return "done";
    },
    write(_requester, address, from) {
      guest.memory.write(address, from);
      return "done";
    },
  };
  return driven(guest, guest.memory, port, name, { pool, memoryEnd: 1024 * page, ...o });
}

function driven(plain: GuestKernel, machine: ByteMemory, bus: DmaPort, name: EngineName, o: DriveOptions): Driven {
  const { device: limits, ...options } = o;
  const device = plainDevice({ bdf: "0000:00:01.0", ...limits });
  const cached = device.coherent ? null : new CachedGuest(plain, machine);
  const guest = cached ?? plain;
  const log = new LogLines();
  const engine = engines[name].build({ guest, cache: cached?.cache ?? null, log, ...options });
  const checker = new Checker({ guest, memory: cached?.cache.peek() ?? guest.memory });
  return {
    ...{ guest, engine, log: log.lines, device, checker },
    api: new DmaApi({ engine, device, checks: checker }),
    memory: checker.watchMemory(guest.memory),
    port: checker.watchPort(bus),
    poolPage: (o.pool?.start ?? 0) / page,
  };
}

export function bytesAt(memory: Pick<ByteMemory, "read">, address: number, count: number): Uint8Array {
  const into = new Uint8Array(count);
  memory.read(address, into);
  return into;
}

export const filled = (count: number, value: number): Uint8Array => new Uint8Array(count).fill(value);
