/**
 * What is checked when something is unmapped or synced, and when a driver goes.
 *
 * Which directions agree in a sync is the table of Linux kernel/dma/debug.c, check_sync; the rest is check_unmap and
 * dma_debug_device_change there.
 */
import { plural } from "../../../base/count_words.js";
import { hex } from "../../../base/hex.js";
import { Direction, directionNames } from "../../../spec/dma/direction.js";
import type { DmaDevice, MappedRange } from "../../engine/index.js";
import type { MapKind } from "../checks.js";
import type { Live } from "./live.js";
import type { DmaRuleName } from "./rules.js";
import { addressText, type CheckState, describe } from "./state.js";

/** Before the engine unmaps. @returns the mapping that ends, or null. */
export function checkUnmap(
  state: CheckState,
  device: DmaDevice,
  o: { readonly kind: MapKind; readonly range: MappedRange; readonly entries: number; readonly phys?: number },
): Live | null {
  const { violations, live } = state;
  const { kind, range, entries } = o;
  const add = (rule: DmaRuleName, bdf: string, said: () => string) => violations.add(rule, bdf, said);
  const asked = () => `${plural(range.size, "byte")} at ${addressText(range.bus)}`;
  if (range.bus < 0) {
    add("unmap-error-value", device.bdf, asked);
    return null;
  }
  const m = live.bestAt(device.bdf, range.bus, { ...range, kind, entries });
  if (m === null) {
    const late = live.wasUnmapped(device.bdf, range.bus);
    add(late ? "double-unmap" : "unmap-unknown", device.bdf, asked);
    return null;
  }
  if (m.size !== range.size)
    add("unmap-size", device.bdf, () => `${describe(m)}; unmapped ${plural(range.size, "byte")}`);
  if (m.kind !== kind) add("unmap-kind", device.bdf, () => `${describe(m)}; unmapped as ${kind}`);
  if (m.kind === "list" && kind === "list" && m.entries !== entries)
    add("unmap-entries", device.bdf, () => `${describe(m)}; of ${m.entries} entries, unmapped with ${entries}`);
  if (m.direction !== range.direction)
    add("unmap-direction", device.bdf, () => `${describe(m)}; unmapped ${directionNames[range.direction]}`);
  if (o.phys !== undefined && o.phys !== m.phys)
    add("free-address", device.bdf, () => `${describe(m)}; freed ${hex(o.phys!)}`);
  if (!m.errorChecked) add("error-unchecked", device.bdf, () => describe(m));
  return m;
}

/** Before the engine syncs. @returns the mapping that the range is in, or null. */
export function checkSync(
  state: CheckState,
  device: DmaDevice,
  o: {
    readonly kind: MapKind;
    readonly range: MappedRange;
    readonly towards: "cpu" | "device";
    readonly entries: number;
  },
): Live | null {
  const { violations, live } = state;
  const { kind, range, towards, entries } = o;
  const add = (rule: DmaRuleName, bdf: string, said: () => string) => violations.add(rule, bdf, said);
  const asked = () => `${plural(range.size, "byte")} at ${addressText(range.bus)}`;
  if (range.bus < 0) {
    add("sync-error-value", device.bdf, asked);
    return null;
  }
  const holding = live.holding(device.bdf, range.bus);
  const whole = (m: Live) => range.bus + range.size <= m.bus + m.size;
  const m = holding.find((h) => whole(h) && h.direction === range.direction) ?? holding.find(whole) ?? holding[0];
  if (m === undefined) {
    const late = live.wasUnmapped(device.bdf, range.bus);
    add(late ? "sync-unmapped" : "sync-unknown", device.bdf, asked);
    return null;
  }
  const said = () => `${describe(m)}; ${asked()} synced for the ${towards} as ${directionNames[range.direction]}`;
  if (!whole(m)) add("sync-outside", device.bdf, said);
  if (m.direction !== Direction.bidirectional && m.direction !== range.direction) {
    if (towards === "cpu" && m.direction === Direction.toDevice) add("sync-for-cpu", device.bdf, said);
    else if (towards === "device" && m.direction === Direction.fromDevice) add("sync-for-device", device.bdf, said);
    else add("sync-direction", device.bdf, said);
  }
  if (kind === "list" && m.kind === "list" && m.entries !== entries)
    add("sync-entries", device.bdf, () => `${describe(m)}; of ${m.entries} entries, synced with ${entries}`);
  return m;
}

/** The driver has let go of its device. */
export function checkUnbound(state: CheckState, device: DmaDevice): void {
  const left = state.live.ofDevice(device.bdf);
  if (left.length === 0) return;
  state.violations.add("unbind-with-mappings", device.bdf, () => `${left.length}; one of them: ${describe(left[0]!)}`);
}
