/**
 * The commands, their options and their help, as data for the argument parser. What a command does is loaded when it is
 * called: help and completion are immediate.
 */
import { readFileSync } from "node:fs";
import { Command, type CommanderError, InvalidArgumentError, Option } from "commander";
import { rootForms } from "../audit/reach/where_given.js";
import { completion, shells } from "./completion.js";
import type { InspectFlags } from "./inspect.js";
import { AskedWrongly } from "./misuse.js";
import type { RunFlags } from "./run.js";
import { swiotlbFlag } from "./swiotlb_flag.js";
import type { WhyFlags } from "./why.js";

const runExamples = `
Examples:
  dmalab run trace.dat                            what each device mapped, what bounced and why, what failed
  dmalab run trace.txt.gz --dmesg dmesg.txt       with the machine's log: drivers, pool bounds, command line
  dmalab run trace.dat --html report.html         one file to look at, with the pool at the instant of each failure
  dmalab run trace.dat --swiotlb 8192,4,force     the same requests on another pool
  dmalab run trace.dat --sizes auto               which size and how many areas would have been enough
  dmalab run trace.dat --json | jq .exact         did the model choose the kernel's own addresses?
  dmalab run full.trace.txt.gz                    a Xen dom0, with its dumps full.p2m.txt.gz ... found beside it
  dmalab run machines/xen-pv-dom0.yaml            a machine that is described: guests, drivers, disks, every byte checked
  dmalab run --scenario foreign-page              a sentence of a public discussion as a run; --scenarios lists them
  dmalab run --bug stale-bounce                   a historic bug: the shortest run that shows it; --bugs lists them

How to record: boot with trace_event=dma,swiotlb,iommu trace_buf_size=12M, or run
  trace-cmd record -e dma -e swiotlb -e iommu -- sleep 10
A log beside the recording (dmesg.txt, also .gz or .zst) is read without being asked for.

Exit code: 0 nothing wrong, 1 trouble found (a refused mapping, a leak, a broken rule), 2 unreadable input.`;

const whyExamples = `
Examples:
  dmesg | dmalab why -
  dmalab why /var/log/kern.log
  dmalab why --line 'nvme 0000:00:03.0: swiotlb buffer is full (sz: 69632 bytes), total 512 (slots), used 473 (slots)'
  dmalab why --swiotlb 65536 --cpus 64 --memory 4GiB
  dmalab why --trace trace.dat                    why each refused mapping of a recording failed

Exit code: 0 nothing wrong, 1 trouble found, 2 unreadable input.`;

const inspectExamples = `
Examples:
  dmalab inspect vmcore                                 units, devices, what each reaches, what is wrong
  dmalab inspect mem.elf.gz --registers regs.json       with the units' registers (found by itself beside the image)
  dmalab inspect vmcore --who 0x44e9000                 which devices reach this physical address, and by which of theirs
  dmalab inspect vmcore --at 00:03.0:0xfffc0000         every entry that the unit reads for it, to the page or the fault
  dmalab inspect vmcore --at 00:03.0:0xfffc0000 --svg walk.svg    the same as a picture
  dmalab inspect vmcore --html reach.html               one file to look at: who reaches which memory
  dmalab inspect vmcore --device 00:03.0                all mappings of one device
  dmalab inspect before.elf --diff after.elf            ranges that each device gained and lost
  dmalab inspect vmcore --scan                          find the tables by their form; needs no registers
  dmalab inspect --qmp qmp.sock --ram ram.bin           a running QEMU guest: paused, read, resumed
  dmalab inspect vmcore --json | jq .findings           schema dmalab.inspect/1

Images are ELF cores (also /proc/vmcore and QEMU's dump-guest-memory), kdump-compressed files, LiME, and with --raw any
file that is memory and nothing else; each also as .gz and .zst.
Registers are a JSON file: { "kind": "vtd|amdvi|smmuv3", "registers": { "0xfed90020": "0x0000000003a88000" } }, values by
physical address. Without them ACPI tables and then a scan of the image say where the tables are.
--root takes ${rootForms.join(", ")}.

Exit code: 0 nothing wrong, 1 trouble found (or --at asked for an address that faults), 2 unreadable input.`;

