/** For each rule: how a driver and its device keep it, and how they break it. */
import { expect } from "vitest";
import { attrIgnoreCacheLines, Direction } from "../../../src/spec/dma/direction.js";
import { Checker, DmaApi, type DmaRuleName } from "../../../src/sw/dma/index.js";
import type { Mapped } from "../../../src/sw/engine/index.js";
import { type Bench, type Kind, kinds } from "../engine/bench.js";

const { toDevice, fromDevice, bidirectional, none } = Direction;
export const kind = (what: string): Kind => kinds.find((k) => k.what === what)!;
export const at = 64 * 4096;
export const size = 2048;

export interface Row {
  readonly on?: Kind;
  /** How a driver and its device do it, and how they must not. */
  readonly right: (b: Bench) => void;
  readonly wrong: (b: Bench) => void;
}

export const map = (b: Bench, direction: Direction, phys = at, bytes = size): Mapped => {
  const m = b.api.map(phys, bytes, direction);
  b.api.mappingError(m.bus);
  return m;
};
const roundTrip = (b: Bench, direction: Direction = toDevice) => b.api.unmap(map(b, direction).bus, size, direction);
const list = (b: Bench, count = 2) =>
  b.api.mapList(
    [...Array(count).keys()].map((k) => ({ phys: at + k * 8192, size })),
    toDevice,
  );
const listTrip = (b: Bench) => b.api.unmapList(list(b), 2, toDevice);
const coherentTrip = (b: Bench) => b.api.free(b.api.alloc(size)!, size);
export const write = (b: Bench, phys = at, bytes = size) => b.memory.write(phys, new Uint8Array(bytes).fill(0x3c));
const read = (b: Bench, phys = at, bytes = size) => b.memory.read(phys, new Uint8Array(bytes));
const deviceReads = (b: Bench, bus: number, bytes = size) => b.port.read(b.requester, bus, new Uint8Array(bytes));
export const deviceWrites = (b: Bench, bus: number, bytes = size) =>
  b.port.write(b.requester, bus, new Uint8Array(bytes).fill(0xd4));
export const forced = kind("swiotlb forced");
/** Calls in order, for what they do. */
const all = (..._done: unknown[]): void => {};

/** Map, let the device write, hand over properly. */
const received = (b: Bench) => {
  const m = map(b, fromDevice);
  deviceWrites(b, m.bus);
  b.api.syncForCpu(m.bus, size, fromDevice);
  read(b);
  b.api.syncForDevice(m.bus, size, fromDevice);
  deviceWrites(b, m.bus);
  b.api.unmap(m.bus, size, fromDevice);
  read(b);
};

/** Map, let the device read, change, hand over properly. */
const sent = (b: Bench) => {
  write(b);
  const m = map(b, toDevice);
  deviceReads(b, m.bus);
  b.api.syncForCpu(m.bus, size, toDevice);
  write(b);
  b.api.syncForDevice(m.bus, size, toDevice);
  deviceReads(b, m.bus);
  b.api.unmap(m.bus, size, toDevice);
  write(b);
};

const regions = (["stack", "kernel-image", "invalid", "vmalloc"] as const).map((k, n) => ({
  ...{ start: (100 + 4 * n) * 4096, end: (101 + 4 * n) * 4096 },
  kind: k,
}));
const regionRow = (n: number): Row => ({
  right: (b) => withRegions(b).map(99 * 4096, 4096, toDevice),
  wrong: (b) => {
    const api = withRegions(b);
    api.mapList([{ phys: (100 + 4 * n) * 4096 - 8, size: 16 }], toDevice);
    api.map((100 + 4 * n) * 4096 - 8, 16, toDevice);
  },
});

/** The same bench with regions that must not be mapped; what is found is counted in its checker. */
function withRegions(b: Bench): DmaApi {
  const checker = new Checker({ regions });
  b.checker.count = (rule) => checker.count(rule);
  Object.defineProperty(b.checker, "violations", { get: () => checker.violations });
  return new DmaApi({ engine: b.engine, device: b.device, checks: checker });
}

