/** Steps that may be undone, against a plain list: the same objects, in their order, whatever the ring holds. */
import { expect, test } from "vitest";
import { Rng } from "../../../src/base/rng.js";
import type { Step } from "../../../src/lab/replay/order/step.js";
import { Trail } from "../../../src/lab/replay/order/trail.js";

test("the oldest first, with room for as many as there are, and objects that are used again", () => {
  const rng = new Rng(3);
  const trail = new Trail();
  const plain: { readonly step: Step; readonly op: number }[] = [];
  const objects = new Set<Step>();
  const live = new Set<Step>();
  for (let op = 0; op < 2500; op++) {
    const what = rng.below(10);
    if (what < (op < 1800 ? 8 : 4)) {
      const step = trail.next;
      expect(live.has(step)).toBe(false);
      live.add(step);
      step.op = op;
      trail.add();
      plain.push({ step, op });
      objects.add(step);
    } else if (what < 9) {
      const last = plain.pop();
      if (last === undefined) continue;
      expect(trail.pop()).toBe(last.step);
      live.delete(last.step);
    } else {
      const gone = rng.below(Math.min(4, plain.length + 1));
      trail.shift(gone);
      for (const { step } of plain.splice(0, gone)) live.delete(step);
    }
    expect(trail.length).toBe(plain.length);
    if (op % 50 === 0) {
      const steps = plain.map((_, k) => trail.at(k));
      expect(steps.every((step, k) => step === plain[k]!.step && step.op === plain[k]!.op)).toBe(true);
    }
  }
  expect([plain.length > 255, objects.size < 2048]).toEqual([true, true]);
});
