/** The process itself as the command's host. */
import { fstatSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { Script } from "node:vm";
import { keyOf, reason } from "./host/descriptor.js";
import { type FileKey, type Host, Interrupted, interruptedCode, type Sink } from "./host/host.js";
import { Unwritable } from "./host/misuse.js";
import { settleCompiler } from "./settle_compiler.js";

/** Signals other than Ctrl-C are taken only while something has to be put right: elsewhere they end at once. */
const codes = { SIGINT: interruptedCode, SIGTERM: 143, SIGHUP: 129 } as const;
type Ending = keyof typeof codes;

export function processHost(): Host {
  const toPutRight = new Set<() => void | Promise<void>>();
  const end = async (signal: Ending) => {
    // What is added while others are put right is put right as well.
    for (const putRight of toPutRight) await Promise.resolve(putRight()).catch(() => {});
    if (isatty(2)) writeSync(2, "\r\u001b[K");
    settleCompiler();
    process.exit(codes[signal]);
  };
  process.on("SIGINT", end);
  const later = ["SIGTERM", "SIGHUP"] as const;
  return {
    get stdin() {
      return process.stdin;
    },
    stdinFile: fileOf(0),
    stdout: sinkOf(1, "standard output"),
    stderr: sinkOf(2, "standard error"),
    env: process.env,
    interruptible,
    settle: settleCompiler,
    beforeEnd(putRight) {
      if (toPutRight.size === 0) for (const signal of later) process.on(signal, end);
      toPutRight.add(putRight);
      return () => {
        if (toPutRight.delete(putRight) && toPutRight.size === 0) for (const signal of later) process.off(signal, end);
      };
    },
  };
}

/** Where the script below finds the work: a context of its own would take a tenth of the command's start. */
const place = Symbol.for("dmalab.work");
const here = globalThis as { [place]?: () => unknown };
/** Made before it is needed: between the last look at signals and the watch nothing should take time. */
const call = new Script('globalThis[Symbol.for("dmalab.work")]()');

/** Handlers of signals wait for the event loop; the watch on Ctrl-C that Node keeps beside a script does not. */
function interruptible<T>(work: () => T): T {
  here[place] = work;
  try {
    return call.runInThisContext({ breakOnSigint: true }) as T;
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === "ERR_SCRIPT_EXECUTION_INTERRUPTED") throw new Interrupted();
    throw error;
  }
}

/** Writes at once, so that a full disk is seen where it happens and nothing is lost when the process ends. */
function sinkOf(fd: number, name: string): Sink {
  let open = true;
  return {
    write(data) {
      const bytes = typeof data === "string" ? Buffer.from(data) : data;
      for (let at = 0; open && at < bytes.length; ) {
        try {
          at += writeSync(fd, bytes, at);
        } catch (error) {
          const { code } = error as { code?: string };
          if (code === "EPIPE") open = false;
          else if (code === "EAGAIN") nap();
          else throw new Unwritable(`${name}: ${reason(error)}`);
        }
      }
      return open;
    },
    isTerminal: isatty(fd),
    get columns() {
      // Terminals that nobody told their size say 0.
      return (isatty(fd) && (fd === 1 ? process.stdout : process.stderr).columns) || undefined;
    },
    file: fileOf(fd),
  };
}

/** A pipe that does not block is full: wait for its reader. */
const napping = new Int32Array(new SharedArrayBuffer(4));
const nap = (): void => void Atomics.wait(napping, 0, 0, 2);

function fileOf(fd: number): FileKey | null {
  try {
    const stat = fstatSync(fd);
    return stat.isFile() || stat.isFIFO() ? keyOf(stat) : null;
  } catch {
    return null;
  }
}
