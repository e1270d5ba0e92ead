/** The options of `dmalab run`. */
import { InvalidArgumentError } from "commander";
import { structureNames } from "../../lab/replace/structures.js";
import { poolSlotsMax, poolSlotsMin } from "../../library/pool_limits.js";
import { type OptionRow, under, type VerbRow } from "./option.js";
import { swiotlbFlag } from "./swiotlb_flag.js";
import { everyVerb, file, oneOf, wholeNumber } from "./values.js";

const forms = {
  recording: "a recording",
  machine: "a machine description",
  driven: "a machine description with --trace",
  scenario: "a scenario (--scenario)",
  bug: "a historic bug (--bug)",
  lifetime: "the comparison of policies (--page-lifetime)",
  replaceTable: "the table of replacements (--replace-table)",
  replacement: "a replacement (--replace)",
  list: "a list (--scenarios, --bugs)",
} as const;
type Form = keyof typeof forms;

const replayed: readonly Form[] = ["recording", "driven"];

/** Those of which there is more to see than words. */
const looked: readonly Form[] = [...replayed, "machine"];

const beside = under("Beside a recording:", replayed);
const otherMachine = under("Another machine for a recording:", replayed);
const described = under("Described machines:", ["machine"]);
const stories = under("Scenarios and historic bugs:", ["list"]);
const replacements = under("Domains replaced:", ["replaceTable", "replacement"]);
const output = under("Output:", Object.keys(forms));

const scenarioIds = async () => (await import("../../lab/scenario/tales/scenarios.js")).scenarios.map((s) => s.id);
const bugIds = async () => (await import("../../lab/scenario/bugs/registry.js")).historicBugs.map((b) => b.id);
const fetches = ["64", "128", "256", "512"];
/** Those of VT-d, as examples of what may stand there. */
const pairs = async () => ["ss,fs", "fs,fs", "ss,ss", "nested,nested", "s2,nested", "v1,nested"];
const twoRuns = "each runs something of its own";
const oneRuns = "the one lists, the other runs";

const options: readonly OptionRow[] = [
  beside("dmesg", file, "the machine's kernel log (found as dmesg.txt)"),
  beside("p2m", file, "dump of a Xen domain's P2M from before the recording (found as PHASE.p2m.txt)"),
  beside("m2p", file, "dump of Xen's machine-to-physical table (found as PHASE.m2p.txt)"),
  beside("pool", file, "dump of the domain's bounce pool (found as PHASE.swiotlb.txt)"),
  otherMachine("swiotlb", { shown: "<SLOTS[,AREAS][,force]>", parse: swiotlbFlag }, "replay on this pool"),
  otherMachine("machine", file, "replay on the pool and devices of this description", { forms: ["recording"] }),
  otherMachine(
    "sizes",
    { shown: "<auto|N,N,...>", parse: sizes, words: async () => ["auto"] },
    "other pool sizes to try, in slots of 2 KiB",
  ),
  described("trace", file, "a recording to be the workload of the machine", {
    forms: ["machine", "driven"],
    makes: "driven",
  }),
  described("seed", { shown: "<n>", parse: wholeNumber(0, 2 ** 32 - 1) }, "another seed: another order of the work", {
    forms: ["machine", "scenario"],
  }),
  described("image", file, "write its memory (ELF core) and the IOMMU's registers beside it, for dmalab inspect"),
  described(
    "image-at",
    { shown: "<step>", parse: wholeNumber(0, Number.MAX_SAFE_INTEGER) },
    "as they are after so many steps; default: when all work is done",
    {
      needs: { option: "image", or: "say where the image is to be written, with --image FILE" },
    },
  ),
  described("no-checks", null, "run without watching the rules of the DMA API"),
  stories("scenarios", null, "list the scenarios", { makes: "list", not: { scenario: oneRuns, bug: oneRuns } }),
  stories(
    "scenario",
    { shown: "<name>", words: scenarioIds },
    "run a scenario: a sentence of a public discussion as something that happens",
    { forms: ["scenario"], makes: "scenario", not: { bugs: oneRuns } },
  ),
  stories("bugs", null, "list the historic bugs that are switches here", { makes: "list", not: { bug: oneRuns } }),
  stories(
    "bug",
    { shown: "<id>", words: bugIds },
    "run a historic bug, on and off; with --scenario: have it on there",
    { forms: ["bug", "scenario"], makes: "bug" },
  ),
  stories("page-lifetime", null, "when may a page go that a device can still reach: policies side by side", {
    ...{ forms: ["lifetime"], makes: "lifetime" },
    not: { scenario: twoRuns, bug: twoRuns, scenarios: oneRuns, bugs: oneRuns },
  }),
  replacements("replace-table", null, "what a device sees while one domain replaces another: all pairs of kinds", {
    ...{ forms: ["replaceTable"], makes: "replaceTable" },
    not: { scenario: twoRuns, bug: twoRuns, scenarios: oneRuns, bugs: oneRuns, "page-lifetime": twoRuns },
  }),
  replacements(
    "replace",
    { shown: "<FROM,TO>", words: pairs },
    "one pair: the stores, what is torn, and the shortest run to what must not be",
    {
      ...{ forms: ["replacement"], makes: "replacement" },
      not: {
        ...{ scenario: twoRuns, bug: twoRuns, scenarios: oneRuns, bugs: oneRuns, "page-lifetime": twoRuns },
        "replace-table": "the one shows all pairs, the other one",
      },
    },
  ),
  replacements(
    "vendor",
    oneOf("<name>", structureNames),
    "whose entries; with vtd and smmuv3 a table shows both kinds",
  ),
  replacements(
    "fetch",
    { ...oneOf("<bits>", fetches), parse: (text) => Number(oneOf("<bits>", fetches).parse!(text)) },
    "what the unit reads of an entry at once",
  ),
  replacements("fetch-order", oneOf("<order>", ["ascending", "any"]), "in which order it reads the pieces"),
  replacements("without", oneOf("<feature>", ["overrides", "stalls"]), "what an SMMUv3 lacks", { many: true }),
  stories("markdown", null, "print the page of a scenario, of a bug, of the policies, of replacements, or of a list", {
    forms: ["scenario", "bug", "lifetime", "replaceTable", "replacement", "list"],
    not: { json: "each is a document of its own" },
  }),
  output("html", file, "write a report to look at", { forms: looked }),
  output("perfetto", file, "write a trace for ui.perfetto.dev", { forms: looked }),
  ...everyVerb(
    output,
    "dmalab.run/1; lists: dmalab.run-list/1; --page-lifetime: dmalab.page-lifetime/1; --replace-table and --replace: dmalab.replace-table/1",
  ),
];

