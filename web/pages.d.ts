/** The built pages; `tools/build.mjs` writes them into dist/web/pages.js. */
import type { Page } from "../src/report/html/one_file.js";

/** Of a recording. */
export const report: Page;
/** Of an inspection. */
export const inspect: Page;
