/** What replacements under running DMA came to. */
import type { Difference } from "../program/known.js";
import type { End } from "./ends.js";
import type { Phase } from "./script.js";

export class ReplaceVerdict {
  replacements = 0;
  accesses = 0;
  /** Where accesses ended: as the old domain says, as the new one, as both, refused; where neither leads. */
  readonly ends: Readonly<Record<Phase, { old: number; new: number; both: number; refused: number; neither: number }>> =
    {
      before: { old: 0, new: 0, both: 0, refused: 0, neither: 0 },
      during: { old: 0, new: 0, both: 0, refused: 0, neither: 0 },
      after: { old: 0, new: 0, both: 0, refused: 0, neither: 0 },
    };
  /** Accesses that ours answers by a stale entry, otherwise than its tables say. */
  stale = 0;
  /** By name: what QEMU does otherwise. */
  readonly known = new Map<string, number>();
  /** Sentences; the first few. */
  readonly wrong: string[] = [];

  count(phase: Phase, end: End, before: End, after: End): void {
    const leads = end === before ? (end === after ? "both" : "old") : end === after ? "new" : "neither";
    this.ends[phase][end === null ? "refused" : leads]++;
  }

  differs(name: string | null, { ours, qemu }: Difference, what: string): void {
    if (name !== null) this.known.set(name, (this.known.get(name) ?? 0) + 1);
    else this.fails(`${what}: we say ${[...new Set(ours)].join(" or ")}; QEMU ${qemu}`);
  }

  fails(what: string): void {
    if (this.wrong.length < 20) this.wrong.push(what);
  }
}
