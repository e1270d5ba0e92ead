/** Small machines for tests: a back end's domain 0 and guests that grant. */
import { LogLines } from "../../../src/base/kernel_log.js";
import { drawn } from "../../../src/base/rng.js";
import { Memory } from "../../../src/mem/memory.js";
import { entryAddress } from "../../../src/sw/xen/grant/entry.js";
import type { Domain } from "../../../src/sw/xen/hypervisor/domain.js";
import {
  AccessGate,
  type ForeignOptions,
  ForeignPages,
  Grants,
  Guest,
  Hypervisor,
  MachineBus,
  type XenBugId,
  type XenModel,
} from "../../../src/sw/xen/index.js";

export interface Small {
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
  readonly maptrackFramesMax?: number;
  readonly grantFramesMax?: number;
  readonly foreign?: ForeignOptions;
  readonly p2mMax?: number;
  readonly oldStatuses?: boolean;
  readonly called?: (call: string) => void;
}

/** Domain 0 with a device at requester 8, and guests 1, 2 ... */
export function machine(o: Small = {}) {
  const model = o.model ?? "p2m";
  const arch = model === "p==m" ? "arm" : "x86";
  const memory = new Memory(o.frames ?? 8192);
  const gate = new AccessGate(memory);
  const log = new LogLines();
  const h = new Hypervisor({
    memory,
    watch: gate,
    choose: drawn(o.seed ?? 1),
    arch,
    bugs: o.bugs ?? [],
    oldStatuses: o.oldStatuses ?? false,
    ...(o.called === undefined ? {} : { called: o.called }),
  });
  const d0 = h.createDomain({
    ...{ id: 0, model, pages: o.pages ?? 1024, class: "control" },
    ...(o.deviceTable === true ? { deviceTable: true } : {}),
    ...(o.deviceMap === true ? { deviceMap: true } : {}),
    ...(o.maptrackFramesMax === undefined ? {} : { maptrackFramesMax: o.maptrackFramesMax }),
  });
  const guestModel = o.guestModel ?? (model === "p==m" ? "vp" : model);
  const guests = Array.from({ length: o.guests ?? 1 }, (_, n) => {
    const limit = o.grantFramesMax === undefined ? {} : { grantFramesMax: o.grantFramesMax };
    const d = h.createDomain({ id: n + 1, model: guestModel, pages: o.guestPages ?? 256, ...limit });
    const kernel = new Guest(h, d);
    return { d, kernel, grants: new Grants(kernel, { log }) };
  });
  const back = new Guest(h, d0, o.p2mMax === undefined ? {} : { p2mMax: o.p2mMax });
  const foreign = new ForeignPages(back, { section: 256, log, ...o.foreign });
  const bus = new MachineBus(h);
  bus.assign(8, d0);
  return { h, gate, log, d0, back, foreign, bus, guests, ...guests[0]! };
}

export const bytes = (...n: number[]): Uint8Array => Uint8Array.from(n);

export function readAt(memory: { read(address: number, into: Uint8Array): void }, address: number, count: number) {
  const into = new Uint8Array(count);
  memory.read(address, into);
  return [...into];
}

/** A grant entry as its granter or a hostile writer sees it, word by word. */
export function entryOf(h: Hypervisor, d: Domain, ref: number) {
  const address = entryAddress(d, ref);
  return {
    get: (word: number): number => h.memory.load32(address + word * 4),
    set: (word: number, value: number): void => h.memory.store32(address + word * 4, value),
  };
}
