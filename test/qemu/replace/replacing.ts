/** Replacements drawn by a seed, one after the other, each played on QEMU's unit and then judged. */
import { Rng } from "../../../src/base/rng.js";
import { Ours } from "../program/ours.js";
import { ReplacementJudge } from "./judge_replacement.js";
import { QemuSide } from "./qemu_side.js";
import { ReplaceVerdict } from "./replace_verdict.js";
import type { ReplacedUnit } from "./replaced_unit.js";
import { type Edit, scriptOf } from "./script.js";
import { Explored, waysOf } from "./ways.js";

export interface Replacing {
  readonly replaced: ReplacedUnit;
  readonly seed: number;
  readonly count: number;
  /** Stop after so many milliseconds, however many were made. Left out: never. */
  readonly patienceMs?: number;
  /** So many wrong answers end it. Default 10. */
  readonly wrongMax?: number;
  readonly edit?: Edit;
}

export async function replaceUnderDma(o: Replacing): Promise<ReplaceVerdict> {
  const { replaced, seed, count, patienceMs = Number.POSITIVE_INFINITY, wrongMax = 10 } = o;
  const { unit } = replaced;
  const rng = new Rng(seed);
  const verdict = new ReplaceVerdict();
  const judge = new ReplacementJudge(replaced, new Ours(unit, rng), verdict);
  const qemuSide = new QemuSide(replaced);
  const ways = waysOf(replaced);
  const explored = new Map<number, Explored>();
  replaced.pages.fill(unit.twin.machine.qtest);
  const home = [...replaced.home, ...unit.asking(replaced.forgetAll)];
  await qemuSide.perform(home);
  judge.perform(home);
  const end = Date.now() + patienceMs;
  for (let n = 0; n < count && verdict.wrong.length < wrongMax && Date.now() < end; n++) {
    const index = rng.below(ways.length);
    const way = explored.get(index) ?? new Explored(replaced, ways[index]!);
    explored.set(index, way);
    const script = scriptOf(replaced, way, rng, o.edit);
    judge.judge(script, await qemuSide.play(script));
    const [ours, qemu] = await unit.progress();
    if (ours !== qemu) verdict.fails(`queues after ${Object.values(way.way).join(", ")}: ours ${ours}, QEMU ${qemu}`);
  }
  return verdict;
}
