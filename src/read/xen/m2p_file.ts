/**
 * The machine-to-physical table as a dump in runs: which frame of its owner each machine frame is.
 *
 * A line is `mfn count kind value`, numbers in hexadecimal, the kind P (frames that count up from the value), C (one
 * value for all) or E (a hole, not readable). All ones is no frame. Source: Xen include/public/xen.h.
 */
import { hex } from "../../base/hex.js";
import type { ByteSource } from "../bytes.js";
import { Unreadable } from "../unreadable.js";
import { FrameRuns } from "./frame_runs.js";
import { numberedLines, shownLine } from "./lines.js";

const line = /^([0-9a-f]{1,13}) ([0-9a-f]{1,13}) ([PCE])(?: ([0-9a-f]{1,16}))?$/;
const counting = 1;
const constant = 2;
const hole = 3;
const codes: Readonly<Record<string, number>> = { P: counting, C: constant, E: hole };
const runsMax = 4_000_000;
/** Values from here on are marks and no frames: all ones, and other numbers above any frame. */
const framesMax = 2 ** 52;

export class M2pTable {
  readonly name: string;
  readonly #runs: FrameRuns;

  constructor(name: string, runs: FrameRuns) {
    this.name = name;
    this.#runs = runs;
  }

  /** @returns the frame number of the owner of machine frame `mfn`, NaN when there is none or it is not known. */
  owner(mfn: number): number {
    const r = this.#runs;
    const run = r.find(mfn);
    if (run < 0 || r.kind(run) === hole || r.value(run) >= framesMax) return Number.NaN;
    return r.kind(run) === constant ? r.value(run) : r.value(run) + mfn - r.from(run);
  }
}

/** @throws Unreadable, with the line, when a line is none of an M2P dump, and when there is not one run. */
export function readM2p(source: ByteSource): M2pTable {
  const runs = new FrameRuns();
  for (const { text, number } of numberedLines(source)) {
    if (text === "" || text.startsWith("#")) continue;
    const m = line.exec(text);
    if (m === null || (m[4] === undefined && m[3] !== "E")) {
      throw new Unreadable(source.name, `line ${number}`, "an M2P run `mfn count P|C|E value`", shownLine(text));
    }
    const count = Number.parseInt(m[2]!, 16);
    if (count === 0) throw new Unreadable(source.name, `line ${number}`, "a run of at least one frame", "an empty one");
    if (runs.length === runsMax) throw new Unreadable(source.name, `line ${number}`, `at most ${runsMax} runs`, "more");
    runs.add(Number.parseInt(m[1]!, 16), count, codes[m[3]!]!, Number.parseInt(m[4] ?? "0", 16));
  }
  if (runs.length === 0) throw new Unreadable(source.name, "", "an M2P dump", "not one run in it");
  const twice = runs.settle();
  if (!Number.isNaN(twice)) {
    throw new Unreadable(source.name, "", "each frame once", `machine frame ${hex(twice)} in two runs`);
  }
  return new M2pTable(source.name, runs);
}
