import { Context, type EventBatch } from "./event.js";

/**
 * Who wrote event i: a number that is the same for events of one task in one context, which are in the order in which they
 * were done. A task may go on on another CPU; interrupts do not, and idle tasks are named alike on all.
 */
export function threadOf(batch: EventBatch, i: number): number {
  const context = batch.context[i]!;
  const isTask = context === Context.task || context === Context.unknown;
  const cpu = isTask ? 0 : batch.cpu[i]! + 1;
  return ((batch.task[i]! + 1) * 0x2_0000 + cpu) * 256 + context;
}
