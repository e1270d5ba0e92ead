/**
 * `why` for a `swiotlb=` setting: what the kernel makes of it, and what cannot work.
 *
 * The parser takes what it understands and passes over the rest in silence, so that a mistake shows only in the size
 * of the pool. The kernel's own reading is sw/swiotlb's; here are the judgements, one row each.
 */
import { Misuse } from "../../../base/assert.js";
import { countWords, plural } from "../../../base/count_words.js";
import { mappingBytesMax, poolSlotsDefault, poolSlotsMin, setSlots, slotBytes } from "../../../spec/swiotlb/sizes.js";
import { type Parameter, parseSwiotlb, readParameter } from "../../../sw/swiotlb/parameter.js";
import { bytesInWords, percent, slotsInWords } from "../../words/quantity.js";
import { type MachineContext, nothingKnown } from "../context.js";
import type { Diagnosis, Finding } from "../finding.js";
import { liesAnywhere, lowMemoryDoubtful } from "./larger_pool.js";

/** A setting as the kernel reads it. */
interface Reading extends Parameter {
  /** The value, without `swiotlb=`. */
  readonly text: string;
  /** Bytes of the pool, as far as the machine is known. */
  readonly bytes: number;
  readonly machine: MachineContext;
}

type Row = (s: Reading) => Diagnosis | null;

/** Low memory ends here: 32-bit addresses. */
const lowMemory = 2 ** 32;
const unitBytes: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

const wrongUnit: Row = (s) => {
  const unit = /^([kKmMgG])([iI]?[bB])?(?:,|$)/.exec(s.ignored);
  if (unit === null || s.asked.slots === null) return null;
  const wanted = s.asked.slots * unitBytes[unit[1]!.toLowerCase()]!;
  return {
    kind: "setting-unit",
    cause:
      "The number counts slots of 2 KiB, not bytes, and the unit behind it is passed over in silence: the pool " +
      "becomes tiny.",
    evidence:
      `${s.text}: the kernel reads ${plural(s.asked.slots, "slot")} and ignores "${s.ignored}", which ` +
      `leaves a pool of ${slotsInWords(s.slots)}`,
    do: `For ${bytesInWords(wanted)} write swiotlb=${Math.ceil(wanted / slotBytes)}.`,
  };
};

const tooSmall: Row = (s) => {
  const asked = s.asked.slots;
  if (asked === null || asked === 0 || asked >= poolSlotsMin || wrongUnit(s) !== null) return null;
  return {
    kind: "setting-small",
    cause: "The number counts slots of 2 KiB. This is less than the smallest useful pool: perhaps MiB were meant.",
    evidence:
      `${plural(asked, "slot")} of 2 KiB ${asked === 1 ? "makes" : "make"} ${bytesInWords(asked * slotBytes)}; one request may take ` +
      `${bytesInWords(mappingBytesMax)}, and the default is ${slotsInWords(poolSlotsDefault)}`,
    do:
      `If ${asked} MiB were meant, write swiotlb=${asked * 512}. Else ask for ${poolSlotsMin} slots (1 MiB) ` +
      `at least.`,
  };
};

const wrongOrder: Row = (s) => {
  const order = /^(force|noforce),(.+)$/.exec(s.ignored);
  if (order === null) return null;
  return {
    kind: "setting-order",
    cause: `"${order[1]}" must come last. As it stands the kernel takes neither it nor what follows.`,
    evidence: `${s.text}: "${s.ignored}" is passed over in silence; the pool stays ${slotsInWords(s.slots)}`,
    do: `Write swiotlb=${order[2]},${order[1]}.`,
  };
};

const unknownWords: Row = (s) => {
  if (s.ignored === "" || wrongUnit(s) !== null || wrongOrder(s) !== null) return null;
  return {
    kind: "setting-unknown",
    cause: "The kernel does not understand part of the setting and passes over it in silence.",
    evidence:
      `${s.text}: ignored is "${s.ignored.slice(0, 80)}"; understood are slots, areas, and then exactly ` +
      `"force" or "noforce"`,
    do: "Write swiotlb=SLOTS[,AREAS][,force|noforce], with slots of 2 KiB.",
  };
};

