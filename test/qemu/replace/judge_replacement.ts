/**
 * Scripts played on our unit, and what QEMU did held against it and against what the search of the entry says.
 *
 * Each access is judged twice. Ours, by the same stores and commands, gives the same data or the same fault; where units may
 * keep or drop what they cached, ours is asked with it and without. And it ends where the old domain leads, or the new one, or
 * by one of the views that the search met; not refused where both lead alike and the way is hitless; as before, before the
 * first step, and by the new domain after the last.
 */
import { frameBytes } from "../../../src/base/frame.js";
import { AddressType, type DmaRequest } from "../../../src/hw/iommu/core/request.js";
import type { Attachment, LookupFault } from "../../../src/table/device/index.js";
import { reachWord } from "../program/answer.js";
import { Ours } from "../program/ours.js";
import type { Act } from "../program/twin.js";
import { type End, endIfPresent, entryNow } from "./ends.js";
import { MayHold, tagOf } from "./may_hold.js";
import { PassedOnce } from "./passed_once.js";
import type { ReplaceVerdict } from "./replace_verdict.js";
import type { ReplacedUnit } from "./replaced_unit.js";
import type { Dma, Script } from "./script.js";

export class ReplacementJudge {
  readonly #replaced: ReplacedUnit;
  readonly #ours: Ours;
  readonly #verdict: ReplaceVerdict;
  #passed: PassedOnce;
  /** What the entry was since it was forgotten last, the latest first: the unit may have read any of them. */
  #entries: Uint32Array[] = [];
  readonly #held = new MayHold();
  /** By page, in this script: where QEMU let it lead by an entry that is not present. */
  readonly #strayed = new Map<number, Set<number>>();

  constructor(replaced: ReplacedUnit, ours: Ours, verdict: ReplaceVerdict) {
    this.#replaced = replaced;
    this.#ours = ours;
    this.#verdict = verdict;
    this.#passed = new PassedOnce(replaced);
  }

  perform(acts: readonly Act[]): void {
    const { unit } = this.#replaced;
    for (const act of acts) unit.twin.performHere(act, unit.registers);
    unit.work();
    unit.state.settle();
  }

  /** @param answers QEMU's, of each access in turn */
  judge(script: Script, answers: readonly string[]): void {
    this.#verdict.replacements++;
    this.#passed = new PassedOnce(this.#replaced);
    this.#strayed.clear();
    this.#held.clear();
    let n = 0;
    for (const event of script.events) {
      if (event.kind === "acts") {
        this.perform(event.acts);
        this.#passed.after(event.commands);
        if (event.forgetsTag !== null) this.#held.forget(event.forgetsTag);
        this.#entries = [entryNow(this.#replaced), ...(event.forgetsEntry ? [] : this.#entries)];
        continue;
      }
      const qemu = answers[n++]!;
      this.#verdict.accesses++;
      const endsAsOurs = this.#byOurs(script, event, qemu);
      this.#bySearch(script, event, qemu, endsAsOurs);
    }
    this.perform(script.home);
  }

