/**
 * Searches whose outcome has not been seen yet, by task: what a task began earlier and never finished was a list that
 * the kernel refused, for a refused list leaves no event of its own.
 *
 * That is an absence, and shows a refusal only where the outcome would have been recorded: on a CPU that went on writing
 * events, with none lost in between. A driver that tries a list again and again begins with the same buffer each time.
 * Where a probe shows the answers, a list ends with the entry that had none.
 */
import { Context, type EventBatch } from "../../../read/event.js";
import type { Mappings } from "../contracts/mappings.js";
import { beginOf, none, Outcome } from "../contracts/operation.js";
import { attemptsOf } from "./attempts.js";
import { releaseSpanMax } from "./release_times.js";

/** Without flags in the recording an older search may still be under way for this long (microseconds). */
const nestedSpanMax = 2000;

/** So many attempts of the same list after one show that it is over: no list repeats the same buffers so often. */
const attemptsAfter = 4;
/** A list may name one page so often (zeros are written from one). */
const entriesAlikeMax = 1024;
/** Fewer searches under way are no list that is tried again and again. */
const retriesMin = 8;

/** How long is waited for an outcome: microseconds, and events where the clock does not count time. */
export interface Wait {
  readonly time: number;
  readonly events: number;
}

export class PendingSearches {
  readonly #maps: Mappings;
  /** Newest last; by CPU for the idle tasks, which share a name. */
  readonly #stacks = new Map<number, number[]>();
  readonly #idle: (task: number) => boolean;
  readonly #ticks: () => boolean;
  readonly #lastEvents: readonly number[] | null;
  /** What began before this event may have ended among events that were lost. */
  #lostEvent = -1;

  /**
   * @param o.idle       whether a task's number is that of an idle task
   * @param o.ticks      whether the clock counts something else than time
   * @param o.lastEvents number of each CPU's last event; null where it is not known yet
   */
  constructor(o: {
    readonly maps: Mappings;
    readonly idle: (task: number) => boolean;
    readonly ticks: () => boolean;
    readonly lastEvents: readonly number[] | null;
  }) {
    this.#maps = o.maps;
    this.#idle = o.idle;
    this.#ticks = o.ticks;
    this.#lastEvents = o.lastEvents;
  }

  /** The searches of the task that wrote an event. */
  of(b: EventBatch, i: number): number[] {
    const task = b.task[i]!;
    const key = task < 0 || this.#idle(task) ? -1 - b.cpu[i]! : task;
    let stack = this.#stacks.get(key);
    if (stack === undefined) {
      stack = [];
      this.#stacks.set(key, stack);
    }
    return stack;
  }

  /** Its outcome was found: it waits no longer. */
  remove(stack: number[], at: number): void {
    for (let k = at + 1; k < stack.length; k++) stack[k - 1] = stack[k]!;
    stack.pop();
  }

  /** A probe shows the answer to what the task asked for last. */
  answered(b: EventBatch, i: number): void {
    const { context, answer } = this.#maps;
    const last = this.of(b, i).at(-1);
    if (last === undefined || context[last] !== b.context[i] || !Number.isNaN(answer[last]!)) return;
    answer[last] = b.dma[i]!;
  }

  /** Events were lost just before this one. */
  lost(event: number): void {
    this.#lostEvent = event;
  }

  /** What this task began before mapping `m` and never finished was refused. */
  refuseOlder(stack: number[], below: number, m: number, event: number): void {
    if (below <= 0) return;
    const { context, time } = this.#maps;
    const older = stack.splice(0, below);
    const isStale = (o: number) =>
      context[o] === Context.unknown
        ? !this.#ticks() && time[m]! - time[o]! > nestedSpanMax
        : context[o] === context[m];
    const stale = older.filter(isStale);
    if (stale.length < older.length) stack.unshift(...older.filter((o) => !isStale(o)));
    for (const attempt of attemptsOf(this.#maps, stale)) this.#refuse(attempt, time[m]!, event);
  }

  /** Searches that had no outcome for so long, in any task. */
  sweep(now: number, wait: Wait, event: number): void {
    const { time, loEvent } = this.#maps;
    const old = (m: number) =>
      this.#ticks() ? event - loEvent[beginOf(m)]! > wait.events : now - time[m]! > wait.time;
    for (const [task, stack] of this.#stacks) {
      if (stack.length > 0 && !old(stack[stack.length - 1]!)) {
        if (stack.length >= retriesMin) this.#sweepRetries(stack, old, event);
        continue;
      }
      for (const attempt of attemptsOf(this.#maps, stack)) {
        this.#refuse(attempt, time[attempt.at(-1)!]! + releaseSpanMax, event);
      }
      this.#stacks.delete(task);
    }
  }

  /** The recording has ended: what has no outcome has none that is known. */
  finish(now: number, event: number): void {
    for (const stack of this.#stacks.values()) for (const m of stack) this.#resolve(m, Outcome.unknown, now, event);
    this.#stacks.clear();
  }

  /** Of a list that is still tried, the attempts that are over: those of long ago, and those that others followed. */
  #sweepRetries(stack: number[], old: (m: number) => boolean, event: number): void {
    const { device, context, orig, size, time } = this.#maps;
    const attempts = attemptsOf(this.#maps, stack);
    const later = new Map<string, { count: number; begin: number }>();
    const over = new Set<number>();
    for (let k = attempts.length - 1; k >= 0; k--) {
      const attempt = attempts[k]!;
      const begin = attempt[0]!;
      const key = `${device[begin]} ${context[begin]} ${orig[begin]} ${size[begin]}`;
      const next = later.get(key);
      later.set(key, { count: (next?.count ?? 0) + 1, begin });
      if (next === undefined) continue;
      const enough = attempt.length > 1 ? attemptsAfter : entriesAlikeMax;
      if (next.count < enough && !old(attempt.at(-1)!)) continue;
      this.#refuse(attempt, time[next.begin]!, event);
      for (const m of attempt) over.add(m);
    }
    if (over.size === 0) return;
    const left = stack.filter((m) => !over.has(m));
    stack.splice(0, stack.length, ...left);
  }

  /** One list was refused at its last entry, as far as the recording would show that it was not. */
  #refuse(attempt: readonly number[], until: number, event: number): void {
    const { cpu, time, loEvent, list, listEnd } = this.#maps;
    const last = attempt[attempt.length - 1]!;
    const lastEvent = loEvent[beginOf(last)]!;
    const isCut = lastEvent <= this.#lostEvent || this.#lastEvents?.[cpu[last]!] === lastEvent;
    const outcome = isCut ? Outcome.unknown : Outcome.refusedList;
    for (let k = 0; k < attempt.length; k++) {
      const m = attempt[k]!,
        next = attempt[k + 1] ?? none;
      list[m] = 1;
      listEnd[m] = m === last ? 1 : 0;
      this.#resolve(m, outcome, next === none ? Math.max(until, time[m]!) : time[next]!, event);
    }
  }

  #resolve(m: number, outcome: Outcome, time: number, event: number): void {
    this.#maps.resolve(m, outcome, time, event);
    this.#maps.drop(m);
  }
}
