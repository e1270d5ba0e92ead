/** Repeated lines as one finding with a count: those of one device that are cured by the same. */
import { countWords, plural } from "../../../base/count_words.js";
import { hex } from "../../../base/hex.js";
import type { Diagnosis, Finding } from "../finding.js";
import type { LogLine } from "../log_line.js";
import { isLimitedIn, isOurs, onlySuppressed } from "./suppressed.js";

/** Different findings kept; a log that has more of them is counted, not kept. */
const groupsMax = 500;
/** Functions whose suppressed lines are counted one by one. */
const namesMax = 100;
/** Seconds within which a line can repeat what the one before it said. */
const echoSeconds = 1;

interface Group {
  readonly line: LogLine;
  readonly verdict: Diagnosis;
  count: number;
  lastTime: number | null;
  /** Lowest and highest address that was wanted; null for what is no access. */
  lowest: bigint | null;
  highest: bigint | null;
  /** Its lines by what they say: those of other causes that the same remedy cures stand behind the first one's. */
  readonly kinds: Map<string, Kind>;
}

interface Kind {
  readonly verdict: Diagnosis;
  count: number;
  /** What a further line said of the same event, and what it advises. */
  echo: string;
  cure: string;
}

export class FindingGroups {
  /** By device, then by remedy or kind; in `#inOrder` as they came. */
  readonly #groups = new Map<string, Map<string, Group>>();
  readonly #inOrder: Group[] = [];
  readonly #suppressed = new Map<string, { count: number; readonly line: LogLine }>();
  /** Kinds of which a line was read that says only that something failed. */
  readonly #vagueKinds = new Set<string>();
  #xenLeftOut = 0;
  #beyond = 0;
  /** What the last line was put to. */
  #last: { readonly kind: Kind; readonly device: string; readonly time: number | null } | null = null;

  /** @param address where a device wanted to go, by which repeated faults are told apart from a device that moves on */
  add(line: LogLine, verdict: Diagnosis, address: bigint | null = null): void {
    const device = verdict.device ?? line.device ?? "";
    if (verdict.echo !== undefined && this.#isEcho(line, device)) {
      this.#last!.kind.echo ||= verdict.echo;
      if (this.#last!.kind.verdict.remedy === verdict.remedy) this.#last!.kind.cure ||= verdict.echoCure ?? "";
      return;
    }
    let ofDevice = this.#groups.get(device);
    const key = verdict.remedy ?? verdict.kind;
    if (verdict.vague !== undefined) this.#vagueKinds.add(verdict.kind);
    if (
      ofDevice !== undefined &&
      this.#vagueKinds.has(verdict.kind) &&
      this.#joinsVague(ofDevice, device, line, verdict, key)
    )
      return;
    let group = ofDevice?.get(key);
    if (group !== undefined) counted(group, line, verdict, address);
    else if (this.#inOrder.length >= groupsMax) {
      this.#beyond++;
      return;
    } else {
      if (ofDevice === undefined) this.#groups.set(device, (ofDevice = new Map()));
      group = newGroup(line, verdict, address);
      ofDevice.set(key, group);
      this.#inOrder.push(group);
    }
    this.#last = { kind: group.kinds.get(verdict.kind)!, device, time: line.time };
  }

  /** Note that lines of a function were not printed. */
  suppressed(line: LogLine, name: string, count: number): void {
    const known = this.#suppressed.get(name);
    if (known !== undefined) known.count += count;
    else if (this.#suppressed.size < namesMax) this.#suppressed.set(name, { count, line });
  }

  /** Note that Xen left messages out, of whatever kind. */
  suppressedByXen(count: number): void {
    this.#xenLeftOut += count;
  }

  /** @param more a verdict about the log as a whole, put first; null for none. */
  findings(more: { readonly line: LogLine; readonly verdict: Diagnosis } | null): Finding[] {
    const groups = this.#inOrder;
    const hasFaults = groups.some(
      (g) => g.verdict.kind.startsWith("dmar-") && g.verdict.kind !== "dmar-status" && g.verdict.notice !== true,
    );
    // "handling fault status" only announces the lines that follow: of no use beside them.
    const said = groups.filter((g) => !(hasFaults && g.verdict.kind === "dmar-status"));
    if (more !== null) said.unshift(newGroup(more.line, more.verdict));
    const left = new Map<Group, string[]>();
    for (const [name, { count, line }] of this.#suppressed) {
      const limited = said.filter((g) => isLimitedIn(g.verdict, name));
      let group = limited.find((g) => g.verdict.notice !== true) ?? limited[0];
      if (group === undefined && isOurs(name)) said.push((group = newGroup(line, onlySuppressed(name, count))));
      else if (group !== undefined)
        left.set(group, [
          ...(left.get(group) ?? []),
          `${plural(count, "more such line")} ${count === 1 ? "was" : "were"} suppressed by the kernel's rate limit (${name})${storm(count, group.count)}`,
        ]);
    }
    const ofXen = this.#xenLeftOut === 0 ? undefined : said.find((g) => g.line.line.includes("(XEN)"));
    if (ofXen !== undefined) {
      const words = `Xen's rate limit left out ${plural(this.#xenLeftOut, "message")}; it does not say which, and they are mostly of this kind`;
      left.set(ofXen, [...(left.get(ofXen) ?? []), words]);
    }
    const found = said.map((group) => finding(group, left.get(group) ?? []));
    if (this.#beyond > 0 && found.length > 0) {
      const last = found[found.length - 1]!;
      found[found.length - 1] = {
        ...last,
        evidence: `${last.evidence}. ${plural(this.#beyond, "further line")} of other kinds ${this.#beyond === 1 ? "is" : "are"} not listed`,
      };
    }
    return found;
  }

  /** Lines that say only that something failed, and the one that says what: one finding, told by the latter. */
  #joinsVague(ofDevice: Map<string, Group>, device: string, line: LogLine, verdict: Diagnosis, key: string): boolean {
    for (const [known, group] of ofDevice) {
      const { kind, vague } = group.verdict;
      if (kind !== verdict.kind || (vague === undefined) === (verdict.vague === undefined)) continue;
      if (verdict.vague !== undefined) {
        group.kinds.get(kind)!.echo ||= verdict.vague;
        return true;
      }
      const told = newGroup(line, verdict);
      told.kinds.get(kind)!.echo = vague!;
      ofDevice.delete(known);
      ofDevice.set(key, told);
      this.#inOrder[this.#inOrder.indexOf(group)] = told;
      this.#last = { kind: told.kinds.get(kind)!, device, time: line.time };
      return true;
    }
    return false;
  }

  #isEcho(line: LogLine, device: string): boolean {
    const last = this.#last;
    if (last === null || (device !== "" && last.device !== "" && device !== last.device)) return false;
    return line.time === null || last.time === null || Math.abs(line.time - last.time) <= echoSeconds;
  }
}

