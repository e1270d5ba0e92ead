/** The pages that the build puts beside the library. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "../report/index.js";

export function builtPage(name: "report" | "inspect"): Page {
  const folder = join(dirname(fileURLToPath(import.meta.url)), "../../web", name);
  return {
    script: readFileSync(join(folder, `${name}.js`), "utf8"),
    style: readFileSync(join(folder, `${name}.css`), "utf8"),
  };
}
