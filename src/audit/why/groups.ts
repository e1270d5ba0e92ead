/** Repeated lines as one finding with a count. */
import type { Finding, Verdict } from "./finding.js";
import type { LogLine } from "./log_line.js";

/** Different findings kept; a log that has more of them is counted, not kept. */
const groupsMax = 500;

interface Group {
  readonly line: LogLine;
  readonly verdict: Verdict;
  count: number;
  lastTime: number | null;
  /** Lowest and highest address of a fault, as 16 hexadecimal digits; "" for what is no fault. */
  lowest: string;
  highest: string;
}

/** "swiotlb_map: 756 callbacks suppressed": lines that the kernel's rate limit left out. */
const suppressedPattern = /\b(swiotlb_tbl_map_single|swiotlb_map|swiotlb_find_slots): (\d{1,9}) callbacks suppressed/;
const sizePattern = /\(sz: ?(\d{1,15}) bytes\)/;

const faultPattern = /(?:fault addr |\baddress=|\biova: )(?:0x)?([0-9a-f]{1,16})\b/;

export class FindingGroups {
  readonly #groups = new Map<string, Group>();
  #beyond = 0;
  #suppressed = 0;

  add(line: LogLine, verdict: Verdict): void {
    const device = verdict.device ?? line.device ?? "";
    const key = `${verdict.kind}|${device}|${sizeClass(line.text)}`;
    const known = this.#groups.get(key);
    if (known !== undefined) {
      known.count++;
      const address = faultAddress(line.text);
      if (address < known.lowest) known.lowest = address;
      if (address > known.highest) known.highest = address;
      known.lastTime = line.time ?? known.lastTime;
    } else if (this.#groups.size < groupsMax) {
      const address = faultAddress(line.text);
      this.#groups.set(key, { line, verdict, count: 1, lastTime: line.time, lowest: address, highest: address });
    } else {
      this.#beyond++;
    }
  }

  /** Note a line that says how many were not printed. */
  suppressed(text: string): void {
    const m = suppressedPattern.exec(text);
    if (m !== null) this.#suppressed += Number(m[2]);
  }

  /** @param more a verdict about the log as a whole, put first; null for none. */
  findings(more: { readonly line: LogLine; readonly verdict: Verdict } | null): Finding[] {
    const found: Finding[] = [];
    if (more !== null)
      found.push(finding({ ...more, count: 1, lastTime: more.line.time, lowest: "", highest: "" }, ""));
    const hasFaults = [...this.#groups.values()].some(
      (g) => g.verdict.kind.startsWith("dmar-") && g.verdict.notice !== true,
    );
    let suppressed = this.#suppressed;
    for (const group of this.#groups.values()) {
      // "handling fault status" only announces the lines that follow: of no use beside them.
      if (hasFaults && group.verdict.kind === "dmar-status") continue;
      const full = group.line.text.includes("swiotlb buffer is full");
      found.push(
        finding(
          group,
          full && suppressed > 0
            ? `${suppressed} more "full" lines of this log were suppressed by the kernel's rate limit`
            : "",
        ),
      );
      if (full) suppressed = 0;
    }
    if (this.#beyond > 0 && found.length > 0) {
      const last = found[found.length - 1]!;
      found[found.length - 1] = {
        ...last,
        evidence: `${last.evidence}. ${this.#beyond} further lines of other kinds are not listed`,
      };
    }
    return found;
  }
}

function finding(group: Group, note: string): Finding {
  const { line, verdict, count, lastTime } = group;
  const span = line.time === null || lastTime === null ? "" : `, from ${line.time} s to ${lastTime} s`;
  const repeated =
    count === 1 ? "" : `${count} lines like this one${span}${addresses(group)}; the numbers are the first one's`;
  return {
    line: line.line,
    cause: verdict.cause,
    evidence: [verdict.evidence, repeated, note].filter((part) => part !== "").join(". "),
    do: verdict.do,
    kind: verdict.kind,
    trouble: verdict.notice !== true,
    device: verdict.device ?? line.device,
    time: line.time,
    count,
    lastTime,
  };
}

/** Faults at one address are one access repeated; at many, a device that goes on. */
function addresses(group: Group): string {
  if (group.lowest === "") return "";
  const short = (address: string): string => `0x${address.replace(/^0+(?=.)/, "")}`;
  if (group.lowest === group.highest) return `, all at ${short(group.lowest)}`;
  return `, at ${short(group.lowest)} to ${short(group.highest)}`;
}

function faultAddress(text: string): string {
  return faultPattern.exec(text)?.[1]?.padStart(16, "0") ?? "";
}

/** Sizes of one power of two count as the same kind of request. */
function sizeClass(text: string): number {
  const m = sizePattern.exec(text);
  return m === null ? 0 : Math.ceil(Math.log2(Math.max(1, Number(m[1]))));
}
