/** The pages that the build puts beside the library. */
import { readFileSync } from "node:fs";
import type { Page } from "../report/index.js";
import { packageFile } from "./package_file.js";

export function builtPage(name: "report" | "inspect"): Page {
  const part = (ending: string) => readFileSync(packageFile(`dist/web/${name}/${name}.${ending}`), "utf8");
  return { script: part("js"), style: part("css") };
}
