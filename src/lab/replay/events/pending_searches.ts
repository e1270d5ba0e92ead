/**
 * Searches whose outcome has not been seen yet, by task: what a task began earlier and never finished was a list that
 * the kernel refused, for a refused list leaves no event of its own.
 *
 * That is an absence, and shows a refusal only where the outcome would have been recorded: on a CPU that went on writing
 * events, with none lost in between. A driver that tries a list again and again begins with the same buffer each time.
 * Where a probe shows the answers, a list ends with the entry that had none.
 */
import { Context, type EventBatch, failedAddress } from "../../../read/event.js";
import { type Operation, Outcome } from "../contracts/operation.js";
import { releaseSpanMax } from "./release_times.js";

/** Without flags in the recording an older search may still be under way for this long (microseconds). */
const nestedSpanMax = 2000;

/** So many attempts of the same list after one show that it is over: no list repeats the same buffers so often. */
const attemptsAfter = 4;
/** A list may name one page so often (zeros are written from one). */
const entriesAlikeMax = 1024;
/** Fewer searches under way are no list that is tried again and again. */
const retriesMin = 8;

/** The outcome is known; so is the latest moment of the search, unless it was already. */
export function resolve(op: Operation, address: number, time: number, event: number): void {
  op.address = address;
  if (!Number.isNaN(op.hi)) return;
  op.hi = time;
  op.hiEvent = event;
}

/** How long is waited for an outcome: microseconds, and events where the clock does not count time. */
export interface Wait {
  readonly time: number;
  readonly events: number;
}

export class PendingSearches {
  /** Newest last; by CPU for the idle tasks, which share a name. */
  readonly #stacks = new Map<number, Operation[]>();
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
    readonly idle: (task: number) => boolean;
    readonly ticks: () => boolean;
    readonly lastEvents: readonly number[] | null;
  }) {
    this.#idle = o.idle;
    this.#ticks = o.ticks;
    this.#lastEvents = o.lastEvents;
  }

  /** The searches of the task that wrote an event. */
  of(b: EventBatch, i: number): Operation[] {
    const task = b.task[i]!;
    const key = task < 0 || this.#idle(task) ? -1 - b.cpu[i]! : task;
    let stack = this.#stacks.get(key);
    if (stack === undefined) {
      stack = [];
      this.#stacks.set(key, stack);
    }
    return stack;
  }

  /** A probe shows the answer to what the task asked for last. */
  answered(b: EventBatch, i: number): void {
    const last = this.of(b, i).at(-1);
    if (last === undefined || last.context !== b.context[i] || !Number.isNaN(last.answer)) return;
    last.answer = b.dma[i]!;
  }

  /** Events were lost just before this one. */
  lost(event: number): void {
    this.#lostEvent = event;
  }

  /** What this task began before `op` and never finished was refused. */
  refuseOlder(stack: Operation[], below: number, op: Operation, event: number): void {
    if (below <= 0) return;
    const older = stack.splice(0, below);
    const isStale = (o: Operation) =>
      o.context === Context.unknown ? !this.#ticks() && op.at - o.at > nestedSpanMax : o.context === op.context;
    const stale = older.filter(isStale);
    if (stale.length < older.length) stack.unshift(...older.filter((o) => !isStale(o)));
    for (const attempt of attemptsOf(stale)) this.#refuse(attempt, op.lo, event);
  }

  /** Searches that had no outcome for so long, in any task. */
  sweep(now: number, wait: Wait, event: number): void {
    const old = (op: Operation) => (this.#ticks() ? event - op.loEvent > wait.events : now - op.at > wait.time);
    for (const [task, stack] of this.#stacks) {
      if (stack.length > 0 && !old(stack[stack.length - 1]!)) {
        if (stack.length >= retriesMin) this.#sweepRetries(stack, old, event);
        continue;
      }
      for (const attempt of attemptsOf(stack)) this.#refuse(attempt, attempt.at(-1)!.lo + releaseSpanMax, event);
      this.#stacks.delete(task);
    }
  }

  /** The recording has ended: what has no outcome has none that is known. */
  finish(now: number, event: number): void {
    for (const stack of this.#stacks.values()) for (const op of stack) resolve(op, Outcome.unknown, now, event);
    this.#stacks.clear();
  }

  /** Of a list that is still tried, the attempts that are over: those of long ago, and those that others followed. */
  #sweepRetries(stack: Operation[], old: (op: Operation) => boolean, event: number): void {
    const attempts = attemptsOf(stack);
    const later = new Map<string, { count: number; begin: Operation }>();
    const over = new Set<Operation>();
    for (let k = attempts.length - 1; k >= 0; k--) {
      const attempt = attempts[k]!;
      const begin = attempt[0]!;
      const key = `${begin.device} ${begin.context} ${begin.orig} ${begin.size}`;
      const next = later.get(key);
      later.set(key, { count: (next?.count ?? 0) + 1, begin });
      if (next === undefined) continue;
      const enough = attempt.length > 1 ? attemptsAfter : entriesAlikeMax;
      if (next.count < enough && !old(attempt.at(-1)!)) continue;
      this.#refuse(attempt, next.begin.lo, event);
      for (const op of attempt) over.add(op);
    }
    if (over.size === 0) return;
    const left = stack.filter((op) => !over.has(op));
    stack.splice(0, stack.length, ...left);
  }

  /** One list was refused at its last entry, as far as the recording would show that it was not. */
  #refuse(attempt: readonly Operation[], time: number, event: number): void {
    const last = attempt[attempt.length - 1]!;
    const isCut = last.loEvent <= this.#lostEvent || this.#lastEvents?.[last.cpu] === last.loEvent;
    attempt.forEach((op, k) => {
      op.list = true;
      op.listEnd = op === last;
      resolve(op, isCut ? Outcome.unknown : Outcome.refusedList, attempt[k + 1]?.lo ?? Math.max(time, op.lo), event);
    });
  }
}

/** Searches of one task as lists: each of one device and code, up to where it begins again with the same buffer. */
function attemptsOf(ops: readonly Operation[]): Operation[][] {
  const found = split(ops);
  for (let k = 1; k < found.length; k++) {
    if (!isSameBuffer(found[k]![0]!, found[k - 1]![0]!)) continue;
    for (const op of found[k - 1]!) op.retried = true;
    for (const op of found[k]!) op.retried = true;
  }
  return found;
}

function split(ops: readonly Operation[]): Operation[][] {
  const found: Operation[][] = [];
  const open = new Map<number, Operation[]>();
  const before = new Map<number, Operation[]>();
  const begin = (op: Operation, attempt: Operation[]) => {
    const last = open.get(op.context);
    if (last !== undefined) before.set(op.context, last);
    open.set(op.context, attempt);
    found.push(attempt);
  };
  for (const op of ops) {
    const attempt = open.get(op.context);
    const first = attempt?.[0];
    const isOver = attempt?.at(-1)?.answer === failedAddress;
    if (attempt === undefined || first?.device !== op.device || isOver || isSameBuffer(first, op)) {
      begin(op, [op]);
      continue;
    }
    // Beyond what the tries of its own list came to, a buffer that is asked for again began another list.
    const usual = before.get(op.context);
    const next = usual === undefined || !isSameBuffer(usual[0]!, first) ? undefined : attempt[usual.length];
    if (next === undefined || !isSameBuffer(next, op)) {
      attempt.push(op);
      continue;
    }
    begin(next, attempt.splice(usual!.length));
    begin(op, [op]);
  }
  return found;
}

const isSameBuffer = (a: Operation, b: Operation): boolean =>
  a.device === b.device && a.context === b.context && a.orig === b.orig && a.size === b.size;
