/**
 * Every run of a universe, breadth first: each state once, so that the first violation is reached in as few steps as any.
 *
 * A state is a row of numbers of contents; a step costs what it changed, since it is taken on the machine itself and taken
 * back by its journal. Nothing is told apart by a hash alone.
 */
import { Misuse } from "../base/assert.js";
import type { Actor } from "../sim/actor.js";
import type { Mark } from "../state/journal.js";
import type { MachineState } from "../state/machine_state.js";
import { Contents } from "./contents.js";
import { auditHidden } from "./hidden_state.js";
import { Rows, share } from "./rows.js";
import { type Choice, tell } from "./told.js";
import type { Limits, Universe, Verdict } from "./universe.js";

/** Told of each step, before and after it is taken. */
export interface Observer {
  before(actor: Actor, choice: number): void;
  after(actor: Actor, label: string): void;
}

export interface Options {
  /** Told now and then how far the search is; it ends the search by throwing. */
  readonly progress?: (states: number, transitions: number, waiting: number) => void;
  readonly observer?: Observer;
  /** Every how many new states one is reached again by its own choices from the start; 100 unless given, 0 for never. */
  readonly auditEvery?: number;
  /** Go on behind a violation, to every other one and to every state. Default false. */
  readonly goesOn?: boolean;
}

const progressEvery = 4096;

/**
 * @param build makes the universe anew, the same each time
 * @throws Misuse `hidden-state` when something that is no declared state decides what happens, and `invariant-writes`.
 */
export function explore(build: () => Universe, limits: Limits, options: Options = {}): Verdict {
  return new Search(build, limits, options).run();
}

class Search {
  readonly #build: () => Universe;
  readonly #limits: Limits;
  readonly #options: Options;
  readonly #universe: Universe;
  readonly #state: MachineState;
  readonly #start: Mark;
  readonly #contents: Contents[] = [];
  readonly #rows: Rows;
  /** Numbers of the contents that the machine holds now, by part. */
  #current: Int32Array;
  /** The row after a step. */
  #next: Int32Array;
  readonly #written: number[] = [];
  #parents = new Int32Array(256);
  /** Actor * 2^16 + choice. */
  #took = new Uint32Array(256);
  #depths = new Int32Array(256);
  #transitions = 0;
  #atRest = 0;
  readonly #seen: Record<string, boolean>;
  #unseen: string[];
  /** The first row that breaks each invariant. */
  readonly #broken = new Map<string, number>();

  constructor(build: () => Universe, limits: Limits, options: Options) {
    this.#build = build;
    this.#limits = limits;
    this.#options = options;
    this.#universe = build();
    this.#state = this.#universe.state;
    this.#state.begin();
    this.#start = this.#state.mark();
    for (const part of this.#state.parts) this.#contents.push(new Contents(part.start));
    const { length } = this.#contents;
    this.#current = new Int32Array(length + 16);
    this.#next = new Int32Array(length + 16);
    this.#rows = new Rows(length);
    this.#unseen = Object.keys(this.#universe.sometimes);
    this.#seen = Object.fromEntries(this.#unseen.map((name) => [name, false]));
  }

  run(): Verdict {
    const begun = performance.now();
    this.#found(-1, 0, 0, 0);
    let at = 0;
    let bounded: Verdict["bounded"] = null;
    for (; at < this.#rows.count && !this.#isOver && bounded === null; at++) {
      this.#load(at);
      this.#stepsFrom(at);
      bounded = this.#limit();
      if (at % progressEvery === 0)
        this.#options.progress?.(this.#rows.count, this.#transitions, this.#rows.count - at);
      const { secondsMax } = this.#limits;
      if (secondsMax !== undefined && performance.now() - begun > secondsMax * 1000)
        bounded ??= { by: "seconds", max: secondsMax };
    }
    const violations = [...this.#broken].map(([invariant, row]) => ({
      invariant,
      steps: tell(this.#build(), this.#choicesTo(row)),
    }));
    return {
      states: this.#rows.count,
      transitions: this.#transitions,
      depth: this.#rows.count === 0 ? 0 : this.#depths[this.#rows.count - 1]!,
      atRest: this.#atRest,
      complete: violations.length === 0 && at === this.#rows.count,
      bounded: !this.#isOver && at < this.#rows.count ? bounded : null,
      violated: violations[0] ?? null,
      violations,
      sometimes: this.#seen,
      bytes: this.#bytes(),
    };
  }

