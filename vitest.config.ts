import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "threads",
    // Files share what they import: loading the library anew for each of them took a third of the time.
    isolate: false,
  },
});
