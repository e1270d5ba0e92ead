/** How a page is built: one classic script and one style sheet, to be put into a single file. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

const folders = new URL("../../", import.meta.url);
/** The licences of the libraries inside the page ask to be kept in every copy, and each report is one. */
const licences = {
  uPlot: "node_modules/uplot/LICENSE",
  Svelte: "node_modules/svelte/LICENSE.md",
};

/**
 * @param {{ name: string, global: string, libraries: (keyof typeof licences)[] }} page its file's name, what the script
 *   is called, and which libraries are in it
 */
export function pageBuild({ name, global, libraries }) {
  const texts = libraries.map((l) => `${l}: ${readFileSync(new URL(licences[l], folders), "utf8").trim()}`);
  const notice = [`/*! This page contains ${libraries.join(" and ")}.`, ...texts].join("\n\n");
  return defineConfig({
    plugins: [svelte()],
    define: { "process.env.NODE_ENV": '"production"' },
    build: {
      outDir: fileURLToPath(new URL(`dist/web/${name}`, folders)),
      emptyOutDir: true,
      target: "es2022",
      rolldownOptions: { output: { postBanner: `${notice} */` } },
      lib: {
        entry: "src/main.ts",
        formats: ["iife"],
        name: global,
        fileName: () => `${name}.js`,
        cssFileName: name,
      },
    },
  });
}
