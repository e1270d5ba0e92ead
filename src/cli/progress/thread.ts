/**
 * Draws progress on standard error, ten times a second. It is a thread of its own because work that computes for
 * seconds does not come round to drawing, and those are the seconds in which one wants to see that something happens.
 */
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { barOf } from "./bar.js";
import { Cell, clock, type DrawnFor, locked } from "./shared.js";

const { shared, width, signs } = workerData as DrawnFor;
const { state, label } = shared;

const between = 100;
/** What is done sooner needs no bar. */
const patience = 500;

for (;;) {
  Atomics.wait(state, Cell.pause, 0, between);
  locked(state, () => {
    const elapsed = (clock() - Atomics.load(state, Cell.begin) + 2 ** 31) % 2 ** 31;
    if (Atomics.load(state, Cell.shown) === 0 || elapsed < patience) return;
    const name = new TextDecoder().decode(label.slice(0, Atomics.load(state, Cell.labelBytes)));
    const done = Atomics.load(state, Cell.done) / 1000;
    try {
      writeSync(2, `\r\u001b[K${barOf({ name, done: done < 0 ? null : done, elapsed, width, signs })}`);
      Atomics.store(state, Cell.drawn, 1);
    } catch {
      // A terminal that is gone is told of nothing.
    }
  });
}
