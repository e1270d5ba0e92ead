/** The page of the HTML report: one classic script and one style sheet, to be put into a single file. */
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [svelte()],
  define: { "process.env.NODE_ENV": '"production"' },
  build: {
    outDir: "../dist/web/report",
    emptyOutDir: true,
    target: "es2022",
    lib: {
      entry: "src/main.ts",
      formats: ["iife"],
      name: "dmalabReport",
      fileName: () => "report.js",
      cssFileName: "report",
    },
  },
});
