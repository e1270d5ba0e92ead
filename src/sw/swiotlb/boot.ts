/**
 * From `swiotlb=` and the machine to a pool's slots and areas, in the order in which a kernel boots.
 *
 * Each step takes a state and returns the next; what the kernel would print is kept in `log`, why a number changed in
 * `steps`. Source: Linux kernel/dma/swiotlb.c (setup_io_tlb_npages, swiotlb_adjust_nareas, swiotlb_adjust_size,
 * swiotlb_init_remap, swiotlb_init_late), arch/x86/mm/mem_encrypt.c.
 */
import { countWords, plural } from "../../base/count_words.js";
import {
  encryptedBytesMax,
  encryptedPercent,
  pageBytes,
  poolSlotsDefault,
  poolSlotsMin,
  setSlots,
  slotBytes,
} from "../../spec/swiotlb/sizes.js";
import type { BugId } from "./bugs.js";
import {
  allocationFailed,
  areaCount,
  logPrefix,
  noLowMemory,
  onlyAllocated,
  sizeAdjusted,
  sizeRoundedUp,
  slotsAdjusted,
} from "./message.js";

/** `auto`: bounce when a device needs it; `force`: always; `noforce`: never, and there is no pool. */
export type Mode = "auto" | "force" | "noforce";

export interface Boot {
  readonly slots: number;
  /** 0 while nothing has set them. */
  readonly areas: number;
  readonly mode: Mode;
  /** Lines of the kernel's log. */
  readonly log: readonly string[];
  /** Each change of a number, in words. */
  readonly steps: readonly string[];
}

export const bootDefaults: Boot = { slots: poolSlotsDefault, areas: 0, mode: "auto", log: [], steps: [] };

const upTo = (n: number, multiple: number): number => Math.ceil(n / multiple) * multiple;
const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)));

/**
 * At most one area for each slot set, and at least one. (For a pool smaller than a slot set the kernel would come to
 * none; it makes no such pool.)
 */
export function limitAreas(areas: number, slots: number): number {
  return slots < areas * setSlots ? Math.max(1, Math.floor(slots / setSlots)) : areas;
}

/** A step by which a number grew, in words. */
export const roundedUp = (from: number, what: string, to: number): string =>
  `${plural(from, what)} ${from === 1 ? "is" : "are"} rounded up to ${countWords(to)}`;

/** Set the number of areas: rounded up to a power of two, and the pool with it. @param wanted 0 is taken as 1 */
export function adjustAreas(boot: Boot, wanted: number): Boot {
  // The kernel keeps the count in 32 bits and prints it with a sign.
  const areas = powerOfTwo(wanted) % 2 ** 32;
  const steps = [...boot.steps];
  if (areas !== wanted) steps.push(roundedUp(wanted, "area", areas));
  return roundUp({ ...boot, areas, log: [...boot.log, logPrefix + areaCount(areas | 0)], steps }, (slots) =>
    sizeRoundedUp(slots),
  );
}

/** Grow the default pool with memory encryption. Does nothing when the size was set on the command line. */
export function adjustForEncryption(boot: Boot, memoryBytes: number): Boot {
  const bytes = Math.min(
    Math.max(Math.floor((memoryBytes * encryptedPercent) / 100), poolSlotsDefault * slotBytes),
    encryptedBytesMax,
  );
  return adjustSize(boot, bytes, "memory encryption: 6 % of memory between 64 MiB and 1 GiB");
}

/**
 * The pool of an arm64 kernel whose memory lies below 4 GiB, where only small buffers of devices that are not coherent
 * need it: 1 MiB for each GiB. Does nothing when the size was set on the command line.
 * Source: Linux arch/arm64/mm/init.c (arch_mm_preinit), since 6.5.
 */
export function adjustForSmallBuffers(boot: Boot, memoryBytes: number): Boot {
  const bytes = Math.min(Math.ceil(memoryBytes / 1024), poolSlotsDefault * slotBytes);
  return adjustSize(boot, bytes, "arm64 with all memory below 4 GiB: 1 MiB for each GiB");
}

