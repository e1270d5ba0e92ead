/** A guest under QEMU with an emulated IOMMU, its console as text and its monitor at hand. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Qmp } from "../../../src/cli/inspect/live/qmp.js";

export interface GuestSpec {
  /** Path or name of qemu-system-x86_64 or qemu-system-aarch64. */
  readonly qemu: string;
  readonly arch: "x86_64" | "aarch64";
  readonly kernel: string;
  readonly initrd: Uint8Array;
  /** Added to the kernel's command line. */
  readonly append: string;
  readonly memoryMiB: number;
  /** QEMU arguments of the machine: `-machine` and the unit's `-device`, before any other device. */
  readonly machine: readonly string[];
  /** Devices with which to make load. */
  readonly devices: readonly string[];
  /** Folder for the RAM file, disks and sockets; made when it is not there. */
  readonly folder: string;
}

export class Guest {
  /** All that the console printed so far. */
  console = "";
  readonly qmp: Qmp;
  readonly ram: string;
  readonly socket: string;
  readonly #process: ChildProcess;

  private constructor(spec: GuestSpec, child: ChildProcess, qmp: Qmp) {
    this.qmp = qmp;
    this.ram = join(spec.folder, "ram");
    this.socket = join(spec.folder, "live.sock");
    this.#process = child;
    child.stdout!.setEncoding("latin1").on("data", (text: string) => (this.console += text));
  }

  /** Start QEMU; the guest begins to boot at once. The second monitor (`socket`) is left to whom it may concern. */
  static async start(spec: GuestSpec): Promise<Guest> {
    mkdirSync(join(spec.folder, "tftp"), { recursive: true });
    writeFileSync(join(spec.folder, "tftp/load"), new Uint8Array(64 << 10));
    for (const name of ["ram", "qmp.sock", "live.sock"]) rmSync(join(spec.folder, name), { force: true });
    for (const [name, bytes] of [
      ["ram", spec.memoryMiB << 20],
      ["n0.img", 64 << 20],
      ["s0.img", 64 << 20],
    ] as const) {
      writeFileSync(join(spec.folder, name), "");
      truncateSync(join(spec.folder, name), bytes);
    }
    writeFileSync(join(spec.folder, "initrd"), spec.initrd);
    const child = spawn(spec.qemu, qemuArguments(spec), { stdio: ["pipe", "pipe", "pipe"] });
    let complaint = "";
    child.stderr.on("data", (text: Buffer) => (complaint += text.toString()));
    child.on("error", (error) => (complaint += error.message));
    const socket = join(spec.folder, "qmp.sock");
    for (let n = 0; !existsSync(socket); n++) {
      if (n > 200 || child.exitCode !== null) throw new Error(`QEMU does not start: ${complaint}`);
      await sleep(50);
    }
    return new Guest(spec, child, await Qmp.connect(socket));
  }

  /**
   * @param unless what may come instead
   * @returns whether the text appeared on the console, and not the other first
   * @throws when neither does within the seconds given
   */
  async until(text: string, seconds: number, unless: string | null = null): Promise<boolean> {
    const end = Date.now() + seconds * 1000;
    while (!this.console.includes(text)) {
      if (unless !== null && this.console.includes(unless)) return false;
      if (Date.now() > end || this.#process.exitCode !== null) {
        throw new Error(`the console did not say "${text}"; it ended with: ${this.console.slice(-2000)}`);
      }
      await sleep(50);
    }
    return true;
  }

  type(line: string): void {
    this.#process.stdin!.write(`${line}\n`);
  }

  async end(): Promise<void> {
    const gone = new Promise((resolve) => this.#process.once("exit", resolve));
    this.qmp.close();
    if (this.#process.exitCode !== null) return;
    this.#process.kill("SIGKILL");
    await gone;
  }
}

function qemuArguments(spec: GuestSpec): string[] {
  const { folder } = spec;
  const x86 = spec.arch === "x86_64";
  const backend = `memory-backend-file,id=ram0,size=${spec.memoryMiB}M,mem-path=${join(folder, "ram")},share=on`;
  return [
    ...spec.machine,
    ...["-object", backend, "-machine", "memory-backend=ram0", "-m", `${spec.memoryMiB}M`, "-smp", "2"],
    ...["-display", "none", "-no-reboot", "-nodefaults", "-serial", "stdio", "-monitor", "none"],
    ...["-qmp", `unix:${join(folder, "qmp.sock")},server=on,wait=off`],
    ...["-qmp", `unix:${join(folder, "live.sock")},server=on,wait=off`],
    ...["-kernel", spec.kernel, "-initrd", join(folder, "initrd")],
    ...["-append", `console=${x86 ? "ttyS0" : "ttyAMA0"} ftrace_dump_on_oops panic=0 ${spec.append}`],
    ...["-drive", `file=${join(folder, "n0.img")},if=none,id=n0,format=raw`],
    ...["-drive", `file=${join(folder, "s0.img")},if=none,id=s0,format=raw`],
    ...["-netdev", `user,id=u0,tftp=${join(folder, "tftp")}`],
    ...spec.devices.flatMap((device) => ["-device", device]),
  ];
}
