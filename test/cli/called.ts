/** The command called as a function: many calls share one process. */
import { command } from "../../src/cli/command.js";
import type { FileKey, Host, Sink } from "../../src/cli/host/host.js";
import { Session } from "../../src/cli/session/session.js";

export interface Called {
  readonly code: number;
  readonly out: string;
  /** The same before it was decoded. */
  readonly bytes: Uint8Array;
  readonly err: string;
}

export interface CallOptions {
  /** Bytes or text of standard input. */
  readonly input?: Uint8Array | string;
  readonly env?: Readonly<Record<string, string>>;
  /** Standard output is a terminal of so many columns. */
  readonly columns?: number;
  /** Files that standard input and output are redirected from and to. */
  readonly stdinFile?: FileKey;
  readonly stdoutFile?: FileKey;
}

/** Run `dmalab` with these arguments. */
export async function dmalab(args: readonly string[], options: CallOptions = {}): Promise<Called> {
  const [stdout, stderr] = [kept(options.columns, options.stdoutFile), kept()];
  const code = await command(args, hostOf(stdout.sink, stderr.sink, options));
  const bytes = stdout.bytes();
  return { code, out: bytes.toString(), bytes, err: stderr.bytes().toString() };
}

/** A session that nobody looks at, for what is called beneath the command. */
export const quiet = (): Session => new Session(hostOf(kept().sink, kept().sink, {}));

function hostOf(stdout: Sink, stderr: Sink, { input = "", env = {}, stdinFile }: CallOptions): Host {
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  return {
    stdin: (async function* () {
      for (let at = 0; at < bytes.length; at += 65536) yield bytes.subarray(at, at + 65536);
    })(),
    stdinFile: stdinFile ?? null,
    stdout,
    stderr,
    env,
    interruptible: (work) => work(),
    beforeEnd: () => () => {},
    settle() {},
  };
}

function kept(columns?: number, file?: FileKey): { sink: Sink; bytes: () => Buffer } {
  const pieces: Uint8Array[] = [];
  const sink: Sink = {
    write(data) {
      pieces.push(typeof data === "string" ? Buffer.from(data) : Uint8Array.from(data));
      return true;
    },
    isTerminal: columns !== undefined,
    columns,
    file: file ?? null,
  };
  return { sink, bytes: () => Buffer.concat(pieces) };
}