/** A size that is the default's is taken as not set, even where the command line has that very number. */
function adjustSize(boot: Boot, bytes: number, why: string): Boot {
  if (boot.slots !== poolSlotsDefault) return boot;
  const aligned = upTo(bytes, slotBytes);
  const slots = upTo(aligned / slotBytes, setSlots);
  const rounded = roundUp({ ...boot, slots, steps: [...boot.steps, `${why}, ${slots} slots`] }, () => null);
  const size = rounded.slots === slots ? aligned : rounded.slots * slotBytes;
  return { ...rounded, log: [...rounded.log, logPrefix + sizeAdjusted(size)] };
}

/**
 * The pool of early boot: halved until there is room for it in low memory.
 * @param cpus possible CPUs: as many areas, unless the command line has set them
 * @param fits whether memory has so many bytes in one piece
 * @returns the pool, and null for it when there is none.
 */
export function allocateEarly(
  boot: Boot,
  o: {
    readonly cpus: number;
    readonly fits: (bytes: number) => boolean;
    readonly needed: boolean;
    readonly bugs?: readonly BugId[];
  },
): { boot: Boot; pool: { slots: number; areas: number } | null } {
  if (boot.mode === "noforce" || (!o.needed && boot.mode !== "force")) return { boot, pool: null };
  const settled = boot.areas === 0 ? adjustAreas(boot, o.cpus) : boot;
  const log = [...settled.log];
  const steps = [...settled.steps];
  let { slots } = settled;
  const limits = !o.bugs?.includes("areas-not-limited");
  let areas = limits ? limitAreas(settled.areas, slots) : settled.areas;
  const bytes = () => upTo(slots * slotBytes, pageBytes);
  while (slots === 0 || !o.fits(bytes())) {
    log.push(logPrefix + allocationFailed(bytes()));
    if (slots <= poolSlotsMin) return { boot: { ...settled, log, steps }, pool: null };
    slots = upTo(Math.floor(slots / 2), setSlots);
    if (limits) areas = limitAreas(areas, slots);
    steps.push(`no room in one piece: halved to ${slots} slots in ${areas} areas`);
  }
  if (slots !== settled.slots) log.push(logPrefix + slotsAdjusted({ from: settled.slots, to: slots }));
  return { boot: { ...settled, slots, log, steps }, pool: { slots, areas } };
}

/**
 * The pool of late boot, from the page allocator: whole powers of two of pages, halved while above 512 slots.
 * @returns the pool; 0 when one exists or is not wanted; -12 (ENOMEM).
 */
export function allocateLate(
  boot: Boot,
  o: {
    readonly bytes: number;
    readonly cpus: number;
    readonly exists: boolean;
    readonly fits: (bytes: number) => boolean;
  },
): { boot: Boot; pool: { slots: number; areas: number } | 0 | -12 } {
  if (o.exists || boot.mode === "noforce") return { boot, pool: 0 };
  const settled = boot.areas === 0 ? adjustAreas(boot, o.cpus) : boot;
  const wanted = upTo(Math.floor(o.bytes / slotBytes), setSlots);
  let slots = powerOfTwo(Math.max(wanted, pageBytes / slotBytes));
  let halved = false;
  while (slots > poolSlotsMin && !o.fits(slots * slotBytes)) {
    slots /= 2;
    halved = true;
  }
  if (slots <= poolSlotsMin) return { boot: settled, pool: -12 };
  const log = halved ? [...settled.log, logPrefix + onlyAllocated(slots * slotBytes)] : settled.log;
  return { boot: { ...settled, slots, log }, pool: { slots, areas: limitAreas(settled.areas, slots) } };
}

/** What the kernel prints when it looks for a pool and finds none. */
export const noPoolLine = logPrefix + noLowMemory;

/** At least a slot set to each area, and a power of two of slots; only once the areas are known. */
function roundUp(boot: Boot, line: (slots: number) => string | null): Boot {
  if (boot.areas === 0) return boot;
  const least = boot.areas * setSlots;
  const isPower = boot.slots > 0 && Number.isInteger(Math.log2(boot.slots));
  if (boot.slots >= least && isPower) return boot;
  const slots = powerOfTwo(Math.max(boot.slots, least));
  const why =
    boot.slots < least
      ? `${plural(boot.areas, "area")} ${boot.areas === 1 ? "needs" : "need"} ${setSlots} slots each`
      : "a pool is a power of two";
  const said = line(slots);
  return {
    ...boot,
    slots,
    log: said === null ? boot.log : [...boot.log, logPrefix + said],
    steps: [...boot.steps, `${why}: ${roundedUp(boot.slots, "slot", slots)}`],
  };
}
