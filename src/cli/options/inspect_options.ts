/** The options of `dmalab inspect`. */
import { rootForms } from "../../audit/inspect/walk/where_given.js";
import { type OptionRow, under, type VerbRow } from "./option.js";
import { everyVerb, file, frameAddress, pages, socket } from "./values.js";

const forms = {
  image: "a memory image with a mark of its form (ELF core, kdump, LiME)",
  raw: "a raw image (--raw)",
  live: "a running guest (--qmp, --ram)",
} as const;

const all = Object.keys(forms);

const tables = under("Where the tables are:", all);
const question = under("Questions:", all);
const raw = under("Raw images:", ["raw"]);
const live = under("A running guest:", ["live"]);
const output = under("Output:", all);

const bothOfLive = "a live guest takes both: --qmp SOCKET --ram FILE";
const walk = { needs: { option: "at", or: "it draws one walk; say which with --at BDF:IOVA" } };

const options: readonly OptionRow[] = [
  tables("registers", file, "register values of the units (JSON; found beside the image)"),
  tables(
    "root",
    { shown: "<kind:address>" },
    `where a unit's tables are: ${rootForms.join(", ")}; again for each unit`,
    {
      many: true,
    },
  ),
  tables("scan", null, "find the tables by their form"),
  tables("pci", file, "what is on the bus: the text of QEMU's info pci, of lspci -nnvv, or of lspci -nn and lspci -t"),
  question("device", { shown: "<BDF>" }, "show this device only, and all of its mappings"),
  question("who", { shown: "<address>" }, "which devices reach this physical address"),
  question("at", { shown: "<BDF[/PASID]:IOVA>" }, "where an address of a device leads, entry by entry"),
  question("diff", file, "what differs in this other image (exit code 1 where something does)"),
  question("diff-registers", file, "register values for the other image", {
    needs: { option: "diff", or: "say which other image they are of, with --diff FILE" },
  }),
  raw("raw", null, "the image is memory and nothing else", { makes: "raw" }),
  raw("base", { shown: "<address>", parse: frameAddress }, "physical address of its first byte"),
  raw("ram-low", { shown: "<size>", parse: pages }, "how much of it lies below 4 GiB; the rest begins there"),
  live("qmp", socket, "the QMP socket of QEMU", {
    makes: "live",
    needs: { option: "ram", or: bothOfLive },
  }),
  live("ram", file, "the guest's memory, shared as a file (-object memory-backend-file,share=on)", {
    makes: "live",
    needs: { option: "qmp", or: bothOfLive },
  }),
  output("strict", null, "exit code 1 also for what is not shown to be safe (⚠)"),
  output("html", file, "write a page to look at: a map of memory, devices, tables, search by address", {
    not: { diff: "the page shows one image" },
  }),
  output("svg", file, "draw the walk that --at asks for", walk),
  output("dot", file, "the same for Graphviz", walk),
  ...everyVerb(output, "dmalab.inspect/1"),
];

export const inspectVerb: VerbRow = {
  name: "inspect",
  about: "Say which device reaches which memory: from a memory image, or from a running QEMU guest.",
  argument: { name: "image", about: "a memory image; - is standard input" },
  forms,
  options,
  examples: [
    ["dmalab inspect vmcore", "units, devices, what each reaches, what is wrong"],
    ["dmalab inspect mem.elf.gz --registers regs.json", "with the units' registers (found by itself beside the image)"],
    ["dmalab inspect vmcore --who 0x44e9000", "which devices reach this physical address, and by which of theirs"],
    [
      "dmalab inspect vmcore --at 00:03.0:0xfffc0000",
      "every entry that the unit reads for it, to the page or the fault",
    ],
    ["dmalab inspect vmcore --at 00:03.0:0xfffc0000 --svg walk.svg", "the same as a picture"],
    ["dmalab inspect vmcore --html reach.html", "one file to look at: who reaches which memory"],
    ["dmalab inspect vmcore --device 00:03.0", "all mappings of one device"],
    ["dmalab inspect before.elf --diff after.elf", "ranges that each device gained and lost"],
    ["dmalab inspect vmcore --scan", "find the tables by their form; needs no registers"],
    ["dmalab inspect --qmp qmp.sock --ram ram.bin", "a running QEMU guest: paused, read, resumed"],
    ["dmalab inspect vmcore --json | jq .findings", "schema dmalab.inspect/1"],
  ],
  notes: [
    "Images are ELF cores (also /proc/vmcore and QEMU's dump-guest-memory), kdump-compressed files, LiME, and with --raw any file that is memory and nothing else; each also as .gz and .zst.\n" +
      'Registers are a JSON file: { "kind": "vtd|amdvi|smmuv3", "registers": { "0xfed90020": "0x0000000003a88000" } }, values by physical address. ' +
      "Without them ACPI tables and then a scan of the image say where the tables are.",
    "✗ trouble: a device reaches what it should not, or tables are wrong. ⚠ not shown to be safe: nothing wrong was found, and what was given leaves room for it. ✓ shown: devices reach what is listed and nothing else.",
    "Exit code: 0 for ✓ and ⚠, 1 for ✗ (with --strict for ⚠ too), or where --at asked for an address that faults, 2 asked wrongly or unreadable input.",
  ],
};