/** Lines left out from here on: a device that does not stop. */
const stormMin = 1000;

function storm(left: number, shown: number): string {
  return left < stormMin ? "" : `: a storm, ${countWords(left + shown)} with those that are here`;
}

function newGroup(line: LogLine, verdict: Diagnosis, address: bigint | null = null): Group {
  return {
    ...{ line, verdict, count: 1, lastTime: line.time, lowest: address, highest: address },
    kinds: new Map([[verdict.kind, { verdict, count: 1, echo: "", cure: "" }]]),
  };
}

function counted(group: Group, line: LogLine, verdict: Diagnosis, address: bigint | null): void {
  group.count++;
  group.lastTime = line.time ?? group.lastTime;
  if (address !== null) {
    if (group.lowest === null || address < group.lowest) group.lowest = address;
    if (group.highest === null || address > group.highest) group.highest = address;
  }
  const kind = group.kinds.get(verdict.kind);
  if (kind === undefined) group.kinds.set(verdict.kind, { verdict, count: 1, echo: "", cure: "" });
  else kind.count++;
}

function finding(group: Group, notes: readonly string[]): Finding {
  const { line, verdict, count, lastTime } = group;
  const span = line.time === null || lastTime === null ? "" : `, from ${line.time} s to ${lastTime} s`;
  const repeated =
    count === 1
      ? ""
      : `${plural(count, "line")} like this one${span}${addresses(group)}; the numbers are the first one's`;
  const [first, ...others] = group.kinds.values();
  const parts = [verdict.evidence, first!.echo, repeated, ...others.flatMap(otherKind), ...notes];
  const evidence = parts.filter((part) => part !== "").map((part) => part.replace(/\.$/, ""));
  return {
    line: line.line,
    cause: verdict.cause,
    evidence: evidence.join(". "),
    do: first!.cure || verdict.do,
    kind: verdict.kind,
    trouble: verdict.notice !== true,
    device: verdict.device ?? line.device,
    time: line.time,
    count,
    lastTime,
  };
}

/** Lines of another cause in the same finding: how many, and the first of them. */
function otherKind({ verdict, count, echo }: Kind): string[] {
  const firstSentence = /^.*?[.:](?= |$)/.exec(verdict.cause)?.[0] ?? verdict.cause;
  return [`${countWords(count)} of them: ${firstSentence.slice(0, -1)} (${verdict.evidence})`, echo];
}

/** Faults at one address are one access repeated; at many, a device that goes on. */
function addresses({ lowest, highest }: Group): string {
  if (lowest === null || highest === null) return "";
  const from = hex(lowest);
  return lowest === highest ? `, all at ${from}` : `, at ${from} to ${hex(highest)}`;
}
