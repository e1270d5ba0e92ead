/**
 * Units in a memory that comes without registers: device tables by their form, and by what they lead to.
 *
 * Only device structures are looked for. A page table alone says nothing of who uses it: a processor's tables have the
 * form of a first stage, a virtual machine's that of a second.
 */

import { frameBytes, type Mfn } from "../../../base/frame.js";
import { hex } from "../../../base/hex.js";
import type { MemoryView } from "../../../mem/view.js";
import type { InBlocks } from "../../../read/image/block.js";
import { isZero } from "../../../read/image/zeros.js";
import type { UnitRoot } from "../../../table/device/attachment.js";
import { FrameSource } from "../../../table/frame_source.js";
import { askTogether, type Together } from "../survey/crew.js";
import { pointersTask } from "../survey/pointers.js";
import { Survey } from "../survey/survey.js";
import { judge, scoreMin, type TableScore } from "./judge.js";
import { candidateUnits } from "./runs.js";

const pageBytes = frameBytes;

export interface ScanCandidate {
  readonly unit: UnitRoot;
  /** 0 to 1. */
  readonly score: number;
  /** How sure, and from what. */
  readonly because: string;
  /** false: another candidate that shares tables or devices with it is more likely the one in use. */
  readonly chosen: boolean;
}

interface Judged extends TableScore {
  readonly unit: UnitRoot;
  pointers: number | null;
}

/** Devices of all candidates that are looked at: a memory may be made to hold nothing but candidates. */
const devicesMax = 2 ** 19;
/** The share of the progress that the first reading takes. */
const firstShare = 0.7;

/**
 * @param image is read once as a whole, and once more when candidates cannot be told apart
 * @param survey of the image, where there is one: it may have been read
 * @returns candidates, the most likely first; of rivals one is chosen.
 */
export async function scanImage(
  image: MemoryView & InBlocks,
  { survey = new Survey(image, { names: false }), ...together }: Together & { readonly survey?: Survey } = {},
): Promise<ScanCandidate[]> {
  const { progress, breath } = together;
  await survey.read({ ...together, progress: (share) => progress?.(share * firstShare) });
  const memory = new FrameSource(image);
  const isEmpty = (frame: number) => {
    const words = memory.frame(frame as Mfn);
    return words !== undefined && isZero(words);
  };
  const judged: Judged[] = [];
  let devices = 0;
  for (const unit of candidateUnits(survey.found().parts, isEmpty)) {
    const verdict = judge(memory, unit);
    devices += verdict?.deviceCount ?? 0;
    if (devices > devicesMax) break;
    if (verdict !== null && verdict.score >= scoreMin) judged.push({ ...verdict, unit, pointers: null });
    await breath?.();
  }
  const alone = withoutParts(judged);
  await countPointers(image, alone, together);
  progress?.(1);
  return choose(alone);
}

/** The second level of a two-level table has the form of a linear one: it is no unit of its own. */
function withoutParts(judged: readonly Judged[]): Judged[] {
  const wholes = judged.filter((j) => j.unit.mode === "two-level");
  const isPart = (j: Judged) =>
    j.unit.mode === "linear" && wholes.some((w) => w.frames.has(Math.floor(j.unit.root / pageBytes)));
  return judged.filter((j) => !isPart(j));
}

/** Rivals that score alike are told apart by who points to them. */
async function countPointers(image: InBlocks, judged: readonly Judged[], together: Together): Promise<void> {
  const close = judged.filter((a) => judged.some((b) => a !== b && a.unit.root !== b.unit.root && areRivals(a, b)));
  if (close.length === 0) return;
  const roots = close.map((j) => j.unit.root);
  const counts = await askTogether(image, pointersTask, roots, {
    ...together,
    progress: (share) => together.progress?.(firstShare + share * (1 - firstShare)),
  });
  for (const [n, j] of close.entries()) j.pointers = counts[n]!;
}

function choose(judged: readonly Judged[]): ScanCandidate[] {
  const sorted = judged.toSorted((a, b) => weight(b) - weight(a) || a.unit.root - b.unit.root);
  const winners: Judged[] = [];
  const out: ScanCandidate[] = [];
  for (const j of sorted) {
    const rival = winners.find((w) => areRivals(w, j));
    if (rival === undefined) winners.push(j);
    const known = j.pointers === null ? "" : `; ${j.pointers} pointers to it`;
    const lost =
      rival === undefined
        ? ""
        : `; less likely than the one at ${hex(rival.unit.root)}, with which it shares tables or devices`;
    out.push({
      unit: j.unit,
      score: round(weight(j)),
      because: `${j.because}${known}${lost}`,
      chosen: rival === undefined,
    });
  }
  return out;
}

/** What nobody points to was probably freed; of two that score alike, the one that more point to is in use. */
const weight = (j: Judged) =>
  j.score * (j.pointers === null ? 1 : j.pointers === 0 ? 0.5 : 0.9 + 0.02 * Math.min(j.pointers, 5));

const round = (score: number) => Math.round(score * 1000) / 1000;

/** Of two tables for the same devices, or with the same tables below, one is in use. Stream ids are each unit's own. */
function areRivals(a: Judged, b: Judged): boolean {
  if (a.unit.root === b.unit.root || overlap(a.frames, b.frames)) return true;
  return a.unit.kind === b.unit.kind && a.unit.kind !== "smmuv3" && overlap(a.requesters, b.requesters);
}

function overlap(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  for (const n of small) if (large.has(n)) return true;
  return false;
}
