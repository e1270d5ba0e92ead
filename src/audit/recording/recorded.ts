/**
 * Which events this recording has, and of whom: what may be concluded from one that is missing.
 *
 * A mapping without an unmapping is alive only where its unmapping would have left an event. It would not
 * - where the kernel tells drivers that they need not unmap: `dma_need_unmap()` is false for a device that maps
 *   directly, is coherent and never bounced (the same condition under which syncs are skipped);
 * - where events of that kind are switched off, or only one task's, one CPU's or one filter's events were kept.
 *
 * Source: Linux kernel/dma/mapping.c (dma_need_unmap, dma_setup_need_sync), include/linux/dma-mapping.h
 * (dma_dev_need_sync); 5f3b133a23c5 brought it with 6.16, the block layer and NVMe use it since 6.17.
 */
import { countWords } from "../../base/count_words.js";
import { Context, type EventBatch } from "../../read/event.js";
import { MappingKind, Reach } from "./mappings.js";
import { OverTime } from "./over_time.js";

/** Fewer events than this do not show that a recording is of a single task. */
const fewEvents = 50;
/** An unmapping in so many may lack its mapping (lists of an unknown length, clocks of CPUs) and prove nothing. */
const strangersShare = 0.02;
const strangersMin = 3;
/** Lines in so many that were cut out may have been all mappings of a device. */
const absentShare = 0.01;

export class Recorded {
  /** Ends seen of each `MappingKind`, in the whole recording. */
  readonly ends = [0, 0, 0];
  /** Devices that were seen to sync or to bounce: drivers must unmap what they map for these. */
  readonly #mustUnmap: boolean[] = [];
  /** Unmappings of each device, and those of them that name what was never seen mapped. */
  readonly #unmaps: OverTime[] = [];
  readonly #strangers: OverTime[] = [];
  /** The kernel is known to be one whose drivers always unmap. */
  readonly #alwaysUnmaps: boolean;
  readonly #kernel: string | null;
  readonly foreignBus: boolean;
  readonly #lossesStated: boolean;
  readonly #holes: () => string | null;
  readonly #absent: () => number;
  /** Two of each device's differences between bus and physical address, and whether there are more. */
  readonly #offsets: { first: number; second: number; more: boolean }[] = [];
  #events = 0;
  #first = -1;
  #second = -1;
  #manyTasks = false;

  /**
   * @param o.kernel       its release; null when nothing says it
   * @param o.foreignBus   whether bus addresses are a hypervisor's: nothing is mapped directly then
   * @param o.lossesStated whether the recording says what it lost
   * @param o.absent       entries that its header counts and it has not
   * @param o.holes        why events may be missing anywhere, when all is read; null where nothing tells of that
   */
  constructor(o: {
    readonly kernel: string | null;
    readonly foreignBus: boolean;
    readonly lossesStated: boolean;
    readonly holes?: () => string | null;
    readonly absent?: () => number;
  }) {
    const { kernel } = o;
    this.#kernel = kernel;
    this.foreignBus = o.foreignBus;
    this.#lossesStated = o.lossesStated;
    this.#holes = o.holes ?? (() => null);
    this.#absent = o.absent ?? (() => 0);
    this.#alwaysUnmaps = kernel !== null && driversAlwaysUnmap(kernel);
  }

