/** What all checks share: options, what is mapped, what was found. */
import { plural } from "../../../base/count_words.js";
import { hex } from "../../../base/hex.js";
import type { ByteMemory } from "../../../mem/byte_memory.js";
import { directionNames } from "../../../spec/dma/direction.js";
import { type GuestKernel, grantOf, grantText } from "../../engine/index.js";
import { CacheLines } from "./cache_lines.js";
import { type Live, LiveMappings } from "./live.js";
import type { Region } from "./regions.js";
import { Violations } from "./violations.js";

export interface CheckOptions {
  /** Asked where memory really is; none: bus addresses are not checked. */
  readonly guest?: GuestKernel;
  /** The machine address that a device's bus address leads to, behind an IOMMU; -1: none. Left out: itself. */
  readonly behind?: (bdf: string, bus: number) => number;
  /**
   * What the CPU sees, read without leaving a trace (of a cache: its `peek`). None: bytes are not checked.
   */
  readonly memory?: ByteMemory;
  readonly regions?: readonly Region[];
  /** Who keeps the bus has taken the device from its driver: that it is refused is no rule's matter. Default: nobody's is. */
  readonly isTakenAway?: (requester: number) => boolean;
  /** Mappings that are kept at most; when there are more the checks end, as the kernel's do. */
  readonly entriesMax?: number;
}

/** CONFIG_DMA_API_DEBUG keeps 65536 and grows; a model need not stop that early. */
const entriesMaxDefault = 2 ** 20;

export class CheckState {
  readonly guest: GuestKernel | null;
  readonly behind: (bdf: string, bus: number) => number;
  readonly memory: ByteMemory | null;
  readonly regions: readonly Region[];
  readonly entriesMax: number;
  readonly isTakenAway: (requester: number) => boolean;
  readonly live = new LiveMappings();
  readonly lines = new CacheLines();
  readonly violations = new Violations();
  /** Device names by requester id, of those that have mapped something. */
  readonly devices = new Map<number, string>();
  disabled = false;

  constructor(o: CheckOptions) {
    this.guest = o.guest ?? null;
    this.behind = o.behind ?? ((_, bus) => bus);
    this.memory = o.memory ?? null;
    this.regions = o.regions ?? [];
    this.isTakenAway = o.isTakenAway ?? (() => false);
    this.entriesMax = o.entriesMax ?? entriesMaxDefault;
  }
}

export function addressText(bus: number): string {
  return bus < 0 ? "all ones" : grantOf(bus) === null ? hex(bus) : grantText(bus);
}

/** `TO_DEVICE mapping of 4096 bytes at 0x1000 (physical 0x2000, list)`. */
export function describe(m: Live): string {
  const where = `${addressText(m.bus)} (physical ${hex(m.phys)}, ${m.kind})`;
  return `${directionNames[m.direction]} mapping of ${plural(m.size, "byte")} at ${where}`;
}
