/**
 * Every order of the steps of a few actors, shortest first, each from a fresh world.
 *
 * Programs are generators and cannot be copied, so an order is run again for each of its beginnings; worlds are small.
 */
import type { World } from "./demonstration.js";

export interface Taken {
  readonly actor: string;
  readonly said: string;
}

export interface Searched {
  /** The shortest run that breaks the rule: its steps and how; null when none does. */
  readonly broken: { readonly steps: readonly Taken[]; readonly how: string } | null;
  /** Worlds that were run; steps that were taken, where states were searched. */
  readonly runs: number;
  /** Orders that came to their end; ends that were reached, where states were searched. */
  readonly orders: number;
  /** Different states that were reached; null where whole orders were run. */
  readonly states: number | null;
  /** Every order was seen; false when the limit came first or a break ended the search. */
  readonly complete: boolean;
  /** The steps of the first order that came to its end. */
  readonly first: readonly Taken[];
}

export const runsMax = 20_000;
const stepsMax = 10_000;

/** @throws RangeError when one order has more steps than any demonstration needs */
export function searchShortest(make: () => World): Searched {
  let frontier: (readonly number[])[] = [[]];
  let runs = 0;
  let orders = 0;
  let first: readonly Taken[] = [];
  while (frontier.length > 0) {
    const next: (readonly number[])[] = [];
    for (const order of frontier) {
      if (runs >= runsMax) return { broken: null, runs, orders, states: null, complete: false, first };
      runs++;
      const at = follow(make(), order);
      if (at.how !== null)
        return { broken: { steps: at.steps, how: at.how }, runs, orders, states: null, complete: false, first };
      if (at.open.length === 0 && orders++ === 0) first = at.steps;
      for (const n of at.open) next.push([...order, n]);
    }
    frontier = next;
    if ((frontier[0]?.length ?? 0) > stepsMax) throw new RangeError("a demonstration has no end");
  }
  return { broken: null, runs, orders, states: null, complete: true, first };
}

/** Let actors step in an order; one actor alone is run on to its end, since nobody can come between. */
function follow(world: World, order: readonly number[]) {
  const steps: Taken[] = [];
  const open = new Set(world.actors.keys());
  let how: string | null = null;
  const take = (n: number): void => {
    const { name, program } = world.actors[n]!;
    const { value, done } = program.next();
    if (done === true) open.delete(n);
    const said =
      done === true ? (typeof value === "string" ? value : null) : typeof value === "string" ? value : value.said;
    if (said !== null) steps.push({ actor: name, said });
    const judged = done !== true && typeof value !== "string" ? value.broken : null;
    how = judged ?? world.broken?.() ?? null;
  };
  for (const n of order) {
    take(n);
    if (how !== null) return { steps, open: [], how };
  }
  if (world.actors.length === 1) {
    for (let k = 0; open.size > 0 && how === null; k++) {
      if (k > stepsMax) throw new RangeError("a demonstration has no end");
      take(0);
    }
  }
  return { steps, open: how === null ? [...open] : [], how };
}