const zeroSlots: Row = (s) => {
  if (s.asked.slots !== 0) return null;
  return {
    kind: "setting-zero",
    cause: "0 slots do not switch the pool off: the kernel raises them to 128 for each area.",
    evidence: `areas: ${s.areas === 0 ? "one for each CPU" : s.areas}`,
    do: "To switch it off write swiotlb=noforce; to have the default leave the number out.",
  };
};

const tooLarge: Row = (s) => {
  if (s.bytes < lowMemoryDoubtful || liesAnywhere(s.machine)) return null;
  const impossible = s.bytes >= lowMemory;
  return {
    kind: "setting-low-memory",
    cause: impossible
      ? "The pool cannot exist: it must lie below 4 GiB in one piece, and is not smaller than that."
      : "The pool must lie below 4 GiB in one piece, beside the kernel, firmware and the devices' windows. Few " +
        "machines have such a piece free at boot.",
    evidence:
      `${slotsInWords(s.slots)}. When there is no room the kernel halves the pool until it fits, down to 1 MiB, ` +
      'and says so in one line ("bounce buffer size adjusted"). Confidential guests may place it above 4 GiB',
    do:
      `Look in the boot log for what was allocated, and ask for ${bytesInWords(lowMemoryDoubtful / 2)} ` +
      `(swiotlb=${lowMemoryDoubtful / 2 / slotBytes}) if it was less. A larger pool does not allow larger ` +
      `requests: 256 KiB is the limit.`,
    notice: s.bytes === lowMemoryDoubtful,
  };
};

const halfOfMemory: Row = (s) => {
  const memory = s.machine.memoryBytes;
  if (memory === null || s.bytes * 2 <= memory || s.mode === "noforce") return null;
  const most = 2 ** Math.floor(Math.log2(memory / 4 / slotBytes));
  return {
    kind: "setting-memory",
    cause: "The pool would take more than half of the machine's memory, and keeps it for good.",
    evidence: `${bytesInWords(s.bytes)} of ${bytesInWords(memory)} (${percent(s.bytes, memory)})`,
    do: `Give it a quarter at most: swiotlb=${Math.max(poolSlotsMin, most)}.`,
  };
};

/** The number is a mistake: what follows from it is not worth a word. */
const mistaken = (s: Reading): boolean => wrongUnit(s) !== null || tooSmall(s) !== null;

const raised: Row = (s) => {
  const asked = s.asked.slots;
  const rounded = asked === null ? poolSlotsDefault : Math.ceil(asked / setSlots) * setSlots;
  if (s.areas === 0 || s.slots === rounded || asked === 0 || mistaken(s)) return null;
  const byAreas = rounded < s.areas * setSlots;
  return {
    kind: byAreas ? "setting-areas" : "setting-rounded",
    cause: byAreas
      ? "The pool becomes larger than asked for: each area needs 128 slots, and there is one area for each CPU " +
        "unless the setting names them."
      : "The pool becomes larger than asked for: the kernel makes it a power of two.",
    evidence:
      `${asked === null ? "the default" : slotsInWords(asked)} becomes ${slotsInWords(s.slots)} with ` +
      `${plural(s.areas, "area")}: ${s.steps.join("; ")}`,
    do: byAreas
      ? `Nothing, if memory allows; else name fewer areas: ` +
        `swiotlb=${rounded},${Math.max(1, 2 ** Math.floor(Math.log2(rounded / setSlots)))}.`
      : "Nothing, if memory allows; else ask for the power of two below.",
    notice: s.slots < rounded * 4,
  };
};

const narrowAreas: Row = (s) => {
  if (s.areas < 2 || s.slots / s.areas >= 2 * setSlots || s.mode === "noforce" || mistaken(s)) return null;
  return {
    kind: "setting-narrow-areas",
    cause:
      "Each area is a single slot set: a request of 256 KiB fits only while one area is wholly empty, and small " +
      "mappings block it.",
    evidence: `${plural(s.slots, "slot")} in ${plural(s.areas, "area")} are ${countWords(s.slots / s.areas)} each`,
    do: `Name fewer areas, or ask for ${plural(s.areas * setSlots * 4, "slot")} or more.`,
    notice: true,
  };
};

