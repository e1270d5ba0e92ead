/** The Xen half of a replay: the page map beside the events, and what each operation was to it. */
import type { EventBatch } from "../../../read/event.js";
import type { PoolFile } from "../../../read/xen/pool_file.js";
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import type { BufferOnBus } from "../contracts/buffer_on_bus.js";
import { type Operation, Outcome } from "../contracts/operation.js";
import type { Carried, CarriedSink, PageWatch } from "../contracts/sinks.js";
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
  readonly living: Iterable<Operation>;
  readonly recordedRefusals: number;
  readonly listRefusals: number;
  /** False when the pool reported is not the recorded one. */
  readonly comparable: boolean;
}

export class XenReplay implements PageWatch, CarriedSink {
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
  constructor(machine: XenMachine, frames: PoolFrames | null, boundsKnown: boolean) {
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
    this.#overlaps = new Overlaps(owners, frames, direct);
    this.#pages = new XenPages({ map: this.#map, grants: this.#grants, owners, overlaps: this.#overlaps, direct });
  }

  see(b: EventBatch, i: number): void {
    this.#pages.see(b, i);
    this.#cache?.see(b, i);
  }

  locate(op: Operation, original: number): BufferOnBus {
    if (!op.bounced && op.address >= 0 && !Number.isNaN(this.#frames?.offsetOf(op.address) ?? Number.NaN)) {
      op.bounced = true;
    }
    const onBus = this.#pages.locate(op, original);
    if (onBus.foreign === true && !op.bounced && op.address >= 0) this.#cache?.mapped(op);
    if (onBus.straddles !== true) return onBus;
    if (!op.bounced) {
      // A page map that is wrong here accuses nobody.
      if (op.address >= 0 && onBus.predicted === onBus.seen) this.#straddledDirect++;
    } else if (this.#straddles.length < straddlesMax && cause(op, onBus) === "straddle") {
      const { device, orig: phys, size } = op;
      this.#straddles.push({ time: op.hi, device, phys, size, frames: this.#pages.framesOf(phys, size) });
    }
    return onBus;
  }

  carried({ op }: Carried): void {
    if (op.unmap || !op.bounced || op.address === Outcome.unknown) return;
    this.#causes[cause(op, op.onBus)]++;
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
        pool: poolAfter === null || frames === null || !end.comparable ? null : poolAtEnd(poolAfter, end, frames),
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

/** Why a buffer bounced: by what the kernel said, by its mask, by its frames, in the order in which it tests. */
function cause(op: Operation, onBus: BufferOnBus | null): keyof XenOutcome["causes"] {
  if (op.forced) return "forced";
  const seen = onBus === null ? op.orig : Number.isNaN(onBus.seen) ? onBus.predicted : onBus.seen;
  if (seen + op.size - 1 > op.mask) return "mask";
  if (onBus?.straddles === true) return "straddle";
  return onBus?.small === true ? "small" : "unknown";
}

function poolAtEnd(file: PoolFile, end: ReplayEnd, frames: PoolFrames): NonNullable<XenOutcome["end"]["pool"]> {
  const holders = new Map<number, number>();
  for (const op of end.living) {
    const offset = op.address >= 0 ? frames.offsetOf(op.address) : Number.NaN;
    if (Number.isNaN(offset)) continue;
    const first = Math.floor(offset / slotBytes);
    const last = Math.floor((offset + op.size - 1) / slotBytes);
    for (let slot = first; slot <= last; slot++) holders.set(slot, op.orig + (slot - first) * slotBytes);
  }
  const told = file.slotsUsed.filter((s) => !Number.isNaN(s.orig));
  return {
    used: [file.used, end.used],
    hiwater: [file.hiwater, end.hiwater],
    index: file.areas.map((area, a) => [area.index, end.indexes[a] ?? Number.NaN]),
    slots: { kernel: told.length, equal: told.filter((s) => holders.get(s.slot) === s.orig).length },
  };
}
