/** `dmalab inspect --qmp` as a process: the guest stands still while it is read, and runs on whatever happens. */
import { spawn } from "node:child_process";
import { ftruncateSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FakeMonitor, fakeMonitor } from "./fake_monitor.js";

const folder = mkdtempSync(join(tmpdir(), "dmalab-live-command-"));
const socket = join(folder, "qmp.sock");
const ram = join(folder, "ram.bin");
let monitor: FakeMonitor;

beforeAll(async () => {
  ftruncateSync(openSync(ram, "w"), 2 ** 35);
  monitor = await fakeMonitor(socket, ram);
});
afterAll(() => {
  monitor.close();
  rmSync(folder, { recursive: true });
});

test.each([
  ["while it computes", "SIGINT", 130, []],
  ["while it waits for a list of devices", "SIGTERM", 143, ["--pci", "-"]],
] as const)("%s: %s ends it, and before that the guest runs on", async (_, signal, code, more) => {
  monitor.told.length = 0;
  const args = ["dist/src/cli/main.js", "inspect", "--qmp", socket, "--ram", ram, ...more];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "ignore", "pipe"] });
  let err = "";
  child.stderr.on("data", (text) => (err += text));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  while (monitor.told.length === 0 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => setTimeout(resolve, 200));
  child.kill(signal);
  expect([await ended, err, monitor.told]).toEqual([code, "", ["stop", "cont"]]);
});
