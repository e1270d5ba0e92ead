/**
 * One replacement as it is played: stores and commands of a way, one after the other, with accesses of the device before,
 * between and after them.
 */
import type { Rng } from "../../../src/base/rng.js";
import type { ReplaceStep } from "../../../src/sw/iommu/entry/sequences/sequence.js";
import type { Act } from "../program/twin.js";
import type { Access } from "./ends.js";
import { tagOf } from "./may_hold.js";
import { type PageKind, pageKinds } from "./pages.js";
import type { Asked, ReplacedUnit } from "./replaced_unit.js";
import type { Explored } from "./ways.js";

export type Phase = "before" | "during" | "after";

export interface Dma extends Access {
  readonly kind: "dma";
  readonly page: PageKind;
  readonly phase: Phase;
  /** Its own 8 bytes, of the device's buffer and of each page: no access meets what another left. */
  readonly slot: number;
}
/** A store, or commands: how they are asked for. */
interface Done {
  readonly kind: "acts";
  readonly acts: readonly Act[];
  readonly commands: readonly Uint32Array[];
  /** From here on the unit has nothing of the entry but as it stands. */
  readonly forgetsEntry: boolean;
  /** Nor any translation under this tag. */
  readonly forgetsTag: string | null;
}
export type Event = Done | Dma;

export interface Script {
  readonly explored: Explored;
  readonly events: readonly Event[];
  /** After the last event: what the device asks for passes as it is. */
  readonly home: readonly Act[];
}

/** Slots of 8 bytes, of which an edu's buffer has twice as many. */
export const slotCount = 256;
export const slotBytes = 8;

/** What is done of the steps of a way: less, or in another order, to see that it is noticed. */
export type Edit = (steps: readonly ReplaceStep[]) => readonly ReplaceStep[];

export function scriptOf(replaced: ReplacedUnit, explored: Explored, rng: Rng, edit: Edit = (steps) => steps): Script {
  const { unit, of, entryAt, pages } = replaced;
  const events: Event[] = [];
  let slot = 0;
  const dma = (phase: Phase, page: PageKind, write: boolean) => {
    if (slot === slotCount) return;
    const address = pages.at(page) + slot * slotBytes;
    events.push({ kind: "dma", phase, page, address, write, slot: slot++ });
  };
  const some = (phase: Phase, most: number) => {
    for (let n = 1 + rng.below(most); n > 0; n--)
      dma(phase, pageKinds[rng.below(pageKinds.length)]!, rng.below(2) === 1);
  };
  const old: Act = { kind: "store", address: entryAt, words: of.entry(explored.way.from, "old") };
  events.push(done([...replaced.away, old]), asked(unit, replaced.forgetAll, { forgetsEntry: true }));
  some("before", 4);
  const parts = edit(explored.table.steps).flatMap((step) => partsOf(replaced, explored, rng, step));
  for (const [n, part] of parts.entries()) {
    events.push(part);
    // Mostly one: some ways have twenty steps.
    if (n + 1 === parts.length) some("after", 4);
    else some("during", rng.below(3) === 0 ? 2 : 1);
  }
  return { explored, events, home: [...replaced.home, ...unit.asking(replaced.forgetAll)] };
}

const nothing = { forgetsEntry: false, forgetsTag: null } as const;
const done = (acts: readonly Act[]): Done => ({ kind: "acts", acts, commands: [], ...nothing });
const asked = (unit: Asked, commands: readonly Uint32Array[], forgets: Partial<Done>): Done => ({
  ...{ kind: "acts", acts: unit.asking(commands), commands },
  ...nothing,
  ...forgets,
});

/** A store; or commands one by one, each waited for. */
function partsOf(replaced: ReplacedUnit, explored: Explored, rng: Rng, step: ReplaceStep): readonly Done[] {
  const { unit, entryAt, forgetEntry } = replaced;
  if (step.kind === "store") return [done([{ kind: "store", address: entryAt + step.word * 4, words: step.words }])];
  if (step.kind === "flush") {
    const entry = explored.tagged(step.tag);
    const flush = replaced.forgetTag(entry);
    const forgetsTag = tagOf(replaced, entry);
    return flush.map((command, n) => asked(unit, [command], n === flush.length - 1 ? { forgetsTag } : {}));
  }
  const forget = forgetEntry[rng.below(forgetEntry.length)]!;
  return [...forget, ...replaced.drain].map((command, n) =>
    asked(unit, [command], { forgetsEntry: n === forget.length - 1 }),
  );
}