const off: Row = (s) => {
  if (s.mode !== "noforce") return null;
  const memory = s.machine.memoryBytes;
  const small = memory !== null && memory <= 3 * 2 ** 30;
  return {
    kind: "setting-off",
    cause:
      "noforce switches the pool off: a device that cannot reach a buffer (32-bit DMA and memory above 4 GiB) then " +
      "fails instead of bouncing.",
    evidence:
      memory === null ? "how much memory the machine has is not known here" : `the machine has ${bytesInWords(memory)}`,
    do:
      "Use it only when every device reaches all memory or sits behind an IOMMU; not in confidential guests, and not " +
      "with untrusted external ports.",
    notice: small,
  };
};

const whatItIs: Row = (s) => {
  if (s.mode === "noforce") return null;
  const areas = s.areas === 0 ? "one area for each CPU (at least 128 slots each)" : plural(s.areas, "area");
  const mode = s.mode === "force" ? "every DMA bounces, with the cost of a copy" : "devices bounce when they need to";
  return {
    kind: "setting",
    cause: `The setting asks for ${slotsInWords(s.slots)}, ${areas}; ${mode}.`,
    evidence:
      `slots are 2 KiB. Whatever the pool's size, one request gets 256 KiB at ` +
      `most${s.steps.length === 0 ? "" : `. ${s.steps.join("; ")}`}`,
    do: "Nothing by itself: whether it is enough shows a recording (trace_event=dma,swiotlb) that is replayed on it.",
    notice: true,
  };
};

const rows: readonly Row[] = [
  wrongUnit,
  wrongOrder,
  unknownWords,
  tooSmall,
  zeroSlots,
  tooLarge,
  halfOfMemory,
  off,
  raised,
  narrowAreas,
  whatItIs,
];

/**
 * Explain a setting: the value, `swiotlb=` with it, or a command line that holds it.
 * @returns what is wrong with it first, then what it means.
 */
export function explainSetting(given: string, machine: MachineContext = nothingKnown): Finding[] {
  const line = given.trim().slice(0, 4096);
  const text = settingIn(line);
  if (text === null) return [finding(line, notThisOne(line))];
  const cpus = machine.cpus;
  const read = cpus !== null && cpus >= 1 ? parseSwiotlb(text, { cpus }) : readParameter(text);
  const reading: Reading = { ...read, text, bytes: read.mode === "noforce" ? 0 : read.slots * slotBytes, machine };
  return rows
    .map((row) => row(reading))
    .filter((v) => v !== null)
    .map((v) => finding(line, v));
}

/** @throws Misuse `setting` for a pool beyond the 52 bits that addresses have: no machine could hold it. */
export function checkSetting(given: string): void {
  const { slots } = readParameter(settingIn(given.trim().slice(0, 4096)) ?? "");
  if (slots * slotBytes <= 2 ** 52) return;
  throw new Misuse("setting", `a pool of more than 4096 TiB (slots are 2 KiB); no machine has that much memory`);
}

/** @returns null when another parameter is given and swiotlb= is not. */
function settingIn(line: string): string | null {
  const all = [...line.matchAll(/(?:^|\s)swiotlb=(\S*)/g)];
  if (all.length > 0) return all[all.length - 1]![1]!;
  return /[=\s]/.test(line) ? null : line;
}

function notThisOne(line: string): Diagnosis {
  return {
    kind: "setting-other",
    cause: "This is no swiotlb= setting.",
    evidence: `"${line.slice(0, 80)}"`,
    do:
      "Give the value of swiotlb=, as in 32768,force. Other parameters that set a pool in bytes (hv_pci_swiotlb=…) " +
      "are read by other code.",
  };
}

function finding(line: string, v: Diagnosis): Finding {
  const { kind, cause, evidence } = v;
  return {
    line,
    cause,
    evidence,
    do: v.do,
    kind,
    trouble: v.notice !== true,
    device: null,
    time: null,
    count: 1,
    lastTime: null,
  };
}
