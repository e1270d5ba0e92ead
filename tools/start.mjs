/** `npm start`: replay the bundled recording. Its verdict is trouble (exit code 1), which is what it is there to show. */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const recording = "fixtures/swiotlb-full/trace.txt.gz";
const args = [join(root, "dist/src/cli/main.js"), "run", recording, "--html", "report.html"];
const done = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
process.exit(done.status === 1 ? 0 : (done.status ?? 2));