  /** Has the search found what ends it? */
  get #isOver(): boolean {
    return this.#broken.size > 0 && this.#options.goesOn !== true;
  }

  #stepsFrom(row: number): void {
    const { actors } = this.#universe;
    let canStep = false;
    for (let a = 0; a < actors.length; a++) {
      const actor = actors[a]!;
      const count = actor.choices();
      for (let choice = 0; choice < count; choice++) {
        canStep = true;
        this.#take(row, actor, a, choice);
        if (this.#isOver) return;
      }
    }
    if (!canStep) {
      this.#atRest++;
      this.#judge(this.#universe.atRest ?? {}, row);
    }
  }

  #take(row: number, actor: Actor, a: number, choice: number): void {
    const { observer } = this.#options;
    const label = observer === undefined ? "" : actor.label(choice);
    observer?.before(actor, choice);
    actor.step(choice);
    observer?.after(actor, label);
    this.#transitions++;
    this.#state.writtenSince(this.#start, this.#written);
    if (this.#state.parts.length > this.#contents.length) this.#meet();
    let sum = this.#rows.sumOf(row);
    for (const number of this.#written) {
      const part = this.#state.parts[number]!;
      const content = this.#contents[number]!.numberOf(part.words, part.from);
      this.#next[number] = content;
      sum = (sum - share(number, this.#current[number]!) + share(number, content)) | 0;
    }
    const known = this.#rows.count;
    const index = this.#rows.indexOf(this.#next, this.#contents.length, sum);
    if (index === known) this.#found(row, a, choice, index);
    this.#state.undoTo(this.#start);
    for (const number of this.#written) this.#next[number] = this.#current[number]!;
  }

  /** A state that was not seen before stands in the machine. */
  #found(parent: number, actor: number, choice: number, row: number): void {
    if (parent < 0) this.#rows.indexOf(this.#next, this.#contents.length, 0);
    if (row >= this.#parents.length) {
      this.#parents = grown(this.#parents, Int32Array);
      this.#depths = grown(this.#depths, Int32Array);
      this.#took = grown(this.#took, Uint32Array);
    }
    this.#parents[row] = parent;
    this.#took[row] = actor * 65_536 + choice;
    this.#depths[row] = parent < 0 ? 0 : this.#depths[parent]! + 1;
    const every = this.#options.auditEvery ?? 100;
    if (every > 0 && row % every === 0) auditHidden(this.#universe, this.#build(), this.#choicesTo(row));
    this.#judge(this.#universe.always, row);
    if (this.#unseen.length > 0) this.#lookFor();
  }

  #judge(rules: Readonly<Record<string, () => boolean>>, row: number): void {
    const before = this.#state.mark();
    for (const name in rules) {
      if (!this.#isOver && !this.#broken.has(name) && !rules[name]!()) this.#broken.set(name, row);
    }
    if (this.#state.mark() !== before)
      throw new Misuse("invariant-writes", "what must hold only looks; it changed state");
  }

  #lookFor(): void {
    const { sometimes } = this.#universe;
    for (const name of this.#unseen) if (sometimes[name]!()) this.#seen[name] = true;
    this.#unseen = this.#unseen.filter((name) => !this.#seen[name]);
  }

  /** Lines of memory that were written for the first time. */
  #meet(): void {
    const { parts } = this.#state;
    for (let n = this.#contents.length; n < parts.length; n++) this.#contents.push(new Contents(parts[n]!.start));
    while (parts.length > this.#current.length) {
      this.#current = grown(this.#current, Int32Array);
      this.#next = grown(this.#next, Int32Array);
    }
  }

  /** Put a found state into the machine. */
  #load(row: number): void {
    const { parts } = this.#state;
    for (let n = 0; n < this.#contents.length; n++) {
      const content = this.#rows.at(row, n);
      if (content === this.#current[n]) continue;
      this.#contents[n]!.copyTo(content, parts[n]!);
      this.#current[n] = content;
      this.#next[n] = content;
    }
  }

  #choicesTo(row: number): readonly Choice[] {
    const choices: Choice[] = [];
    for (let at = row; this.#parents[at]! >= 0; at = this.#parents[at]!) {
      const took = this.#took[at]!;
      choices.push({ actor: Math.floor(took / 65_536), choice: took % 65_536 });
    }
    return choices.reverse();
  }

  #limit(): Verdict["bounded"] {
    const { statesMax, bytesMax } = this.#limits;
    if (this.#rows.count > statesMax) return { by: "states", max: statesMax };
    if (this.#bytes() > bytesMax) return { by: "bytes", max: bytesMax };
    return null;
  }

  #bytes(): number {
    let sum = this.#rows.bytes + this.#parents.byteLength + this.#took.byteLength + this.#depths.byteLength;
    for (const c of this.#contents) sum += c.bytes;
    return sum;
  }
}

function grown<A extends Int32Array | Uint32Array>(from: A, Of: new (length: number) => A): A {
  const to = new Of(from.length * 2);
  to.set(from);
  return to;
}
