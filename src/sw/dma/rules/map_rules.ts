/**
 * What is checked when something is mapped.
 *
 * Source: Linux kernel/dma/debug.c, debug_dma_map_phys, check_for_stack, check_sg_segment, add_dma_entry; the rules on
 * addresses are the invariants that swiotlb-xen rests on.
 */
import { plural } from "../../../base/count_words.js";
import { frameBytes } from "../../../base/frame.js";
import { hex } from "../../../base/hex.js";
import { attrMmio, attrSkipCpuSync, Direction } from "../../../spec/dma/direction.js";
import { mappingBytesMax, slotBytes } from "../../../spec/swiotlb/sizes.js";
import { type DmaDevice, type Engine, highestAddress, type Mapped } from "../../engine/index.js";
import type { MapCall, MapKind } from "../checks.js";
import { fits } from "../list.js";
import { overlapsMax } from "./cache_lines.js";
import { eachPage, type Live } from "./live.js";
import { regionRule } from "./regions.js";
import { Shadow } from "./shadow.js";
import { addressText, type CheckState, describe } from "./state.js";

const pageBytes = frameBytes;

/** A mapping was made: remember it, and look at where it is and who is beside it. */
export function checkMapped(
  state: CheckState,
  device: DmaDevice,
  engine: Engine,
  o: { readonly kind: MapKind; readonly call: MapCall; readonly mapped: Mapped; readonly entries: number },
): void {
  const { call, mapped, kind, entries } = o;
  if (kind !== "list") checkRegion(state, device, call);
  if (engine.isError(mapped.bus)) {
    checkRefused(state, device, engine, call);
    return;
  }
  const m: Live = {
    device: device.bdf,
    kind,
    phys: call.phys,
    bus: mapped.bus,
    size: call.size,
    direction: call.direction,
    attributes: call.attributes,
    entries,
    errorChecked: kind !== "single",
    shadow: shadowOf(state, call),
  };
  checkAddress(state, device, engine, m, mapped);
  checkNeighbours(state, m);
  remember(state, device, m);
}

/** Coherent memory: it has an owner on both sides, so its bytes are not watched. */
export function checkAllocated(state: CheckState, device: DmaDevice, at: { phys: number; bus: number }, size: number) {
  const m: Live = {
    device: device.bdf,
    kind: "coherent",
    phys: at.phys,
    bus: at.bus,
    size,
    direction: Direction.bidirectional,
    attributes: 0,
    entries: 0,
    errorChecked: true,
    shadow: null,
  };
  if (at.bus + size - 1 > device.coherentMask) state.violations.add("above-mask", device.bdf, () => describe(m));
  checkTranslation(state, m);
  remember(state, device, m);
}

/** Entries of a list against what the device takes, before any of it is mapped. */
export function checkEntries(state: CheckState, device: DmaDevice, calls: readonly MapCall[]): void {
  for (const call of calls) {
    checkRegion(state, device, call);
    const said = () => `${plural(call.size, "byte")} at physical ${hex(call.phys)}`;
    if (call.size > device.maxSegmentBytes)
      state.violations.add("segment-too-long", device.bdf, () => `${said()}; at most ${device.maxSegmentBytes}`);
  }
}

/** Segments that the device is given, against its boundary. */
export function checkSegment(state: CheckState, device: DmaDevice, bus: number, size: number): void {
  if (fits({ ...device, maxSegmentBytes: size }, bus, size)) return;
  state.violations.add("segment-across-boundary", device.bdf, () => `${plural(size, "byte")} at ${addressText(bus)}`);
}

function remember(state: CheckState, device: DmaDevice, m: Live): void {
  if (state.live.size >= state.entriesMax) {
    state.violations.add("checks-disabled", device.bdf, () => `${state.entriesMax}`);
    state.disabled = true;
    return;
  }
  state.live.add(m);
}

function checkRegion(state: CheckState, device: DmaDevice, call: MapCall): void {
  const rule = regionRule(state.regions, call.phys, call.size);
  if (rule === null) return;
  state.violations.add(rule, device.bdf, () => `${plural(call.size, "byte")} at physical ${hex(call.phys)}`);
}

