/** Files of this package, wherever it is installed. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const root = dirname(createRequire(import.meta.url).resolve("dmalab/package.json"));

export const packageFile = (path: string): string => join(root, path);
