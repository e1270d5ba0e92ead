/**
 * What only a memory with bytes can check: who touches whose buffer, and whether bytes arrive.
 *
 * The kernel's debugging has none of these. Source: the ownership rules of Documentation/core-api/dma-api.rst.
 */
import { plural } from "../../../base/count_words.js";
import { frameBytes } from "../../../base/frame.js";
import { hex } from "../../../base/hex.js";
import { attrSkipCpuSync, Direction } from "../../../spec/dma/direction.js";
import type { MappedRange } from "../../engine/index.js";
import type { Live } from "./live.js";
import { addressText, type CheckState, describe } from "./state.js";

const pageBytes = frameBytes;

/** The CPU reads or is about to write; called for every access, so the common case is one lookup a page. */
export function cpuAccess(state: CheckState, address: number, size: number, writes: boolean): void {
  if (state.live.size === 0) return;
  const last = Math.floor((address + size - 1) / pageBytes);
  for (let page = Math.floor(address / pageBytes); page <= last; page++) {
    const there = state.live.inPage(page);
    if (there === undefined) continue;
    const from = Math.max(address, page * pageBytes);
    const end = Math.min(address + size, (page + 1) * pageBytes);
    for (const m of there) meetCpu(state, m, { from, end, writes });
  }
}

function meetCpu(state: CheckState, m: Live, o: { from: number; end: number; writes: boolean }): void {
  if (m.shadow === null) return;
  const from = Math.max(o.from, m.phys) - m.phys;
  const count = Math.min(o.end, m.phys + m.size) - m.phys - from;
  if (count <= 0) return;
  const met = m.shadow.metByCpu(from, count);
  const said = () => `${describe(m)}; ${plural(count, "byte")} from byte ${from}`;
  if (o.writes) {
    if (met.owned) state.violations.add("cpu-writes-owned", m.device, said);
    m.shadow.cpuWrites(from, count);
  } else if (met.owned && m.direction !== Direction.toDevice) {
    state.violations.add(met.changed ? "missing-sync-for-cpu" : "cpu-reads-owned", m.device, said);
  }
}

/** An access of a device that memory has answered. @param bytes what was read or written */
export function deviceAccess(
  state: CheckState,
  o: { device: string; bus: number; bytes: Uint8Array; writes: boolean; done: boolean },
): void {
  for (let k = 0; k < o.bytes.length; ) {
    const bus = o.bus + k;
    const there = state.live.holding(o.device, bus);
    const m = there.find((t) => !o.writes || t.direction !== Direction.toDevice) ?? there[0];
    if (m === undefined) {
      const count = o.bytes.length - k;
      const rule = state.live.wasUnmapped(o.device, bus) ? "device-after-unmap" : "device-unmapped";
      const verb = o.writes ? "written" : "read";
      state.violations.add(rule, o.device, () => `${plural(count, "byte")} at ${addressText(bus)} ${verb}`);
      return;
    }
    const count = Math.min(o.bytes.length - k, m.bus + m.size - bus);
    meetDevice(state, m, bus - m.bus, { ...o, bytes: o.bytes.subarray(k, k + count) });
    k += count;
  }
}

function meetDevice(
  state: CheckState,
  m: Live,
  from: number,
  o: { bytes: Uint8Array; writes: boolean; done: boolean },
) {
  const { violations } = state;
  const said = () => `${describe(m)}; ${plural(o.bytes.length, "byte")} from byte ${from}`;
  if (!o.done) {
    violations.add("device-refused", m.device, said);
    return;
  }
  if (o.writes && m.direction === Direction.toDevice) violations.add("device-writes-read-only", m.device, said);
  if (m.shadow === null) return;
  const met = m.shadow.metByDevice(from, o.bytes.length);
  if (met.changed) violations.add("missing-sync-for-device", m.device, said);
  else if (met.owned) violations.add("device-while-cpu-owns", m.device, said);
  if (o.writes) {
    m.shadow.deviceWrites(from, o.bytes);
    return;
  }
  const at = m.shadow.differs(from, o.bytes);
  if (at >= 0 && !met.owned)
    violations.add("device-reads-stale", m.device, () => {
      const [got, given] = [o.bytes[at - from]!, m.shadow!.expectedAt(at)];
      return `${describe(m)}; byte ${at} is ${hex(got)}, was given as ${hex(given)}`;
    });
}

/** The engine has unmapped: does the CPU see what it should? */
export function bytesAfterUnmap(state: CheckState, m: Live, range: MappedRange): void {
  if (m.direction === Direction.toDevice || (range.attributes & attrSkipCpuSync) !== 0) return;
  compare(state, m, 0, m.size);
}

/** The engine has synced a range. */
export function bytesAfterSync(state: CheckState, m: Live, range: MappedRange, towards: "cpu" | "device"): void {
  if (m.shadow === null) return;
  const from = range.bus - m.bus;
  const count = Math.min(range.size, m.size - from);
  if (towards === "cpu") {
    if (m.direction !== Direction.toDevice) compare(state, m, from, count);
    m.shadow.giveCpu(from, count);
    return;
  }
  m.shadow.giveDevice(from, cpuBytes(state, m, from, count), m.direction !== Direction.fromDevice);
}

function compare(state: CheckState, m: Live, from: number, count: number): void {
  if (m.shadow === null) return;
  const seen = cpuBytes(state, m, from, count);
  const at = m.shadow.differs(from, seen);
  if (at < 0) return;
  const rule = m.shadow.wroteAt(at) ? "stale-bytes" : "foreign-bytes";
  state.violations.add(rule, m.device, () => {
    const [is, should] = [seen[at - from]!, m.shadow!.expectedAt(at)];
    return `${describe(m)}; byte ${at} is ${hex(is)}, should be ${hex(should)}`;
  });
}

function cpuBytes(state: CheckState, m: Live, from: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  state.memory!.read(m.phys + from, bytes);
  return bytes;
}
