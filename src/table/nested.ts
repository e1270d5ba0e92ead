/**
 * Two stages: the tables of the first are read through the second, and what the first gives is translated once more.
 */
import type { Mfn } from "../base/frame.js";
import type { MemoryView, ReadonlyWords } from "../mem/view.js";
import { type Enumerated, type EnumerateOptions, enumerate, pushCountMaxDefault } from "./enumerate.js";
import { inSecondStage, onFirstStageTable } from "./fault.js";
import { FrameSource } from "./frame_source.js";
import type { LeafSink } from "./leaf_sink.js";
import { inputPlan, planOf, type WalkPlan } from "./plan.js";
import { Ranges } from "./ranges.js";
import type { Allow, TableRoot } from "./root.js";
import type { Troubles } from "./trouble.js";
import { walk } from "./walk.js";

/** Both tables of a nested translation. */
export interface NestedRoots {
  /** Its addresses, and those in its entries, are inputs of the second. */
  readonly first: TableRoot;
  readonly second: TableRoot;
}

/** Memory as the first stage sees it: frames are inputs of a second-stage table. */
export class NestedView implements MemoryView {
  readonly #memory: FrameSource;
  readonly #second: TableRoot;
  readonly #plan: WalkPlan;
  /** The second stage's fault of the last frame that it refused; 0 when it was memory that did not hold it. */
  lastFault = 0;

  constructor(memory: MemoryView, second: TableRoot) {
    this.#memory = FrameSource.of(memory);
    this.#second = second;
    this.#plan = planOf(second);
  }

  /** @returns undefined also where the second stage refuses a read. */
  frame(m: Mfn): ReadonlyWords | undefined {
    const at = walk(this.#plan, this.#memory, this.#second.address, m, 1);
    this.lastFault = Math.min(at, 0);
    return at < 0 ? undefined : this.#memory.frame(at as Mfn);
  }
}

/** Walks one pair of tables; keeps the first stage's frames at hand. */
export class NestedWalker {
  readonly #roots: NestedRoots;
  readonly #memory: FrameSource;
  readonly #view: NestedView;
  readonly #firstMemory: FrameSource;
  readonly #first: WalkPlan;
  readonly #second: WalkPlan;

  constructor(memory: MemoryView, roots: NestedRoots) {
    this.#roots = roots;
    this.#memory = FrameSource.of(memory);
    this.#view = new NestedView(this.#memory, roots.second);
    this.#firstMemory = new FrameSource(this.#view);
    this.#first = inputPlan(roots.first);
    this.#second = planOf(roots.second);
  }

  /** As `walk`; a fault of the second stage is offset by `inSecondStage` or `onFirstStageTable`. */
  walk(dfn: number, need: number): number {
    this.#view.lastFault = 0;
    const middle = walk(this.#first, this.#firstMemory, this.#roots.first.address, dfn, need);
    if (middle < 0) return this.#view.lastFault < 0 ? onFirstStageTable + this.#view.lastFault : middle;
    const end = walk(this.#second, this.#memory, this.#roots.second.address, middle, need);
    return end < 0 ? inSecondStage + end : end;
  }
}

/**
 * Every piece of the first stage's leaves that the second stage lets through, in ascending order of input address.
 *
 * A first-stage leaf counts once, when any of it is let through. Each stage takes the limits for itself; the pieces of
 * the second stage that first-stage leaves are held against are limited as calls of the sink are.
 * @param second the second stage's leaves, when they were enumerated before; what was missing then is missing here, and
 *   the result does not say so
 */
export function enumerateNested(
  memory: MemoryView,
  roots: NestedRoots,
  sink: LeafSink,
  troubles: Troubles,
  options: EnumerateOptions & { readonly second?: Ranges } = {},
): Enumerated {
  const source = FrameSource.of(memory);
  const { second: given, ...rest } = options;
  const second = given ?? new Ranges();
  const below = given === undefined ? enumerate(source, roots.second, second, troubles, rest) : null;
  const view = new NestedView(source, roots.second);
  const pieceCountMax = options.pushCountMax ?? pushCountMaxDefault;
  const composed = new Composed(second, sink, pieceCountMax);
  const above = enumerate(view, roots.first, composed, troubles, { ...rest, outputIsInput: true });
  if (composed.cutAt !== null) {
    const what = `${pieceCountMax} pieces of the second stage were looked at: the rest of the table was left out`;
    const at = { entryAt: roots.first.address, value: "0x0", iova: composed.cutAt, level: roots.first.level };
    troubles.add({ kind: "limit", ...at, what });
  }
  const whole = composed.cutAt === null;
  return {
    entryCount: above.entryCount + (below?.entryCount ?? 0),
    tableCount: above.tableCount + (below?.tableCount ?? 0),
    complete: above.complete && whole && below?.complete !== false,
    // A piece that the second stage's answer lacks at one address may be the only one that the first stage leads to.
    everyPage: above.everyPage && whole && below?.complete !== false,
  };
}

/** Cuts first-stage leaves along the ranges of the second stage. */
class Composed implements LeafSink {
  /** Input address from which on nothing was composed, because too many pieces came before; null when all was. */
  cutAt: number | null = null;
  readonly #second: Ranges;
  readonly #sink: LeafSink;
  #piecesLeft: number;

  constructor(second: Ranges, sink: LeafSink, pieceCountMax: number) {
    this.#second = second;
    this.#sink = sink;
    this.#piecesLeft = pieceCountMax;
  }

  push(iova: number, middle: number, bytes: number, allow: Allow, leaves: number): void {
    if (this.cutAt !== null) return;
    const { count, iova: from, bytes: lengths, paddr, allow: allows } = this.#second;
    const leafBytes = leaves === 0 ? bytes : bytes / leaves;
    let counted = leaves === 0 ? 1 : 0;
    for (let row = this.#firstRow(middle); row < count && from[row]! < middle + bytes; row++) {
      const begin = Math.max(from[row]!, middle);
      if (--this.#piecesLeft < 0) {
        this.cutAt = iova + begin - middle;
        return;
      }
      const end = Math.min(from[row]! + lengths[row]!, middle + bytes);
      const both = (allow & allows[row]!) as Allow;
      if (end <= begin || both === 0) continue;
      const last = Math.ceil((end - middle) / leafBytes);
      const first = Math.max(counted, Math.floor((begin - middle) / leafBytes));
      this.#sink.push(
        iova + begin - middle,
        paddr[row]! + begin - from[row]!,
        end - begin,
        both,
        Math.max(last - first, 0),
      );
      counted = Math.max(counted, last);
    }
  }

  /** The first row that ends above an address. */
  #firstRow(at: number): number {
    const { count, iova, bytes } = this.#second;
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (iova[middle]! + bytes[middle]! > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
