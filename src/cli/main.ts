#!/usr/bin/env node
/** The command. Everything that touches the process is in this folder. */
import { setFlagsFromString } from "node:v8";
import { Broken, Misuse } from "../base/assert.js";
import { Unreadable } from "../read/unreadable.js";
import { AskedWrongly } from "./misuse.js";
import { program } from "./program.js";
import { settleCompiler } from "./settle_compiler.js";

// What a recording leaves behind is collected soon: memory stays low on long ones, at the price of a few per cent.
setFlagsFromString("--heap-growing-percent=20");

/** Exit codes: 0 done and nothing wrong, 1 ran and found trouble, 2 asked wrongly or unreadable input. */
async function main(): Promise<number> {
  let code = 0;
  try {
    await program((c) => {
      code = c;
    }).parseAsync(process.argv);
    return code;
  } catch (error) {
    if (error instanceof Unreadable || error instanceof Misuse || error instanceof AskedWrongly) {
      process.stderr.write(`dmalab: ${error.message}\n`);
      return 2;
    }
    if (isWritePipe(error)) return code;
    const what = error instanceof Error ? error.message : String(error);
    const bug = error instanceof Broken || !(error as { code?: string }).code;
    process.stderr.write(bug ? `dmalab: this is a bug in dmalab: ${what}\n` : `dmalab: ${what}\n`);
    if (process.env["DMALAB_DEBUG"] !== undefined && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return 2;
  }
}

function isWritePipe(error: unknown): boolean {
  return (error as { code?: string }).code === "EPIPE";
}

process.stdout.on("error", (error: { code?: string }) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
process.exitCode = await main();
settleCompiler();
