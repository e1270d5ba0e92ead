/**
 * What must hold of pages that devices reach, by what the hardware really did: software's own accounts are not asked.
 *
 * The names are those of docs/page-lifetime.md.
 */
import { frameBytes } from "../../base/frame.js";
import { read } from "../../bits/field.js";
import type { VtdUnit } from "../../hw/iommu/vtd/vtd_unit.js";
import type { Memory } from "../../mem/memory.js";
import { DescriptorType, descriptorType, InvalidationWait } from "../../spec/vtd/descriptors.js";
import { cell, type Live, record } from "../../state/index.js";
import type { Caller } from "../../sw/iommu/lifetime/protocol.js";
import { done } from "../../sw/iommu/vtd/flush_ring.js";

/** What a run has come to. */
export const Seen = record("what came of it", {
  strayed: cell<0 | 1 | 2>("1 = the device wrote to a page that is not its domain's; 2 = to one of somebody else"),
  split: cell<0 | 1>("1 = the device wrote to another page than the guest has there"),
  silentFrom: cell("byte in the queue behind which waits were not believed when the unit gave a device up"),
  silentTo: cell("byte before which they were not"),
  unproved: cell<0 | 1>("1 = a page went although the unit had not answered for it"),
  unfenced: cell<0 | 1>("1 = a page went without an answer, and the device was not blocked"),
});

export const rules = {
  I1: "no device writes to a page that is not its domain's",
  I2: "a page that has a new owner is led to by no entry",
  "I2'": "a page that held a table has no new owner while a unit keeps where it is",
  I3: "a page goes only when the unit has answered for its flush, and by no other answer",
  I7: "no status word has two waits under way",
  I8: "where a device did not answer, it is blocked before its page goes",
  I9: "everything that was asked ends",
  view: "the guest and its device see one page behind one address",
} as const;
export type Rule = keyof typeof rules;

/** A rule as reports name it. */
export const ruled = (rule: Rule): string => (rule === "view" ? rules.view : `${rule}: ${rules[rule]}`);

/** What a search found: the rules that break, each with the steps of the shortest run to it. */
export interface SearchedCell {
  readonly broken: readonly { readonly rule: Rule; readonly steps: number }[];
  readonly states: number;
  /** Every state was reached; false: the search was cut, and what it did not find may be. */
  readonly complete: boolean;
}

export interface Watched {
  readonly unit: VtdUnit;
  readonly memory: Memory;
  readonly seen: Live<typeof Seen.drafts>;
  /** Byte address of the queue's page. */
  readonly queueAt: number;
}

export function watcher({ unit, memory, seen, queueAt }: Watched) {
  const { registers } = unit;
  const words = new Uint32Array(4);
  /** Was the wait's status stored, is all done that stands before it, and had all devices answered by then? */
  const isProved = (s: Caller) => {
    const isSilent = s.wait >= seen.silentFrom && s.wait < seen.silentTo;
    return memory.load32(s.statusAt) === done && registers.get("iqh") >= s.wait && !isSilent;
  };
  /** Descriptors between head and tail. */
  function* queued() {
    for (let at = registers.get("iqh"); at < registers.get("iqt") % frameBytes; at += 16) {
      memory.load(queueAt + at, words);
      yield { at, words };
    }
  }
  return {
    givenAway(s: Caller, contextAt: number, isPresent: boolean): void {
      if (!isProved(s)) seen.unproved = 1;
      const isBlocked = (memory.load32(contextAt) & 1) === 0 && isProved(s);
      if (s.gaveUp === 1 && !isBlocked && isPresent) seen.unfenced = 1;
    },
    /** The unit is about to give a device up: the wait that stands next in its queue says nothing of that device any more. */
    givesUp(): void {
      const head = registers.get("iqh");
      if (seen.silentTo === 0) seen.silentFrom = head;
      for (const { at, words } of queued()) {
        seen.silentTo = at + 1;
        if (descriptorType(words) === DescriptorType.wait) break;
      }
    },
    isQueueEmpty: () => registers.get("iqh") === registers.get("iqt") % frameBytes,
    /** I7: the waits between head and tail have a word each. */
    hasOwnWords(): boolean {
      const taken = new Set<number>();
      for (const { words } of queued()) {
        if (descriptorType(words) !== DescriptorType.wait) continue;
        const word = read(words, 0, InvalidationWait.at);
        if (taken.has(word)) return false;
        taken.add(word);
      }
      return true;
    },
  };
}
