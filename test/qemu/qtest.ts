/**
 * QEMU without a guest: its qtest protocol, by which a test plays processor, and memory as a shared file, by which it
 * reads and writes RAM. Source: QEMU's docs/devel/testing/qtest.rst and the head of softmmu/qtest.c.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Commands that are sent before their answers are read: enough to keep QEMU busy, too few to fill a pipe. */
const burst = 512;

/** What a machine is built with. */
export interface Build {
  readonly ramBytes: number;
  /** Where the machine's RAM begins. */
  readonly ramBase: number;
  /**
   * Firmware that does nothing. Where QEMU was built without its qtest accelerator (Debian's is), its processor runs;
   * with nothing to do, and time counted in instructions, virtual time leaps to the next timer.
   */
  readonly idle: Uint8Array;
}

interface Parts {
  readonly folder: string;
  readonly ram: number;
  readonly ramBase: number;
  readonly steps: boolean;
}

export class Qtest {
  /** Virtual time stands still but for `clock_step`; otherwise it leaps to the next timer by itself. */
  readonly steps: boolean;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #folder: string;
  readonly #ram: number;
  readonly #ramBase: number;
  readonly #replies: string[] = [];
  #partial = "";
  #complaint = "";
  #ended = false;
  #wake: (() => void) | null = null;

  private constructor(child: ChildProcessWithoutNullStreams, parts: Parts) {
    const { folder, ram, ramBase, steps } = parts;
    this.steps = steps;
    this.#child = child;
    this.#folder = folder;
    this.#ram = ram;
    this.#ramBase = ramBase;
    child.stdout.setEncoding("latin1").on("data", (text: string) => this.#take(text));
    child.stderr.on("data", (text: Buffer) => (this.#complaint += text.toString()));
    child.stdin.on("error", () => {});
    child.on("error", (error) => (this.#complaint += error.message));
    child.on("close", () => {
      this.#ended = true;
      this.#wake?.();
    });
  }

  /**
   * @param machine QEMU arguments that name the machine and its devices
   * @throws when QEMU ends instead of answering; the message is what QEMU printed.
   */
  static async start(qemu: string, machine: readonly string[], { ramBytes, ramBase, idle }: Build): Promise<Qtest> {
    const folder = mkdtempSync(join(tmpdir(), "dmalab-qtest-"));
    const ram = openSync(join(folder, "ram"), "w+");
    ftruncateSync(ram, ramBytes);
    const backend = `memory-backend-file,id=ram0,size=${ramBytes},mem-path=${join(folder, "ram")},share=on`;
    writeFileSync(join(folder, "idle"), idle);
    const steps = /^qtest$/m.test(spawnSync(qemu, ["-accel", "help"], { encoding: "utf8" }).stdout ?? "");
    const clock = steps ? ["-accel", "qtest"] : ["-accel", "tcg", "-icount", "shift=0,sleep=off"];
    const common = [
      ...clock,
      "-bios",
      join(folder, "idle"),
      "-qtest",
      "stdio",
      "-qtest-log",
      "/dev/null",
      "-display",
      "none",
      "-nodefaults",
    ];
    const memory = ["-object", backend, "-machine", "memory-backend=ram0", "-m", `${ramBytes / 2 ** 20}M`];
    const child = spawn(qemu, [...machine, ...memory, ...common], { stdio: ["pipe", "pipe", "pipe"] });
    const qtest = new Qtest(child, { folder, ram, ramBase, steps });
    try {
      await qtest.send(["readb 0x0"]);
    } catch (error) {
      await qtest.end();
      throw error;
    }
    return qtest;
  }

  /** The file behind the machine's RAM. */
  get ramPath(): string {
    return join(this.#folder, "ram");
  }

  /** Run commands in order. @returns what each answered after `OK`, without the space: "" or "0x…". */
  async send(commands: readonly string[]): Promise<string[]> {
    const answers: string[] = [];
    for (let from = 0; from < commands.length; from += burst) {
      const part = commands.slice(from, from + burst);
      this.#child.stdin.write(`${part.join("\n")}\n`);
      while (this.#replies.length < part.length) {
        if (this.#ended) throw new Error(`QEMU ended: ${this.#complaint.trim() || "without a word"}`);
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      for (const [n, reply] of this.#replies.splice(0, part.length).entries()) {
        if (!reply.startsWith("OK")) throw new Error(`QEMU answered "${reply}" to "${part[n]}"`);
        answers.push(reply.slice(3));
      }
    }
    return answers;
  }

  async ask(command: string): Promise<bigint> {
    return BigInt((await this.send([command]))[0]!);
  }

  /** @param address physical; all of `bytes` must lie in RAM */
  writeRam(address: number, bytes: Uint8Array): void {
    writeSync(this.#ram, bytes, 0, bytes.length, address - this.#ramBase);
  }

  readRam(address: number, into: Uint8Array): void {
    readSync(this.#ram, into, 0, into.length, address - this.#ramBase);
  }

  async end(): Promise<void> {
    if (!this.#ended) {
      const gone = new Promise((resolve) => this.#child.once("close", resolve));
      this.#child.kill("SIGKILL");
      await gone;
    }
    closeSync(this.#ram);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #take(text: string): void {
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop()!;
    for (const line of lines)
      if (line.startsWith("OK") || line.startsWith("ERR")) this.#replies.push(line);
      else if (line.startsWith("FAIL")) this.#replies.push(line);
    this.#wake?.();
  }
}

/** The QEMU to ask: `DMALAB_QEMU_X86_64`, `DMALAB_QEMU_AARCH64`, else from the path. @returns null when there is none */
export function findQemu(arch: "x86_64" | "aarch64"): { path: string; version: string } | null {
  const path = process.env[`DMALAB_QEMU_${arch.toUpperCase()}`] ?? `qemu-system-${arch}`;
  const answer = spawnSync(path, ["--version"], { encoding: "utf8" });
  const [, version] = /version (\S+)/.exec(answer.stdout ?? "") ?? [];
  return version === undefined ? null : { path, version };
}
