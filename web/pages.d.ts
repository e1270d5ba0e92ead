/** The built pages; `tools/build.mjs` writes them into dist/web/pages.js. */
import type { Page } from "../src/report/page/one_file.js";

/** Of a recording. */
export const recording: Page;
/** Of a described machine's run. */
export const machine: Page;
/** Of an inspection. */
export const inspect: Page;