/** A refusal that was bound to come, whatever the pool held. */
function checkRefused(state: CheckState, device: DmaDevice, engine: Engine, call: MapCall): void {
  const { size, phys } = call;
  const said = () => `${plural(size, "byte")} at physical ${hex(phys)}`;
  const largest = mappingBytesMax - Math.ceil(device.minAlignMask / slotBytes) * slotBytes;
  if (engine.pool === null || size <= largest) return;
  if (size > mappingBytesMax) state.violations.add("bounce-size", device.bdf, said);
  if (size <= engine.maxMappingBytes(device)) state.violations.add("limit-not-kept", device.bdf, said);
}

function checkAddress(state: CheckState, device: DmaDevice, engine: Engine, m: Live, mapped: Mapped): void {
  const { violations } = state;
  if (mapped.cause === "granted") return;
  if (m.bus + m.size - 1 > highestAddress(device)) violations.add("above-mask", device.bdf, () => describe(m));
  if (mapped.cause === "mmio") return;
  if (!mapped.bounced) {
    checkTranslation(state, m);
    if (engine.isBounceBuffer(device, m.bus)) violations.add("foreign-as-bounce", device.bdf, () => describe(m));
    return;
  }
  if (lowBitsDiffer(m.bus, m.phys, device.minAlignMask))
    violations.add("alignment-lost", device.bdf, () => describe(m));
  const must = ["forced", "kmalloc", "foreign-noncoherent", "untrusted"].includes(mapped.cause);
  if (must || state.guest === null) return;
  if (engine.capable(device, state.guest.physToBus(m.phys), m.phys, m.size))
    violations.add("needless-bounce", device.bdf, () => `${describe(m)} (${mapped.cause})`);
}

/** Page by page: is the bus address where the kernel's own tables say that the memory is? */
function checkTranslation(state: CheckState, m: Live): void {
  const { guest } = state;
  if (guest === null || m.bus >= 2 ** 52) return;
  let wrong = -1;
  eachPage(m.phys, m.size, (page) => {
    const phys = Math.max(page * pageBytes, m.phys);
    if (wrong < 0 && guest.physToBus(phys) !== state.behind(m.device, m.bus + (phys - m.phys))) wrong = phys;
  });
  if (wrong >= 0)
    state.violations.add("wrong-address", m.device, () => {
      const right = addressText(guest.physToBus(wrong));
      const led = state.behind(m.device, m.bus + (wrong - m.phys));
      const where = led < 0 ? "leads nowhere" : `leads to ${addressText(led)}`;
      return `${describe(m)}; byte ${hex(wrong)} is at ${right}, and its bus address ${where}`;
    });
}

function checkNeighbours(state: CheckState, m: Live): void {
  const { live, lines, violations } = state;
  const other = live.at(m.device, m.bus).find((o) => o.phys !== m.phys);
  if (other !== undefined) violations.add("map-over-live", m.device, () => `${describe(m)}; ${describe(other)}`);
  const before = lines.enter(m.phys, m.direction, m.attributes);
  if (before > 0) violations.add("overlap-cache-line", m.device, () => describe(m));
  if (before > overlapsMax) violations.add("overlap-count", m.device, () => `${before + 1}: ${describe(m)}`);
  const shared = m.direction === Direction.toDevice ? undefined : sharer(state, m);
  if (shared !== undefined) violations.add("overlap", m.device, () => `${describe(m)}; ${describe(shared)}`);
}

/** Another mapping that a device may write and that has bytes of this one. */
function sharer(state: CheckState, m: Live): Live | undefined {
  let found: Live | undefined;
  eachPage(m.phys, m.size, (page) => {
    found ??= state.live
      .inPage(page)
      ?.find(
        (o) =>
          o.kind !== "coherent" &&
          o.direction !== Direction.toDevice &&
          o.phys < m.phys + m.size &&
          m.phys < o.phys + o.size,
      );
  });
  return found;
}

function shadowOf(state: CheckState, call: MapCall): Shadow | null {
  // Registers are no memory: what they hold is nobody's promise.
  if (state.memory === null || (call.attributes & attrMmio) !== 0) return null;
  const bytes = new Uint8Array(call.size);
  state.memory.read(call.phys, bytes);
  return new Shadow(bytes, (call.attributes & attrSkipCpuSync) !== 0);
}

/** Only masks below 2^31 are known; addresses are split so that no bit is lost. */
function lowBitsDiffer(a: number, b: number, mask: number): boolean {
  return (((a % 2 ** 31) ^ (b % 2 ** 31)) & mask) !== 0;
}
