/**
 * Operations as steps: a generator yields wherever another actor may come between, with a word for the place.
 * The plain form of an operation lets nobody between.
 */
import { Broken } from "../../base/assert.js";

/** What an operation alone may need; one that waits for another never ends by itself. */
const stepsMax = 2 ** 24;

export type Steps<T> = Generator<string, T>;

/** Run an operation to its end without a break. */
export function finish<T>(steps: Steps<T>): T {
  for (let n = 0; n < stepsMax; n++) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
  throw new Broken("an operation that nobody interrupts ends");
}
