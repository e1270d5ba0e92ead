/**
 * The rule of steps: a step makes at most one access that another actor could tell apart, or says why it makes more.
 *
 * A read can be told apart where another actor writes the place; a write where another actor reads or writes it. Readiness
 * is part of the step that it lets go. Found out by exploring with every access watched.
 */
import type { OnAccess } from "../state/live.js";
import type { Part } from "../state/part.js";
import { explore } from "./explore.js";
import type { Limits, Universe, Verdict } from "./universe.js";

/** A step that makes several accesses and does not say why it may. */
export interface CoarseStep {
  readonly actor: string;
  readonly step: string;
  /** "writes memory 0x40", "reads VT-d invalidation queue, tail" ... */
  readonly accesses: readonly string[];
}

/** A place, and who reads and writes it: each actor is a bit. */
interface Use {
  readonly name: string;
  readonly isLine: boolean;
  readers: number;
  writers: number;
}

/** Accesses of one kind of step, each as place number * 2 + (1 for a write). */
interface Taken {
  readonly actor: number;
  readonly step: string;
  readonly ways: Map<string, readonly number[]>;
}

/**
 * @param build is given what its state must be told of accesses with; at most 31 actors
 * @returns the steps that break the rule, and what the search itself found
 */
export function coarseSteps(
  build: (onAccess: OnAccess) => Universe,
  limits: Limits,
): { readonly coarse: readonly CoarseStep[]; readonly verdict: Verdict } {
  const uses: Use[] = [];
  const placeOf = new Map<string, number>();
  const taken = new Map<string, Taken>();
  let now: number[] = [];
  let isWatching = false;
  let self = 0;
  let atomic: string | null = null;
  const onAccess: OnAccess = (part, at, isWrite) => {
    if (isWatching) now.push(place(part, at) * 2 + (isWrite ? 1 : 0));
  };
  const place = (part: Part, at: number): number => {
    const key = part.isLine ? part.name : `${part.name}, word ${at}`;
    const known = placeOf.get(key);
    if (known !== undefined) return known;
    placeOf.set(key, uses.length);
    return uses.push({ name: key, isLine: part.isLine, readers: 0, writers: 0 }) - 1;
  };
  let actors: readonly string[] = [];
  const make = (): Universe => {
    const universe = build(onAccess);
    actors = universe.actors.map((a) => a.name);
    return universe;
  };
  const verdict = explore(make, limits, {
    auditEvery: 0,
    observer: {
      before(actor, choice) {
        now = [];
        self = actors.indexOf(actor.name);
        atomic = actor.atomic?.(choice) ?? null;
        isWatching = true;
        actor.choices();
      },
      after(_, label) {
        isWatching = false;
        const accesses = onlyOnceEachCell(now, uses);
        for (const a of accesses) {
          const use = uses[a >> 1]!;
          if (a % 2 === 1) use.writers |= 1 << self;
          else use.readers |= 1 << self;
        }
        if (atomic !== null || accesses.length < 2) return;
        const key = `${self}:${label}`;
        const known = taken.get(key) ?? { actor: self, step: label, ways: new Map<string, readonly number[]>() };
        known.ways.set(accesses.join(), accesses);
        taken.set(key, known);
      },
    },
  });
  const coarse: CoarseStep[] = [];
  for (const { actor, step, ways } of taken.values()) {
    const others = ~(1 << actor);
    const tellable = (a: number): boolean => {
      const { readers, writers } = uses[a >> 1]!;
      return ((a % 2 === 1 ? readers | writers : writers) & others) !== 0;
    };
    for (const accesses of ways.values()) {
      const seen = accesses.filter(tellable);
      if (seen.length < 2) continue;
      const words = seen.map((a) => `${a % 2 === 1 ? "writes" : "reads"} ${uses[a >> 1]!.name}`);
      coarse.push({ actor: actors[actor]!, step, accesses: words });
      break;
    }
  }
  return { coarse, verdict };
}

/** A step may look at a cell of a record as often as it likes: nobody comes between. Loads of memory count each. */
function onlyOnceEachCell(accesses: readonly number[], uses: readonly Use[]): number[] {
  const kept: number[] = [];
  for (const a of accesses) {
    if (uses[a >> 1]!.isLine || !kept.includes(a)) kept.push(a);
  }
  return kept;
}
