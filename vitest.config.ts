import { availableParallelism } from "node:os";
import { configDefaults, defineConfig } from "vitest/config";
import { compiled } from "./test/compiled.js";
import { long } from "./test/tier.js";

const built = process.env["DMALAB_COMPILED"] === "1";

export default defineConfig({
  plugins: built ? [compiled] : [],
  test: {
    include: ["test/**/*.test.ts"],
    // What needs a browser or QEMU, or more than some seconds, is in the second tier: `npm run test:long`.
    exclude: [...configDefaults.exclude, ...(long ? [] : ["**/*.long.test.ts"])],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "threads",
    maxWorkers: availableParallelism(),
    // Files share what they import: loading the library anew for each of them took a third of the time.
    isolate: false,
    server: { deps: { external: built ? [/\/dist\/src\//] : [] } },
  },
});
