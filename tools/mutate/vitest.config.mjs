/** The tests of the areas that were drawn from, nearest to the mutated file first: it falls to them sooner. */
import { relative, sep } from "node:path";
import { configDefaults } from "vitest/config";
import { BaseSequencer } from "vitest/node";
import common from "../../vitest.config.js";

/** How many folders, from the top, two paths have in common, `src/` and `test/` aside. */
function nearness(a, b) {
  const apart = a.findIndex((step, i) => step !== b[i]);
  return apart < 0 ? a.length : apart;
}

class NearestFirst extends BaseSequencer {
  async sort(files) {
    const steps = (path) =>
      relative(this.ctx.config.root, path)
        .replace(/(\.test)?\.ts$/, "")
        .split(sep)
        .slice(1);
    const mutated = (this.ctx.config.related ?? []).map(steps);
    const near = new Map(files.map((f) => [f, Math.max(0, ...mutated.map((m) => nearness(steps(f.moduleId), m)))]));
    return (await super.sort(files)).sort((a, b) => near.get(b) - near.get(a));
  }
}

const patterns = JSON.parse(process.env["DMALAB_MUTATE_TESTS"] ?? '["test/**"]');
const { test } = common;

export default {
  test: {
    ...test,
    include: patterns.map((p) => `${p}.test.ts`.replace("**.test.ts", "**/*.test.ts")),
    exclude: [...configDefaults.exclude, "**/*.long.test.ts"],
    sequence: { sequencer: NearestFirst },
  },
};
