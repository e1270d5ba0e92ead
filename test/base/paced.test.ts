/** Work that stops for a moment now and then: done at once, in turns, ended. */
import { expect, test } from "vitest";
import { atOnce, inTurns, type Paced, part } from "../../src/base/paced.js";

function* countTo(n: number, then: () => void = () => {}): Paced<string> {
  for (let i = 0; i < n; i++) {
    yield i / n;
    then();
  }
  return "done";
}

function* both(): Paced<string[]> {
  return [yield* part(countTo(2), 0, 0.5), yield* part(countTo(4), 0.5, 1)];
}

/** Work without an end, a millisecond between two stops. */
function* endless(): Paced<never> {
  for (;;) {
    for (const end = performance.now() + 1; performance.now() < end; );
    yield 0.5;
  }
}

test("at once and in turns it gives the same, and tells how far it is", async () => {
  for (const run of [atOnce, async (w: Paced<string[]>, progress: (n: number) => void) => inTurns(w, { progress })]) {
    const told: number[] = [];
    expect(await run(both(), (share) => told.push(share))).toEqual(["done", "done"]);
    expect(told).toEqual([0, 0.25, 0.5, 0.625, 0.75, 0.875]);
  }
});

test("a signal that is given while it runs ends it with its reason", async () => {
  const control = new AbortController();
  const running = inTurns(endless(), { signal: control.signal });
  setTimeout(() => control.abort(new Error("enough")), 10);
  await expect(running).rejects.toThrow("enough");
});

test("with a signal that was given before nothing is done", async () => {
  let steps = 0;
  const work = countTo(3, () => steps++);
  await expect(inTurns(work, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
  expect(steps).toBe(0);
});

test("what the one who looks on throws ends it", async () => {
  const progress = () => {
    throw new Error("no more");
  };
  await expect(inTurns(countTo(3), { progress })).rejects.toThrow("no more");
  expect(() => atOnce(countTo(3), progress)).toThrow("no more");
});