  /** Whose events there are: a whole machine's, or those of one task. @param isIdle of the task's number */
  written(batch: EventBatch, i: number, isIdle: (task: number) => boolean): void {
    this.#events++;
    if (this.#manyTasks) return;
    const task = batch.task[i]!;
    const unknown = task < 0 && batch.context[i] === Context.unknown;
    if (unknown || isIdle(task)) this.#manyTasks = true;
    else if (this.#first === -1 || task === this.#first) this.#first = task;
    else if (this.#second === -1 || task === this.#second) this.#second = task;
    else this.#manyTasks = true;
  }

  /** A mapping lies at `dma` - `phys` bytes from its memory: where that varies, something translates. */
  offset(device: number, bytes: number): void {
    const known = this.#offsets[device + 1];
    if (known === undefined) this.#offsets[device + 1] = { first: bytes, second: bytes, more: false };
    else if (bytes === known.first || bytes === known.second || known.more) return;
    else if (known.second === known.first) known.second = bytes;
    else known.more = true;
  }

  mustUnmap(device: number): void {
    if (device >= 0) this.#mustUnmap[device] = true;
  }

  unmapped(device: number, kind: MappingKind, time: number): void {
    this.ends[kind]!++;
    (this.#unmaps[device + 1] ??= new OverTime()).add(time);
  }

  /** An unmapping or a sync of what was never seen mapped. */
  stranger(device: number, time: number): void {
    (this.#strangers[device + 1] ??= new OverTime()).add(time);
  }

  /** When the device last unmapped something, microseconds; NaN when it never did. */
  lastEnd(device: number): number {
    return this.#unmaps[device + 1]?.last ?? Number.NaN;
  }

  /** Why an end of such a mapping may have left no event; null where it would have left one. */
  endsMissing(device: number, kind: MappingKind, reach: Reach): string | null {
    if (this.#ofOneTask) return oneTask;
    const holes = this.#holes();
    if (holes !== null) return holes;
    if (this.ends[kind] === 0) return noEnds[kind]!;
    if (kind !== MappingKind.single || !this.#mayBeDirect(device, reach)) return null;
    if (this.#alwaysUnmaps || this.#mustUnmap[device] === true) return null;
    const which =
      this.#kernel === null ? "Kernels from 6.16 on tell drivers" : `This kernel (${this.#kernel}) may tell drivers`;
    return `${which} that a direct mapping needs no unmapping (dma_need_unmap), and then no event is written`;
  }

  /**
   * Why mappings of the device may have left no event; null where they all did, as far as its unmappings tell. What was
   * mapped before the recording is unmapped in the earlier half of them.
   */
  mapsMissing(device: number): string | null {
    if (this.#ofOneTask) return oneTask;
    if (!this.#lossesStated) return lossesUnstated;
    const incomplete = this.#incomplete;
    if (incomplete !== null) return incomplete;
    const all = this.#unmaps[device + 1];
    const middle = all === undefined ? Number.NaN : all.first + (all.last - all.first) / 2;
    const strangers = this.#strangers[device + 1]?.since(middle) ?? 0;
    const unmaps = all?.since(middle) ?? 0;
    if (strangers < strangersMin || strangers <= unmaps * strangersShare) return null;
    return (
      `${strangers} unmappings and syncs in the later half of its time name what was never seen mapped: not all mappings of the ` +
      "device left an event"
    );
  }

  #mayBeDirect(device: number, reach: Reach): boolean {
    if (reach === Reach.unknown) return !this.foreignBus && this.#offsets[device + 1]?.more !== true;
    return reach === Reach.direct;
  }

  /** Why events of others than those that are there may be missing throughout; null where they are not. */
  othersMissing(): string | null {
    if (this.#ofOneTask) return oneTask;
    return this.#lossesStated ? this.#incomplete : lossesUnstated;
  }

  /** What cannot be read of it, or was cut out: too much for what relies on all being there. */
  get #incomplete(): string | null {
    const absent = this.#absent();
    return this.#holes() ?? (absent > this.#events * absentShare ? absentWords(absent) : null);
  }

  get #ofOneTask(): boolean {
    return !this.#manyTasks && this.#events >= fewEvents;
  }
}

const oneTask =
  "Every event was written by one or two tasks and none by an idle CPU: the recording seems to leave out the others";

const absentWords = (absent: number): string =>
  `${countWords(absent)} entries that the recording's header counts are not in it: they were filtered or cut out, and may ` +
  "have been mappings";

const lossesUnstated =
  "The text of perf script does not say which events were lost, and one that is missing would look the same";

const noEnds: Readonly<Record<MappingKind, string>> = {
  [MappingKind.single]: "No dma_unmap event is in the recording",
  [MappingKind.list]: "No dma_unmap_sg event is in the recording",
  [MappingKind.coherent]: "No dma_free event is in the recording",
};

/** Releases of distributors that carry interfaces of later kernels. */
const backports = /\.el\d|\.amzn|\.uek|-default\b|\.fc\d\d.*eln/;

/** Whether the release is from before 6.16 and of a kernel that takes no interfaces from later ones. */
export function driversAlwaysUnmap(release: string): boolean {
  const [, major, minor] = /^(\d{1,3})\.(\d{1,4})/.exec(release) ?? [];
  if (major === undefined || backports.test(release)) return false;
  return Number(major) < 6 || (Number(major) === 6 && Number(minor) < 16);
}
