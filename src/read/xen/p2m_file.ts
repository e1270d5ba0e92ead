/**
 * A domain's P2M as a dump in runs: which machine frame each of its own frames stands for.
 *
 * A line is `pfn count kind mfn`, numbers in hexadecimal, the kind L (the domain's own), I (identity: the frame itself, as
 * for device memory), F (another domain's, mapped by a grant) or X (nothing there); mfn without flag bits. Words after it
 * are remarks, as are lines that begin with #. A domain that is mapped directly keeps foreign frames only, in a tree: a
 * dump of it has F alone, or nothing, and says so in a remark (`direct_mapped=1`).
 * Source: Linux arch/x86/include/asm/xen/page.h (kinds), arch/arm/xen/p2m.c (tree), XENFEAT_direct_mapped.
 */
import { hex } from "../../base/hex.js";
import type { ByteSource } from "../bytes.js";
import { Unreadable } from "../unreadable.js";
import { FrameRuns } from "./frame_runs.js";
import { numberedLines, shownLine } from "./lines.js";

/** What a frame of the domain stands for. */
export const FrameKind = { unknown: 0, local: 1, identity: 2, foreign: 3, invalid: 4 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

const kinds: Readonly<Record<string, FrameKind>> = {
  L: FrameKind.local,
  I: FrameKind.identity,
  F: FrameKind.foreign,
  X: FrameKind.invalid,
};

const line = /^([0-9a-f]{1,13}) ([0-9a-f]{1,13}) ([LIFX])(?: ([0-9a-f]{1,16}))?(?:\s.*)?$/;
const treeRemark = /^#.*(?:\bdirect_mapped=1\b|\bp2m tree\b)/;
/** More runs than this are no domain that can be read in good time. */
const runsMax = 4_000_000;

export class P2mTable {
  readonly name: string;
  /** A tree of foreign frames: whatever it does not list is the frame of its own number. */
  readonly isTree: boolean;
  readonly #runs: FrameRuns;

  constructor(name: string, runs: FrameRuns, isTree = false) {
    this.name = name;
    this.isTree = isTree;
    this.#runs = runs;
  }

  get runs(): number {
    return this.#runs.length;
  }

  /** @returns what the dump says of a frame; `unknown` when it says nothing. */
  kind(pfn: number): FrameKind {
    const run = this.#runs.find(pfn);
    return run < 0 ? FrameKind.unknown : (this.#runs.kind(run) as FrameKind);
  }

  /** @returns the machine frame, NaN when there is none or it is not known. */
  frame(pfn: number): number {
    const run = this.#runs.find(pfn);
    if (run < 0 || this.#runs.kind(run) === FrameKind.invalid) return Number.NaN;
    return this.#runs.value(run) + pfn - this.#runs.from(run);
  }

  /** Every run that maps something, in order of pfn. */
  *mapped(): Iterable<{
    readonly pfn: number;
    readonly count: number;
    readonly kind: FrameKind;
    readonly mfn: number;
  }> {
    const r = this.#runs;
    for (let i = 0; i < r.length; i++) {
      const kind = r.kind(i) as FrameKind;
      if (kind !== FrameKind.invalid) yield { pfn: r.from(i), count: r.count(i), kind, mfn: r.value(i) };
    }
  }
}

/** @throws Unreadable, with the line, when a line is none of a P2M dump, and when a dump that is no tree has not one run. */
export function readP2m(source: ByteSource): P2mTable {
  const runs = new FrameRuns();
  let isTree = false;
  for (const { text, number } of numberedLines(source)) {
    if (treeRemark.test(text)) isTree = true;
    if (text === "" || text.startsWith("#")) continue;
    const m = line.exec(text);
    const mapped = m !== null && (m[4] !== undefined || m[3] === "X");
    if (!mapped) {
      throw new Unreadable(source.name, `line ${number}`, "a P2M run `pfn count L|I|F|X mfn`", shownLine(text));
    }
    const count = Number.parseInt(m[2]!, 16);
    if (count === 0) throw new Unreadable(source.name, `line ${number}`, "a run of at least one frame", "an empty one");
    if (runs.length === runsMax) throw new Unreadable(source.name, `line ${number}`, `at most ${runsMax} runs`, "more");
    const kind = kinds[m[3]!]!;
    runs.add(Number.parseInt(m[1]!, 16), count, kind, kind === FrameKind.invalid ? 0 : Number.parseInt(m[4]!, 16));
  }
  if (runs.length === 0 && !isTree) throw new Unreadable(source.name, "", "a P2M dump", "not one run in it");
  const twice = runs.settle();
  if (!Number.isNaN(twice)) {
    throw new Unreadable(source.name, "", "each frame once", `frame ${hex(twice)} in two runs`);
  }
  return new P2mTable(source.name, runs, isTree);
}
