/** The options of `dmalab why`. */
import { type OptionRow, under, type VerbRow } from "./option.js";
import { everyVerb, file, memory, wholeNumber } from "./values.js";

const forms = {
  log: "a kernel log",
  line: "a line (--line)",
  setting: "a setting (--swiotlb)",
  recording: "a recording (--trace)",
} as const;

const subject = under("What to explain:", ["line"]);
const machine = under("The machine, where no log says it:", ["log", "line", "setting"]);
const output = under("Output:", Object.keys(forms));

const options: readonly OptionRow[] = [
  subject("line", { shown: "<text>" }, "explain this line", { makes: "line" }),
  subject("swiotlb", { shown: "<text>" }, "explain this swiotlb= setting", {
    forms: ["setting"],
    makes: "setting",
  }),
  subject("trace", file, "explain the refusals of this recording", {
    forms: ["recording"],
    makes: "recording",
  }),
  machine("cpus", { shown: "<n>", parse: wholeNumber(1, 8192) }, "how many CPUs it has", { forms: ["setting"] }),
  machine("memory", { shown: "<size>", parse: memory }, "how much memory it has (512MiB, 4GiB)"),
  ...everyVerb(output, "dmalab.why/1"),
];

export const whyVerb: VerbRow = {
  name: "why",
  about: "Say why a bounce buffer was full, what an IOMMU fault means, or whether a swiotlb= setting can work.",
  argument: { name: "log", about: "a kernel log; - is standard input" },
  forms,
  options,
  examples: [
    ["dmesg | dmalab why -", "what the log of this machine says of swiotlb and IOMMUs"],
    ["dmalab why /var/log/kern.log", "the same of a file, also .gz and .zst"],
    [
      "dmalab why --line 'nvme 0000:00:03.0: swiotlb buffer is full (sz: 69632 bytes), total 512 (slots), used 473 (slots)'",
      "one line",
    ],
    ["dmalab why --swiotlb 65536 --cpus 64 --memory 4GiB", "can this setting work?"],
    ["dmalab why --trace trace.dat", "why each refused mapping of a recording failed"],
  ],
  notes: ["Exit code: 0 nothing wrong, 1 trouble found, 2 asked wrongly or unreadable input."],
};
