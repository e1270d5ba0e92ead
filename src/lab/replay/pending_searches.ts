/**
 * Searches whose outcome has not been seen yet, by task: what a task began earlier and never finished was a list that
 * the kernel refused, for a refused list leaves no event of its own.
 */
import type { EventBatch } from "../../read/event.js";
import { type Operation, Outcome } from "./operation.js";
import { releaseSpanMax } from "./release_times.js";

/** Without flags in the recording an older search may still be under way for this long (microseconds). */
const nestedSpanMax = 2000;

/** The outcome is known; so is the latest moment of the search, unless it was already. */
export function resolve(op: Operation, address: number, time: number, event: number): void {
  op.address = address;
  if (!Number.isNaN(op.hi)) return;
  op.hi = time;
  op.hiEvent = event;
}

export class PendingSearches {
  /** Newest last; by CPU for the idle tasks, which share a name. */
  readonly #stacks = new Map<number, Operation[]>();
  readonly #idle: (task: number) => boolean;

  constructor(idle: (task: number) => boolean) {
    this.#idle = idle;
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

  /** What this task began before `op` and never finished was refused. */
  refuseOlder(stack: Operation[], below: number, op: Operation, event: number): void {
    let kept = 0;
    for (let k = 0; k < below; k++) {
      const older = stack[k]!;
      const stale = older.context === 255 ? op.at - older.at > nestedSpanMax : older.context === op.context;
      if (!stale) stack[kept++] = older;
      else refuse(older, stack, k, op.lo, event);
    }
    stack.splice(kept, below - kept);
  }

  /** Searches that had no outcome for `wait` microseconds, in any task. */
  sweep(now: number, wait: number, event: number): void {
    for (const [task, stack] of this.#stacks) {
      if (stack.length > 0 && now - stack[stack.length - 1]!.at <= wait) continue;
      for (let k = 0; k < stack.length; k++)
        refuse(stack[k]!, stack, k, stack[k + 1]?.lo ?? stack[k]!.lo + releaseSpanMax, event);
      this.#stacks.delete(task);
    }
  }

  /** The recording has ended: what has no outcome has none that is known. */
  finish(now: number, event: number): void {
    for (const stack of this.#stacks.values()) for (const op of stack) resolve(op, Outcome.unknown, now, event);
    this.#stacks.clear();
  }
}

function refuse(op: Operation, stack: readonly Operation[], k: number, time: number, event: number): void {
  const next = stack[k + 1];
  op.list = true;
  op.listEnd = next === undefined || next.device !== op.device || !Number.isNaN(next.address);
  resolve(op, Outcome.refusedList, time, event);
}
