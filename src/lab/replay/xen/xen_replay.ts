/** The Xen half of a replay: the page map beside the events, and what each operation was to it. */
import type { EventBatch } from "../../../read/event.js";
import type { PoolFile } from "../../../read/xen/pool_file.js";
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import type { BufferOnBus } from "../contracts/buffer_on_bus.js";
import type { Mappings } from "../contracts/mappings.js";
import { beginOf, Outcome } from "../contracts/operation.js";
import type { CarriedSink, PageWatch } from "../contracts/sinks.js";
import { CacheCare } from "./cache_care.js";
import { type GrantBook, Grants } from "./grants.js";
import type { Straddle, XenOutcome } from "./outcome.js";
import { Overlaps } from "./overlaps.js";
import { PageMap, type Pages } from "./page_map.js";
import { PageTree } from "./page_tree.js";
import type { PoolFrames } from "./pool_frames.js";
import { TreeGrants } from "./tree_grants.js";
import { comparedAtEnd, comparedWithM2p, treeAtEnd, type XenMachine } from "./xen_machine.js";
import { XenPages } from "./xen_pages.js";

const straddlesMax = 100;
const none = { compared: 0, equal: 0 };
const byAddress = "a page whose bus address is its own is taken for the domain's own, any other for a foreign one";

/** What the replay's end looks like, for the dumps from after it to be compared with. */
export interface ReplayEnd {
  readonly used: number;
  readonly hiwater: number;
  /** By area; empty without a pool. */
  readonly indexes: readonly number[];
  /** Mappings alive that hold slots. */
  readonly living: Iterable<number>;
  readonly recordedRefusals: number;
  readonly listRefusals: number;
  /** False when the pool reported is not the recorded one. */
  readonly comparable: boolean;
}

export class XenReplay implements PageWatch, CarriedSink {
  readonly #maps: Mappings;
  readonly #machine: XenMachine;
  readonly #frames: PoolFrames | null;
  readonly #boundsKnown: boolean;
  readonly #map: Pages;
  readonly #grants: GrantBook;
  readonly #cache: CacheCare | null;
  readonly #overlaps: Overlaps;
  readonly #pages: XenPages;
  readonly #causes = { forced: 0, mask: 0, straddle: 0, small: 0, unknown: 0 };
  readonly #straddles: Straddle[] = [];
  #straddledDirect = 0;

