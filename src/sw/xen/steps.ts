/**
 * Operations as steps: a generator yields wherever another actor may come between, with a word for the place.
 * The plain form of an operation lets nobody between.
 */
export type Steps<T> = Generator<string, T>;

/** Run an operation to its end without a break. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
