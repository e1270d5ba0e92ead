/**
 * Exploring: states of the toy of the tests (a driver, a unit with two remembered translations, a device) in a second, and
 * what one of its steps costs while a machine only runs, while its writes are noted, and when they are taken back.
 */
import { Rng } from "../src/base/index.js";
import { explore } from "../src/check/index.js";
import { toy } from "../test/check/toy.js";
import type { Row } from "./row.js";

const limits = { statesMax: 1e7, bytesMax: 2 ** 31 };

export async function bench(o: { smoke: boolean }): Promise<Row[]> {
  const rounds = o.smoke ? 2 : 40;
  let found = explore(() => toy({ rounds }), limits);
  const time = least(o.smoke ? 1 : 5, () => {
    found = explore(() => toy({ rounds }), limits, { auditEvery: 0 });
  });
  const audited = least(o.smoke ? 1 : 3, () => explore(() => toy({ rounds: o.smoke ? 2 : 8 }), limits));
  const unaudited = least(o.smoke ? 1 : 3, () =>
    explore(() => toy({ rounds: o.smoke ? 2 : 8 }), limits, { auditEvery: 0 }),
  );
  const steps = o.smoke ? 1000 : 1_000_000;
  const modes = ["off", "on", "back"] as const;
  const best = { off: Number.POSITIVE_INFINITY, on: Number.POSITIVE_INFINITY, back: Number.POSITIVE_INFINITY };
  for (let n = 0; n < (o.smoke ? 1 : 7); n++) {
    for (const mode of modes)
      best[mode] = Math.min(
        best[mode],
        least(1, () => run(steps, mode)),
      );
  }
  const ns = (ms: number) => ((ms * 1e6) / steps).toFixed(0);
  return [
    {
      what: `explore: ${found.states} states of a driver, a unit and a device`,
      measured: `${(found.states / time).toFixed(0)} k states/s`,
      target: ">= 200 k/s",
      note: `${(found.transitions / time).toFixed(0)} k transitions/s; ${(found.bytes / found.states).toFixed(0)} bytes a state`,
    },
    {
      what: "the same with every hundredth state reached again, of 8 rounds",
      measured: `${(audited / unaudited).toFixed(2)} times`,
      target: "<= 2 times",
    },
    {
      what: "one step of it: writes not noted / noted / noted and taken back",
      measured: `${ns(best.off)} / ${ns(best.on)} / ${ns(best.back)} ns`,
      target: "noted <= 25 ns more",
      note: "drawing the actor and its choice included",
    },
  ];
}

/** Steps of one machine after the other, each to its end. */
function run(steps: number, mode: "off" | "on" | "back"): void {
  const rng = new Rng(7);
  for (let taken = 0; taken < steps; ) {
    const { state, actors } = toy({ rounds: 1e6 });
    if (mode !== "off") state.begin();
    for (; taken < steps; taken++) {
      const actor = actors[rng.below(actors.length)]!;
      const choices = actor.choices();
      if (choices === 0) continue;
      const mark = mode === "off" ? null : state.mark();
      actor.step(rng.below(choices));
      if (mark === null) continue;
      // Every second step is taken back and taken again: the machine gets on.
      if (mode === "back" && taken % 2 === 0) state.undoTo(mark);
      else if (taken % 64 === 0) state.settle();
    }
  }
}

function least(rounds: number, work: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let n = 0; n < rounds; n++) {
    const from = performance.now();
    work();
    best = Math.min(best, performance.now() - from);
  }
  return best;
}