/** @param exit is told the exit code of the command that ran */
export function program(exit: (code: number) => void): Command {
  const top = new Command("dmalab")
    .description("What happens to every DMA address in a virtualised machine.")
    .version(version(), "-V, --version")
    .showSuggestionAfterError(true)
    .exitOverride(refuse)
    .configureOutput({ outputError: () => {} });

  top
    .command("run")
    .description(
      "Replay a recording (trace.dat, ftrace text or perf script text, also .gz and .zst; - is standard input), or run a described machine (.yaml), or a scenario.",
    )
    .argument("[recording|machine.yaml]", "what to replay or run")
    .addOption(new Option("--swiotlb <SLOTS[,AREAS][,force]>", "try this pool instead").argParser(swiotlbFlag))
    .option("--machine <file>", "a machine description (YAML) whose pool and devices are used instead")
    .option("--sizes <auto|N,N,...>", "other pool sizes to try, in slots of 2 KiB", sizesFlag)
    .option("--dmesg <file>", "the machine's kernel log")
    .option("--p2m <file>", "dump of a Xen domain's P2M from before the recording (found beside it as PHASE.p2m.txt)")
    .option("--m2p <file>", "dump of Xen's machine-to-physical table (found as PHASE.m2p.txt)")
    .option("--pool <file>", "dump of the domain's bounce pool (found as PHASE.swiotlb.txt)")
    .option("--html <file>", "write a report to look at")
    .option("--perfetto <file>", "write a trace for ui.perfetto.dev")
    .option("--trace <file>", "a recording to be the workload of the described machine")
    .option("--seed <n>", "another seed for the described machine's or the scenario's run", seedFlag)
    .option("--scenarios", "list the scenarios")
    .option("--scenario <name>", "run a scenario: a sentence of a public discussion as something that happens")
    .option("--bugs", "list the historic bugs that are switches here")
    .option("--bug <id>", "run a historic bug, on and off; with --scenario: have it on there")
    .option("--markdown", "print the page of a scenario, or of the lists")
    .option("--no-checks", "run the described machine without watching the rules of the DMA API")
    .option("--json", "print one JSON document (schema dmalab.run/1)")
    .addHelpText("after", runExamples)
    .exitOverride(refuse)
    .action(async (recording: string | undefined, flags: RunFlags) =>
      exit(await (await import("./run.js")).run(recording, flags)),
    );

  top
    .command("why")
    .description("Say why a bounce buffer was full, what an IOMMU fault means, or whether a swiotlb= setting can work.")
    .argument("[log]", "a kernel log; - is standard input")
    .option("--line <text>", "explain this line")
    .option("--swiotlb <text>", "explain this swiotlb= setting")
    .option("--cpus <n>", "CPUs of the machine, for --swiotlb", wholeFlag)
    .option("--memory <size>", "memory of the machine, for --swiotlb (512MiB, 4GiB)", memoryFlag)
    .option("--trace <file>", "explain the refusals of this recording")
    .option("--json", "print one JSON document (schema dmalab.why/1)")
    .addHelpText("after", whyExamples)
    .exitOverride(refuse)
    .action(async (log: string | undefined, flags: WhyFlags) => exit(await (await import("./why.js")).why(log, flags)));

  top
    .command("inspect")
    .description("Say which device reaches which memory: from a memory image, or from a running QEMU guest.")
    .argument("[image]", "a memory image; - is standard input")
    .option("--registers <file>", "register values of the units (JSON)")
    .option("--root <kind:address>", "where a unit's tables are; may be given again", gathered)
    .option("--scan", "find the tables by their form")
    .option("--device <BDF>", "show this device only, and all of its mappings")
    .option("--who <address>", "which devices reach this physical address")
    .option("--at <BDF[/PASID]:IOVA>", "where an address of a device leads, entry by entry")
    .option("--diff <file>", "what differs in this other image")
    .option("--diff-registers <file>", "register values for the other image")
    .option("--pci <file>", "what is on the bus: the text of QEMU's info pci, or of lspci -n")
    .option("--raw", "the image is memory and nothing else")
    .option("--base <address>", "physical address of a raw image's first byte", addressFlag)
    .option("--ram-low <size>", "how much of a raw image lies below 4 GiB; the rest begins there", memoryFlag)
    .option("--qmp <socket>", "a running QEMU guest's QMP socket")
    .option("--ram <file>", "the guest's memory, shared as a file (-object memory-backend-file,share=on)")
    .option("--html <file>", "write a page to look at: a map of memory, devices, tables, search by address")
    .option("--svg <file>", "draw the walk that --at asks for")
    .option("--dot <file>", "the same for Graphviz")
    .option("--json", "print one JSON document (schema dmalab.inspect/1)")
    .addHelpText("after", inspectExamples)
    .exitOverride(refuse)
    .action(async (image: string | undefined, flags: InspectFlags) =>
      exit(await (await import("./inspect.js")).inspect(image, flags)),
    );

  top
    .command("completion")
    .description("Print a completion script: source <(dmalab completion bash)")
    .argument("<shell>", shells.join(", "))
    .exitOverride(refuse)
    .action((shell: string) => {
      process.stdout.write(completion(shell, top));
    });
  return top;
}

/** The parser's own refusals become one line of ours; help and version are no refusals. */
function refuse(error: CommanderError): never {
  if (error.exitCode === 0) process.exit(0);
  if (error.code === "commander.help") process.exit(2);
  throw new AskedWrongly(`${error.message.replace(/^error: /, "").replaceAll("\n", " ")} (--help shows what there is)`);
}

function sizesFlag(text: string): "auto" | number[] {
  if (text === "auto") return "auto";
  const sizes = text.split(",").map(Number);
  if (sizes.every((n) => Number.isInteger(n) && n >= 128 && n <= 2 ** 22)) {
    return sizes.map((n) => Math.ceil(n / 128) * 128);
  }
  throw new InvalidArgumentError("It takes auto, or numbers of slots from 128 to 4194304 with commas between them.");
}

function seedFlag(text: string): number {
  const n = Number(text);
  if (Number.isInteger(n) && n >= 0 && n < 2 ** 32) return n;
  throw new InvalidArgumentError("It takes a whole number from 0 to 4294967295.");
}

function wholeFlag(text: string): number {
  const n = Number(text);
  if (Number.isInteger(n) && n > 0 && n <= 8192) return n;
  throw new InvalidArgumentError("It takes a whole number from 1 to 8192.");
}

const gathered = (value: string, before: readonly string[] = []): string[] => [...before, value];

function addressFlag(text: string): number {
  const n = /^(0x[0-9a-f]{1,13}|[0-9]{1,15})$/i.test(text) ? Number(text) : Number.NaN;
  if (n <= 2 ** 52) return n;
  throw new InvalidArgumentError("It takes an address such as 0x40000000.");
}

const units: Readonly<Record<string, number>> = { "": 0, k: 10, m: 20, g: 30, t: 40 };

function memoryFlag(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  if (digits === undefined) throw new InvalidArgumentError("It takes a size such as 512MiB or 4GiB.");
  return Number(digits) * 2 ** units[unit!.toLowerCase()]!;
}

function version(): string {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