export const rows: Record<DmaRuleName, Row> = {
  "unbind-with-mappings": {
    right: (b) => all(roundTrip(b), b.api.unbind()),
    wrong: (b) => all(map(b, toDevice), b.api.unbind()),
  },
  "unmap-error-value": { right: roundTrip, wrong: (b) => b.api.unmap(-1, size, toDevice) },
  "double-unmap": {
    right: roundTrip,
    wrong: (b) => {
      const m = map(b, toDevice);
      for (let n = 0; n < 2; n++) b.api.unmap(m.bus, size, toDevice);
    },
  },
  "unmap-unknown": { right: roundTrip, wrong: (b) => b.api.unmap(0x5000, size, toDevice) },
  "unmap-size": { right: roundTrip, wrong: (b) => b.api.unmap(map(b, toDevice).bus, size - 1, toDevice) },
  "unmap-kind": { right: listTrip, wrong: (b) => b.api.unmap(list(b).segments[0]!.bus, size, toDevice) },
  "free-address": {
    right: coherentTrip,
    wrong: (b) => {
      const c = b.api.alloc(size)!;
      b.guest.allocPages(0);
      const other = b.guest.allocPages(0)! * 4096;
      b.api.free({ bus: c.bus, phys: other }, size);
    },
  },
  "unmap-entries": { right: listTrip, wrong: (b) => b.api.unmapList(list(b), 1, toDevice) },
  "unmap-direction": { right: roundTrip, wrong: (b) => b.api.unmap(map(b, toDevice).bus, size, bidirectional) },
  "error-unchecked": { right: roundTrip, wrong: (b) => b.api.unmap(b.api.map(at, size, toDevice).bus, size, toDevice) },
  "map-stack": regionRow(0),
  "map-kernel-image": regionRow(1),
  "map-invalid": regionRow(2),
  "map-vmalloc": regionRow(3),
  "sync-unmapped": {
    right: sent,
    wrong: (b) => {
      const m = map(b, toDevice);
      b.api.unmap(m.bus, size, toDevice);
      b.api.syncForDevice(m.bus, size, toDevice);
    },
  },
  "sync-unknown": { right: sent, wrong: (b) => b.api.syncForCpu(0x5000, 1, toDevice) },
  "sync-outside": {
    right: (b) => b.api.syncForDevice(map(b, toDevice).bus + 100, size - 100, toDevice),
    wrong: (b) => b.api.syncForDevice(map(b, toDevice).bus + 100, size - 99, toDevice),
  },
  "sync-direction": {
    right: (b) => b.api.syncForCpu(map(b, bidirectional).bus, size, fromDevice),
    wrong: (b) => b.api.syncForCpu(map(b, fromDevice).bus, size, bidirectional),
  },
  "sync-for-cpu": { right: received, wrong: (b) => b.api.syncForCpu(map(b, toDevice).bus, size, fromDevice) },
  "sync-for-device": { right: sent, wrong: (b) => b.api.syncForDevice(map(b, fromDevice).bus, size, toDevice) },
  "sync-entries": {
    right: (b) => b.api.syncListForDevice(list(b), 2, toDevice),
    wrong: (b) => b.api.syncListForDevice(list(b), 1, toDevice),
  },
  "segment-too-long": {
    right: (b) => b.api.mapList([{ phys: at, size: 65536 }], toDevice),
    wrong: (b) => b.api.mapList([{ phys: at, size: 65537 }], toDevice),
  },
  "segment-across-boundary": {
    on: { ...kind("direct"), device: { boundary: 4096 } },
    right: (b) => b.api.mapList([{ phys: at, size: 4096 }], toDevice),
    wrong: (b) => b.api.mapList([{ phys: at + 1, size: 4096 }], toDevice),
  },
  "overlap-cache-line": {
    right: (b) => all(map(b, toDevice, at, 8), map(b, fromDevice, at + 64, 8), map(b, fromDevice, at + 128, 8)),
    wrong: (b) => all(map(b, fromDevice, at, 8), map(b, fromDevice, at + 8, 8)),
  },
  "overlap-count": {
    right: (b) => {
      for (let k = 0; k < 9; k++) b.api.map(at + k * 4, 4, fromDevice, attrIgnoreCacheLines);
    },
    wrong: (b) => {
      for (let k = 0; k < 9; k++) b.api.map(at + k * 4, 4, fromDevice);
    },
  },
  "checks-disabled": {
    right: (b) => {
      for (let k = 0; k < 3; k++) limited(b).map(at + k * 4096, 16, toDevice);
    },
    wrong: (b) => {
      const api = limited(b);
      for (let k = 0; k < 9; k++) api.map(at + k * 4096, 16, toDevice);
    },
  },
  "sync-error-value": { right: sent, wrong: (b) => b.api.syncForCpu(-1, size, fromDevice) },
  "map-direction": { right: roundTrip, wrong: (b) => expect(() => b.api.map(at, size, none)).toThrow("dma-direction") },
  "map-over-live": {
    right: (b) => all(map(b, toDevice), map(b, toDevice)),
    wrong: (b) => {
      const m = map(b, toDevice);
      const call = { phys: at + 8192, size, direction: toDevice, attributes: 0 };
      b.checker.mapped(b.device, b.engine, call, m);
    },
  },
  "list-mapped-twice": {
    right: (b) => all(listTrip(b), listTrip(b)),
    wrong: (b) => b.api.mapList(list(b).entries, toDevice),
  },
  overlap: {
    right: (b) => all(map(b, toDevice), map(b, fromDevice, at + 4096)),
    wrong: (b) => all(map(b, fromDevice), map(b, bidirectional, at + 128)),
  },
  "bounce-size": {
    on: forced,
    right: (b) => map(b, toDevice, at, 262144),
    wrong: (b) => map(b, toDevice, at, 262145),
  },
  "wrong-address": {
    right: roundTrip,
    wrong: (b) => {
      const m: Mapped = { bus: at + 1, bounced: false, foreign: false, cause: "direct", refused: null };
      b.checker.mapped(b.device, b.engine, { phys: at, size, direction: toDevice, attributes: 0 }, m);
    },
  },
  "above-mask": {
    on: kind("swiotlb, a narrow device"),
    right: (b) => map(b, toDevice, 1500 * 4096),
    wrong: (b) => {
      const m: Mapped = { bus: 1500 * 4096, bounced: false, foreign: false, cause: "direct", refused: null };
      b.checker.mapped(b.device, b.engine, { phys: 1500 * 4096, size, direction: toDevice, attributes: 0 }, m);
    },
  },
  "alignment-lost": {
    on: kind("swiotlb, alignment kept"),
    right: (b) => map(b, toDevice, at + 0x123),
    wrong: (b) => {
      const m = map(b, toDevice, at + 0x123);
      b.checker.mapped(b.device, b.engine, { phys: at + 0x124, size, direction: toDevice, attributes: 0 }, m);
    },
  },
  "foreign-as-bounce": {
    on: forced,
    right: (b) => map(b, toDevice),
    wrong: (b) => {
      const { bus } = map(b, toDevice);
      const m: Mapped = { bus, bounced: false, foreign: true, cause: "translated", refused: null };
      b.checker.mapped(b.device, b.engine, { phys: bus, size, direction: toDevice, attributes: 0 }, m);
    },
  },
  "needless-bounce": {
    on: forced,
    right: (b) => map(b, toDevice),
    wrong: (b) => {
      const m: Mapped = { ...map(b, toDevice), cause: "straddle" };
      b.checker.mapped(b.device, b.engine, { phys: at, size, direction: toDevice, attributes: 0 }, m);
    },
  },
  "limit-not-kept": {
    on: kind("swiotlb, alignment kept"),
    right: (b) => map(b, toDevice, at, b.api.maxMappingBytes()),
    wrong: (b) => {
      const engine = Object.create(b.engine, { maxMappingBytes: { value: () => 2 ** 64 } });
      const m: Mapped = {
        bus: -1,
        bounced: false,
        foreign: false,
        cause: "forced",
        refused: { reason: "exhausted", words: "" },
      };
      const call = { phys: at, size: 262144, direction: toDevice, attributes: 0 };
      b.checker.mapped(b.device, engine, call, m);
    },
  },
  "device-unmapped": { right: sent, wrong: (b) => all(map(b, toDevice), deviceReads(b, at + 8192)) },
  "device-after-unmap": {
    right: sent,
    wrong: (b) => {
      const m = map(b, fromDevice);
      b.api.unmap(m.bus, size, fromDevice);
      deviceWrites(b, m.bus, 16);
    },
  },
  "device-refused": {
    on: kind("grants"),
    right: (b) => deviceReads(b, map(b, toDevice).bus),
    wrong: (b) => {
      const m = map(b, toDevice);
      b.grants.pages.clear();
      deviceReads(b, m.bus);
    },
  },
  "device-writes-read-only": {
    right: received,
    wrong: (b) => deviceWrites(b, map(b, toDevice).bus, 1),
  },
  "device-while-cpu-owns": {
    right: received,
    wrong: (b) => {
      const m = map(b, fromDevice);
      b.api.syncForCpu(m.bus, size, fromDevice);
      deviceWrites(b, m.bus, 1);
    },
  },
  "missing-sync-for-device": {
    right: sent,
    wrong: (b) => {
      const m = map(b, toDevice);
      b.api.syncForCpu(m.bus, size, toDevice);
      write(b);
      deviceReads(b, m.bus);
    },
  },
  "device-reads-stale": {
    on: forced,
    right: sent,
    wrong: (b) => {
      const m = map(b, toDevice);
      // Somebody else has written into the bounce buffer.
      b.guest.memory.write(b.guest.busToLocalPhys(m.bus) + 7, new Uint8Array([0x99]));
      deviceReads(b, m.bus);
    },
  },
  "cpu-reads-owned": { right: received, wrong: (b) => all(map(b, fromDevice), read(b, at + 5, 1)) },
  "cpu-writes-owned": { right: sent, wrong: (b) => all(map(b, toDevice), write(b, at + 5, 1)) },
  "missing-sync-for-cpu": {
    on: forced,
    right: received,
    wrong: (b) => all(deviceWrites(b, map(b, fromDevice).bus), read(b)),
  },
  "stale-bytes": {
    on: forced,
    right: received,
    wrong: (b) => {
      const m = map(b, fromDevice);
      deviceWrites(b, m.bus);
      // The bounce buffer is changed back before it is copied out.
      b.guest.memory.write(b.guest.busToLocalPhys(m.bus), new Uint8Array(4));
      b.api.unmap(m.bus, size, fromDevice);
    },
  },
  "foreign-bytes": {
    on: forced,
    right: received,
    wrong: (b) => {
      const m = map(b, fromDevice);
      b.guest.memory.write(b.guest.busToLocalPhys(m.bus) + 100, new Uint8Array([0x66]));
      b.api.unmap(m.bus, size, fromDevice);
    },
  },
};

const limits = new WeakMap<Bench, DmaApi>();

/** A checker that keeps four mappings. */
function limited(b: Bench): DmaApi {
  let api = limits.get(b);
  if (api === undefined) {
    const checker = new Checker({ entriesMax: 4 });
    b.checker.count = (rule) => checker.count(rule);
    Object.defineProperty(b.checker, "violations", { get: () => checker.violations });
    api = new DmaApi({ engine: b.engine, device: b.device, checks: checker });
    limits.set(b, api);
  }
  return api;
}