  /** @param boundsKnown whether a dump or the log says where the pool is: where slot sets begin depends on it */
  constructor(maps: Mappings, machine: XenMachine, frames: PoolFrames | null, boundsKnown: boolean) {
    this.#maps = maps;
    this.#boundsKnown = boundsKnown;
    const { before, after, look, owners } = machine;
    this.#machine = machine;
    this.#frames = frames;
    const direct = machine.memory === "direct";
    if (direct) {
      const shown = look.framesShown || look.placesShown;
      const tree = new PageTree({
        before,
        after,
        shown: look.framesShown || look.grantsShown,
        endedFirst: look.endedFirst,
        shifted: look.shifted,
      });
      this.#map = tree;
      this.#grants = shown
        ? new TreeGrants(tree, before, { frames: look.framesShown, ends: look.endsShown })
        : new Grants(tree, before);
      this.#cache = new CacheCare(tree, frames);
    } else {
      this.#map = new PageMap({ before, after, changing: look.changing, grantsShown: look.grantsShown });
      this.#grants = new Grants(this.#map, before);
      this.#cache = null;
    }
    this.#overlaps = new Overlaps(maps, owners, frames, direct);
    this.#pages = new XenPages({
      maps,
      map: this.#map,
      grants: this.#grants,
      owners,
      overlaps: this.#overlaps,
      direct,
    });
  }

  see(b: EventBatch, i: number): void {
    this.#pages.see(b, i);
    this.#cache?.see(b, i);
  }

  locate(m: number, original: number): BufferOnBus {
    const { bounced, address, device, orig, size, hi } = this.#maps;
    if (bounced[m] === 0 && address[m]! >= 0 && this.#frames !== null) {
      if (!Number.isNaN(this.#frames.offsetOf(address[m]!))) bounced[m] = 1;
    }
    const onBus = this.#pages.locate(m, original);
    const isDirect = bounced[m] === 0 && address[m]! >= 0;
    if (onBus.foreign === true && isDirect) this.#cache?.mapped(device[m]!, address[m]!);
    if (onBus.straddles !== true) return onBus;
    // A page map that is wrong here accuses nobody.
    if (isDirect && onBus.predicted === onBus.seen) this.#straddledDirect++;
    if (bounced[m] === 1 && this.#straddles.length < straddlesMax && this.#cause(m, onBus) === "straddle") {
      const frames = this.#pages.framesOf(orig[m]!, size[m]!);
      this.#straddles.push({ time: hi[beginOf(m)]!, device: device[m]!, phys: orig[m]!, size: size[m]!, frames });
    }
    return onBus;
  }

  mapped(m: number): void {
    const { bounced, outcome, onBus } = this.#maps;
    if (bounced[m] === 1 && outcome[m] !== Outcome.unknown) this.#causes[this.#cause(m, onBus[m]!)]++;
  }

  unmapped(): void {
    // What it bounced for was counted when it began.
  }

  released(): void {
    // Entries of a refused list bounced for the same causes as others.
  }

  finish(end: ReplayEnd): XenOutcome {
    const { memory, look, files, poolAfter, after, m2p, before, notes } = this.#machine;
    const frames = this.#frames;
    const pages = this.#pages;
    const p2m = before ?? after;
    return {
      memory,
      files,
      probes: { frames: look.framesShown, grants: look.grantsShown, searches: look.searchesShown },
      addresses: { ...pages.addresses, unknownBecause: pages.unknownBecause(), mismatches: pages.mismatches },
      originals: pages.originals,
      own: pages.own,
      foreign: { ...pages.foreign, domains: pages.domains() },
      grants: {
        mapped: this.#grants.mapped,
        failed: this.#grants.failed,
        unmapped: this.#grants.unmapped,
        notShown: this.#grants.notShown,
        unmappedUnseen: this.#grants.unmappedUnseen,
        aliveBefore: this.#grants.aliveBefore,
        aliveAtEnd: this.#grants.aliveCount,
        alive: this.#grants.alive(),
      },
      regions: pages.regions,
      causes: this.#causes,
      cache: this.#cache?.finish() ?? null,
      straddles: this.#straddles,
      straddledDirect: this.#straddledDirect,
      overlap: {
        maps: this.#overlaps.answered ? this.#overlaps.maps : null,
        frames: this.#overlaps.frames,
        sameNumber: this.#overlaps.sameNumber,
        examples: this.#overlaps.examples,
      },
      slotSets: this.#boundsKnown ? (frames?.sets() ?? null) : null,
      poolFrames:
        frames === null
          ? null
          : { p2m: p2m === null ? { compared: 0, equal: 0 } : frames.compared(p2m), m2p: comparedWithM2p(frames, m2p) },
      searches: look.searchesShown ? { ...pages.searches } : null,
      refusals: { recorded: end.recordedRefusals, lists: end.listRefusals },
      end: {
        pool:
          poolAfter === null || frames === null || !end.comparable
            ? null
            : poolAtEnd(this.#maps, poolAfter, end, frames),
        p2m:
          after === null
            ? null
            : (memory === "direct" ? treeAtEnd : comparedAtEnd)(after, look.changing, (pfn) => {
                const mfn = this.#map.look(pfn);
                return { kind: this.#map.kind, mfn };
              }),
      },
      notes: [...notes, ...this.#notes()],
    };
  }

  /** Why a buffer bounced: by what the kernel said, by its mask, by its frames, in the order in which it tests. */
  #cause(m: number, onBus: BufferOnBus | null): keyof XenOutcome["causes"] {
    const { forced, orig, size, mask } = this.#maps;
    if (forced[m] === 1) return "forced";
    const seen = onBus === null ? orig[m]! : Number.isNaN(onBus.seen) ? onBus.predicted : onBus.seen;
    if (seen + size[m]! - 1 > mask[m]!) return "mask";
    if (onBus?.straddles === true) return "straddle";
    return onBus?.small === true ? "small" : "unknown";
  }

  #notes(): string[] {
    const { memory, look, before, after, m2p } = this.#machine;
    const p2m = before ?? after;
    const frames = this.#frames;
    const { unmappedUnseen, notShown } = this.#grants;
    const notes: string[] = [];
    if (memory === "direct") {
      const shown = look.framesShown || look.grantsShown;
      if (before === null && shown) notes.push(`no tree from before the recording: ${byAddress}`);
      else if (!shown && this.#pages.foreign.maps + this.#pages.foreign.bounced > 0)
        notes.push(`grants are not recorded: ${byAddress}`);
    } else if (before === null && after === null)
      notes.push("no P2M was given: bus addresses of local pages are not predicted");
    else if (before === null) {
      notes.push("no P2M from before the recording: pages that change in it are known only from their first change on");
    }
    const others = frames === null ? [] : [p2m === null ? none : frames.compared(p2m), comparedWithM2p(frames, m2p)];
    if (others.some((o) => o.equal < o.compared)) {
      notes.push("the dumps do not agree on the pool's machine frames: they are not all of this boot");
    }
    if (memory !== "direct" && !look.grantsShown && this.#pages.foreign.maps + this.#pages.foreign.bounced > 0) {
      notes.push("grants are not recorded: foreign pages are told by their frames, their addresses are not predicted");
    }
    if (unmappedUnseen > 0) {
      notes.push(
        `${unmappedUnseen} grants were unmapped that were not seen mapped: before the recording, or among lost events`,
      );
    }
    if (notShown > 0)
      notes.push(
        `${notShown} grants are not shown whole: of batches larger than their probe, or with probes that are missing`,
      );
    return notes;
  }
}

function poolAtEnd(
  { address, size, orig }: Mappings,
  file: PoolFile,
  end: ReplayEnd,
  frames: PoolFrames,
): NonNullable<XenOutcome["end"]["pool"]> {
  const holders = new Map<number, number>();
  for (const m of end.living) {
    const offset = address[m]! >= 0 ? frames.offsetOf(address[m]!) : Number.NaN;
    if (Number.isNaN(offset)) continue;
    const first = Math.floor(offset / slotBytes);
    const last = Math.floor((offset + size[m]! - 1) / slotBytes);
    for (let slot = first; slot <= last; slot++) holders.set(slot, orig[m]! + (slot - first) * slotBytes);
  }
  const told = file.slotsUsed.filter((s) => !Number.isNaN(s.orig));
  return {
    used: [file.used, end.used],
    hiwater: [file.hiwater, end.hiwater],
    index: file.areas.map((area, a) => [area.index, end.indexes[a] ?? Number.NaN]),
    slots: { kernel: told.length, equal: told.filter((s) => holders.get(s.slot) === s.orig).length },
  };
}
