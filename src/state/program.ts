/**
 * A protocol as a program of named steps. Between two steps any other actor may come; inside a step none can.
 *
 * A program's locals are a record, its position is a cell of that record: nothing of it hides in a stack frame.
 */
import { assert, Broken } from "../base/assert.js";
import type { MachineState } from "./machine_state.js";
import { type Cell, cell, type Drafts, type Live, record } from "./record.js";

/** What a step returns when nothing comes after it. */
export const end = Symbol("end");
export type Next<Name extends string> = Name | typeof end;

export interface Step<Env, D extends Drafts, Name extends string> {
  /** May it be taken now? Only looks. Left out: always. */
  readonly when?: (env: Env, s: Live<D>) => boolean;
  /** In how many ways can it be taken; each is a choice. Left out: one. */
  readonly ways?: (env: Env, s: Live<D>) => number;
  /** Why this step may do more than one thing that another actor could tell apart. */
  readonly atomic?: string;
  readonly does: (env: Env, s: Live<D>, way: number) => Next<Name>;
}

/** One running program: an actor. */
export interface Running {
  readonly name: string;
  choices(): number;
  step(choice: number): void;
  label(choice: number): string;
  atomic(choice: number): string | null;
  /** True once it came to its end. */
  readonly isDone: boolean;
}

export interface Program<Env, D extends Drafts> {
  readonly name: string;
  readonly stepNames: readonly string[];
  /**
   * Place a program in a machine, before its first step.
   * @param env what its steps reach: ports and other components, never state of their own
   */
  start(state: MachineState, env: Env, name?: string): Running & { readonly locals: Live<D> };
}

/** The cell of every program that says which step comes next. */
type Position = { readonly position: Cell };

/**
 * Declare a program: `program<Env>()("strict unmap", { ...locals }, { clear: ..., post: ... })`. It begins with the first
 * step; a step returns the name of the one that follows, or `end`.
 */
export function program<Env>() {
  return <const D extends Drafts, const Name extends string>(
    name: string,
    locals: D,
    steps: { readonly [K in Name]: Step<Env, D, NoInfer<Name>> },
  ): Program<Env, D> => {
    const stepNames = Object.keys(steps) as Name[];
    const list = stepNames.map((n) => steps[n]);
    const indexOf = new Map<string, number>(stepNames.map((n, i) => [n, i]));
    assert(list.length > 0, `${name}: a program has steps`);
    const type = record(name, { position: cell("the step that comes next") as Cell, ...locals } as Position & D);
    return {
      name,
      stepNames,
      start(state, env, as = name) {
        const s = state.place(type, as) as unknown as Live<D> & { position: number };
        return {
          name: as,
          locals: s,
          get isDone() {
            return s.position === list.length;
          },
          choices() {
            const next = list[s.position];
            if (next === undefined || next.when?.(env, s) === false) return 0;
            return next.ways?.(env, s) ?? 1;
          },
          step(choice) {
            const next = list[s.position];
            assert(next !== undefined, `${as}: no step after the end`);
            const then = next.does(env, s, choice);
            s.position = then === end ? list.length : (indexOf.get(then) ?? unknownStep(as, then));
          },
          label(choice) {
            const at = stepNames[s.position] ?? "end";
            const ways = list[s.position]?.ways?.(env, s) ?? 1;
            return ways > 1 ? `${at}, way ${choice + 1} of ${ways}` : at;
          },
          atomic: () => list[s.position]?.atomic ?? null,
        };
      },
    };
  };
}

function unknownStep(name: string, step: string): never {
  throw new Broken(`${name} has no step ${step}`);
}
