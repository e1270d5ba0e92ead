/** The page of an inspection: one classic script and one style sheet, to be put into a single file. */
import { readFileSync } from "node:fs";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

/** The licences of the libraries inside the page ask to be kept in every copy, and each report is one. */
const licence = (file) => readFileSync(new URL(`../../node_modules/${file}`, import.meta.url), "utf8").trim();
const notice = ["/*! This page contains Svelte.", `Svelte: ${licence("svelte/LICENSE.md")} */`].join("\n\n");

export default defineConfig({
  plugins: [svelte()],
  define: { "process.env.NODE_ENV": '"production"' },
  build: {
    outDir: "../../dist/web/inspect",
    emptyOutDir: true,
    target: "es2022",
    rolldownOptions: { output: { postBanner: notice } },
    lib: {
      entry: "src/main.ts",
      formats: ["iife"],
      name: "dmalabInspect",
      fileName: () => "inspect.js",
      cssFileName: "inspect",
    },
  },
});
