/** From attachments to what they reach: each table is read once, however many devices share it. */
import { mfn } from "../../../base/frame.js";
import type { MemoryView } from "../../../mem/view.js";
import type { Attachment } from "../../../table/device/attachment.js";
import {
  type Enumerated,
  type EnumerateOptions,
  enumerate,
  enumerateNested,
  FrameSource,
  Ranges,
  type Trouble,
  Troubles,
} from "../../../table/index.js";
import type { TableFrames } from "../table_frames.js";

/** What the tables of one attachment come to. */
export interface Reach {
  /** null: the device is not translated. */
  readonly ranges: Ranges | null;
  readonly troubles: readonly Trouble[];
  /** false: pages may be missing. */
  readonly everyPage: boolean;
}

const nothing: Reach = { ranges: null, troubles: [], everyPage: true };

/** What all tables of an image may cost together; hostile ones would otherwise each take their own limit. */
export interface ReachLimits {
  /** Entries that are looked at. */
  readonly entryCountMax: number;
  /** Ranges that are kept. */
  readonly rangeCountMax: number;
}

const usualLimits: ReachLimits = { entryCountMax: 2 ** 30, rangeCountMax: 2 ** 24 };
/** Of what is left, one table may take this share: the first hostile one does not leave the others unread. */
const shareMax = 1 / 4;

export class ReachReader {
  readonly #memory: FrameSource;
  readonly #tables: TableFrames;
  readonly #done = new Map<string, Reach>();
  #entriesLeft: number;
  #rangesLeft: number;

  /** @param tables is told of every frame that holds page tables of the unit; not of those that a guest keeps */
  constructor(memory: MemoryView, tables: TableFrames, limits: ReachLimits = usualLimits) {
    this.#memory = FrameSource.of(memory);
    this.#tables = tables;
    this.#entriesLeft = limits.entryCountMax;
    this.#rangesLeft = limits.rangeCountMax;
  }

  of(attachment: Attachment): Reach {
    if (attachment.state !== "translated") return nothing;
    const { first, second } = attachment;
    const key = JSON.stringify([first, second]);
    const known = this.#done.get(key);
    if (known !== undefined) return known;
    const reach = this.#read(attachment);
    this.#done.set(key, reach);
    return reach;
  }

  #read({ first, second }: Attachment): Reach {
    const ranges = new Ranges();
    const troubles = new Troubles();
    let everyPage = true;
    const noting: EnumerateOptions["visitTable"] = (frame, count) => {
      for (let n = 0; n < count; n++) this.#tables.add(mfn(frame + n), "page table");
    };
    const own = second === null ? first : [second];
    const below = second !== null && first.length > 0 ? new Ranges() : null;
    for (const root of own) {
      const all = this.#within(below ?? ranges, (limits) =>
        enumerate(this.#memory, root, below ?? ranges, troubles, { ...limits, visitTable: noting }),
      );
      everyPage = all && everyPage;
    }
    for (const root of below === null ? [] : first) {
      const roots = { first: root, second: second! };
      const all = this.#within(ranges, (limits) =>
        enumerateNested(this.#memory, roots, ranges, troubles, { ...limits, second: below! }),
      );
      everyPage = all && everyPage;
    }
    return { ranges, troubles: troubles.list, everyPage };
  }

  /** Read within a share of what is left, and take what was used from it. @returns whether every page was listed */
  #within(ranges: Ranges, read: (limits: EnumerateOptions) => Enumerated): boolean {
    const before = ranges.count;
    const entryCountMax = Math.ceil(this.#entriesLeft * shareMax);
    const { entryCount, everyPage } = read({ entryCountMax, pushCountMax: Math.ceil(this.#rangesLeft * shareMax) });
    this.#entriesLeft -= Math.min(entryCount, this.#entriesLeft);
    this.#rangesLeft -= ranges.count - before;
    return everyPage;
  }
}