export const runVerb: VerbRow = {
  name: "run",
  about:
    "Replay a recording (trace.dat, ftrace text or perf script text, also .gz and .zst; - is standard input), or run a described machine (.yaml), or a scenario.",
  argument: { name: "recording|machine.yaml", about: "what to replay or run" },
  forms,
  options,
  examples: [
    ["dmalab run trace.dat", "what each device mapped, what bounced and why, what failed"],
    ["dmalab run trace.txt.gz --dmesg dmesg.txt", "with the machine's log: drivers, pool bounds, command line"],
    ["dmalab run trace.dat --html report.html", "one file to look at, with the pool at the instant of each failure"],
    ["dmalab run trace.dat --swiotlb 8192,4,force", "the same requests on another pool"],
    ["dmalab run trace.dat --sizes auto", "which size and how many areas would have been enough"],
    ["dmalab run trace.dat --json | jq .exact", "did the model choose the kernel's own addresses?"],
    ["dmalab run full.trace.txt.gz", "a Xen dom0, with its dumps full.p2m.txt.gz ... found beside it"],
    ["dmalab run machines/xen-pv-dom0.yaml", "a machine that is described: guests, drivers, disks, every byte checked"],
    [
      "dmalab run machines/vtd-strict.yaml --image vtd.elf --image-at 80",
      "its memory as a core: dmalab inspect vtd.elf",
    ],
    [
      "dmalab run machines/vtd-strict.yaml --html vtd.html",
      "driver, DMA API, queue, unit, device in lanes; each DMA to be opened",
    ],
    ["dmalab run --replace-table --vendor vtd", "may a domain be replaced while DMA goes on? All pairs, by searches"],
    ["dmalab run --replace ss,fs", "one pair opened: what is stored, what is torn, what breaks"],
    ["dmalab run --scenario foreign-page", "a sentence of a public discussion as a run; --scenarios lists them"],
    ["dmalab run --bug stale-bounce", "a historic bug: the shortest run that shows it; --bugs lists them"],
  ],
  notes: [
    "How to record: boot with trace_event=dma,swiotlb,iommu trace_buf_size=12M, or run\n" +
      "  trace-cmd record -e dma -e swiotlb -e iommu -- sleep 10\n" +
      "A log beside the recording (dmesg.txt, also .gz or .zst) is read without being asked for.",
    "Exit code: 0 nothing wrong, 1 trouble found (a refused mapping, a leak, a broken rule), 2 asked wrongly or unreadable input.",
  ],
};

function sizes(text: string): "auto" | number[] {
  if (text === "auto") return "auto";
  const slots = text.split(",").map(Number);
  if (slots.every((n) => Number.isInteger(n) && n >= poolSlotsMin && n <= poolSlotsMax))
    return slots.map((n) => Math.ceil(n / 128) * 128);
  throw new InvalidArgumentError(
    `It takes auto, or numbers of slots from ${poolSlotsMin} to ${poolSlotsMax} with commas between them.`,
  );
}
