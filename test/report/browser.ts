/** Chromium for tests of pages, where there is one, and a page built from its sources. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { build } from "vite";
import type { Page } from "../../src/report/page/one_file.js";
import { pageOf } from "../../tools/page.js";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executable = [process.env["CHROMIUM"] ?? "", ...places].find((path) => path !== "" && existsSync(path));
if (executable === undefined) console.warn("no Chromium here (set CHROMIUM to its path): the page is not tested");

/** False: tests of pages are skipped. */
export const hasBrowser = executable !== undefined;

const quiet = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync"],
];

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: executable!, args: quiet });
}

/** @param root folder of the page; @param name of its files; @param outDir where they are put */
export async function buildPage(root: string, name: string, outDir: string): Promise<Page> {
  await build({ root, logLevel: "error", build: { outDir, emptyOutDir: false } });
  const read = (file: string): string => readFileSync(join(outDir, file), "utf8");
  return pageOf({ script: read(`${name}.js`), style: read(`${name}.css`) });
}
