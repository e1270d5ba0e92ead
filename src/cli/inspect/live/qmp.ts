/**
 * A client of QEMU's machine protocol (QMP) on a unix socket: one command at a time, each with a time limit, and
 * a pause that always ends.
 *
 * Source: QEMU's docs/interop/qmp-spec.rst (greeting, capabilities, one JSON object a line, asynchronous events).
 */
import { createConnection, type Socket } from "node:net";
import { Unreadable } from "../../../read/unreadable.js";

/** A reply, an event or the greeting may not be longer: 64 MiB. */
const lineMax = 2 ** 26;
/** Milliseconds that a command may take when the caller names no limit. */
const patience = 10_000;

interface Waiting {
  readonly command: string;
  readonly settle: (result: unknown, error: Unreadable | null) => void;
}

/** What `query-status` says. */
export interface RunState {
  readonly running: boolean;
  /** `running`, `paused`, `prelaunch`, `guest-panicked` … */
  readonly status: string;
}

export class Qmp {
  /** The socket's path, as messages call it. */
  readonly name: string;
  /** Names of the events seen so far, in order. */
  readonly events: string[] = [];
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #greeted: (() => void) | null = null;
  #pieces: string[] = [];
  #held = 0;
  #next = 1;
  #ended: Unreadable | null = null;

  private constructor(name: string, socket: Socket) {
    this.name = name;
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#take(text));
    socket.on("error", (error: Error) => this.#end("an open connection", error.message));
    socket.on("close", () => this.#end("an open connection", "that QEMU closed it"));
  }

  /**
   * Connect, wait for the greeting and leave the negotiation mode.
   * @param patienceMs for each of these steps
   * @throws Unreadable when nothing listens, when what listens is not QMP, or when it stays silent: a monitor serves
   *   one client at a time.
   */
  static async connect(path: string, patienceMs = patience): Promise<Qmp> {
    const socket = createConnection(path);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", (error: NodeJS.ErrnoException) => reject(new Unreadable(path, "", listening, why(error))));
    });
    const qmp = new Qmp(path, socket);
    try {
      await qmp.#greeting(patienceMs);
      await qmp.execute("qmp_capabilities", {}, patienceMs);
    } catch (error) {
      qmp.close();
      throw error;
    }
    return qmp;
  }

  /**
   * @returns what QEMU answered.
   * @throws Unreadable with QEMU's own description when it refuses, and when no answer comes in time.
   */
  execute(command: string, args: Readonly<Record<string, unknown>> = {}, patienceMs = patience): Promise<unknown> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => settle(null, this.#trouble(command, "an answer", silence(patienceMs))), patienceMs);
      const settle = (result: unknown, error: Unreadable | null) => {
        clearTimeout(late);
        this.#waiting.delete(id);
        if (error === null) resolve(result);
        else reject(error);
      };
      this.#waiting.set(id, { command, settle });
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    });
  }

  /** A command of the human monitor. @returns its text with plain line ends */
  async monitor(line: string, patienceMs = patience): Promise<string> {
    const text = await this.execute("human-monitor-command", { "command-line": line }, patienceMs);
    if (typeof text !== "string") throw this.#trouble(`human-monitor-command "${line}"`, "text", typeof text);
    return text.replaceAll("\r", "");
  }

  async runState(): Promise<RunState> {
    const state = (await this.execute("query-status")) as Partial<RunState> | null;
    if (typeof state?.running !== "boolean" || typeof state.status !== "string") {
      throw this.#trouble("query-status", "running and status", JSON.stringify(state));
    }
    return { running: state.running, status: state.status };
  }

  close(): void {
    this.#ended ??= this.#trouble("", "an open connection", "one that was closed here");
    this.#socket.destroy();
  }

  #take(text: string): void {
    let from = 0;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
      this.#pieces.push(text.slice(from, at));
      const line = this.#pieces.join("");
      this.#pieces = [];
      this.#held = 0;
      from = at + 1;
      if (line.trim() !== "") this.#line(line);
    }
    if (from === text.length) return;
    this.#pieces.push(text.slice(from));
    this.#held += text.length - from;
    if (this.#held > lineMax) this.#end(`lines of at most ${lineMax} characters`, "a longer one");
  }

  #line(line: string): void {
    let message: Record<string, unknown>;
    try {
      const parsed: unknown = JSON.parse(line);
      if (typeof parsed !== "object" || parsed === null) throw new Error("no object");
      message = parsed as Record<string, unknown>;
    } catch {
      this.#end("QMP, one JSON object a line (-qmp unix:SOCKET,server=on,wait=off)", JSON.stringify(line.slice(0, 60)));
      return;
    }
    if (message["QMP"] !== undefined) this.#greeted?.();
    if (typeof message["event"] === "string") this.events.push(message["event"]);
    const waiting = typeof message["id"] === "number" ? this.#waiting.get(message["id"]) : undefined;
    if (waiting === undefined) return;
    const error = message["error"] as { desc?: unknown } | undefined;
    const refusal = error === undefined ? null : this.#trouble(waiting.command, "success", `"${String(error.desc)}"`);
    waiting.settle(message["return"], refusal);
  }

  #greeting(patienceMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error: Unreadable | null) => {
        clearTimeout(late);
        this.#waiting.delete(0);
        this.#greeted = null;
        if (error === null) resolve();
        else reject(error);
      };
      const found = `${silence(patienceMs)} (a monitor serves one client at a time; is another attached?)`;
      const late = setTimeout(() => settle(this.#trouble("", "QMP's greeting", found)), patienceMs);
      this.#waiting.set(0, { command: "greeting", settle: (_, error) => settle(error) });
      this.#greeted = () => settle(null);
    });
  }

  /** The connection is of no more use: whoever waits is told why. */
  #end(expected: string, found: string): void {
    this.#ended ??= this.#trouble("", expected, found);
    this.#socket.destroy();
    for (const { settle } of [...this.#waiting.values()]) settle(null, this.#ended);
  }

  #trouble(where: string, expected: string, found: string): Unreadable {
    return new Unreadable(this.name, where, expected, found);
  }
}

const listening = "a QMP socket of a running QEMU (-qmp unix:SOCKET,server=on,wait=off)";
const silence = (ms: number) => `silence for ${ms / 1000} s`;

function why(error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT") return "nothing at that path";
  if (error.code === "ECONNREFUSED") return "a socket at which nothing listens";
  if (error.code === "ENOTSOCK") return "something that is no socket";
  if (error.code === "EACCES" || error.code === "EPERM") return "no permission to connect";
  return error.message;
}