  /** @returns whether QEMU's ends where one of ours may, whatever it records */
  #byOurs(script: Script, dma: Dma, qemu: string): boolean {
    const { address, write, phase } = dma;
    const replaced = this.#replaced;
    const { edu, known } = replaced;
    const verdict = this.#verdict;
    const frame = Math.floor(address / frameBytes);
    const offset = address % frameBytes;
    const request = { requester: edu.requester, pasid: null, frame, offset, write, type: AddressType.untranslated };
    const cached = this.#ours.rightsCached(frame);
    const { all, as, entry } = this.#answers(request, qemu);
    const [kept, fresh] = [all[0]!, all[Ours.ways - 1]!];
    const mayBeStale = phase === "during" || (phase === "after" && breaks(script, "after"));
    if (kept !== fresh) {
      verdict.stale++;
      const what = `ours says ${kept} though all was invalidated, its tables ${fresh}`;
      if (!mayBeStale) verdict.fails(`${wordsOf(script, dma)}: ${what}`);
    }
    const isAhead = as < 0 && kept.startsWith(reachWord) && !qemu.startsWith(reachWord);
    if (!isAhead) this.#whileItIs(entry, () => this.#ours.goOn(request, Math.max(as, 0)));
    const end = endOf(qemu);
    const held = this.#held.of(frame);
    if (end !== null)
      this.#held.note(
        frame,
        end - offset,
        this.#entries.map((e) => tagOf(replaced, e)),
      );
    if (as >= 0) return true;
    const strayed = this.#strayed.get(frame) ?? new Set();
    const difference = {
      ...{ ours: all, qemu, write, mayBeStale, address, cached },
      held: held.map((page) => page + offset),
      ifPresent: endIfPresent(replaced, dma),
      strayed: [...strayed].map((page) => page + offset),
      passed: this.#passed.holds,
      readsFlash: this.#entries.some((e) => leadsBelow(replaced.of.found(e), replaced.unit.twin.machine.ramBase)),
    };
    // What may be held goes with its own tag's flush.
    if (end !== null && end === difference.ifPresent && !difference.held.includes(end))
      this.#strayed.set(frame, strayed.add(end - offset));
    verdict.differs(known(difference), difference, wordsOf(script, dma));
    return all.some((answer) => endOf(answer) === end);
  }

  /** What ours may answer, by any entry that it may have read, until one of them is QEMU's: by which of the ways; -1: none is. */
  #answers(request: DmaRequest, qemu: string): { all: readonly string[]; as: number; entry: Uint32Array } {
    const all: string[] = [];
    for (const entry of this.#entries) {
      const answers = this.#whileItIs(entry, () => this.#ours.answers(request));
      all.push(...answers);
      const as = answers.indexOf(qemu);
      if (as >= 0) return { all, as, entry };
    }
    return { all, as: -1, entry: this.#entries[0]! };
  }

  /** With an entry in our memory that stood there before. */
  #whileItIs<T>(entry: Uint32Array, then: () => T): T {
    const { unit, entryAt } = this.#replaced;
    unit.twin.memory.store(entryAt, entry);
    const result = then();
    unit.twin.memory.store(entryAt, this.#entries[0]!);
    return result;
  }

  /** @param endsAsOurs false: it has its name that QEMU's ends elsewhere, or is wrong already */
  #bySearch(script: Script, dma: Dma, qemu: string, endsAsOurs: boolean): void {
    const { explored } = script;
    const verdict = this.#verdict;
    const { old: before, new: after, seen } = explored.endsOf(dma);
    const end = endOf(qemu);
    verdict.count(dma.phase, end, before, after);
    if (!endsAsOurs) return;
    const isOver = dma.phase === "after" && !breaks(script, "after");
    const allowed = dma.phase === "before" ? [before] : isOver ? [after] : seen;
    if (!allowed.includes(end)) {
      const ends = allowed.map((e) => (e === null ? "a refusal" : `0x${e.toString(16)}`)).join(" or ");
      verdict.fails(`${wordsOf(script, dma)}: the search allows ${ends}; QEMU ${qemu}`);
    }
    if (end === null && before !== null && before === after && explored.table.verdict === "hitless")
      verdict.fails(`${wordsOf(script, dma)}: refused, though both domains lead alike and the way is hitless`);
  }
}

/** Does an entry lead to a table below an address? */
const leadsBelow = (found: Attachment | LookupFault, address: number): boolean =>
  "state" in found && [...found.first, found.second].some((root) => root !== null && root.address < address);

const endOf = (answer: string): End => (answer.startsWith(reachWord) ? Number(answer.slice(reachWord.length)) : null);

const breaks = ({ explored: { table } }: Script, rule: string) => table.broken.some((b) => b.rule === rule);

const wordsOf = ({ explored: { way } }: Script, { page, phase, write, address }: Dma) =>
  `${way.from} to ${way.to} by ${way.sequence}: ${write ? "write" : "read"} of "${page}", 0x${address.toString(16)}, ${phase}`;
