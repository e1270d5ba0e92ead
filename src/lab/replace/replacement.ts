/** One replacement, in every order: what a device in the midst of it sees. */
import { explore } from "../../check/explore.js";
import type { ToldStep } from "../../check/universe.js";
import { type EntryRule, entryRuled, entryRules } from "../../sw/iommu/entry/rules.js";
import type { ReplaceStep } from "../../sw/iommu/entry/sequences/sequence.js";
import { type EntryReplacement, entryUniverse } from "./entry_universe.js";
import { type Meaning, Meanings } from "./meanings.js";
import type { FetchOrder, ReplacedEntry } from "./replaced_entry.js";

/** Hitless; a gap in which the device is blocked; something that must never be. */
export type Verdict = "hitless" | "breaking" | "unsafe";

export interface Replacement {
  readonly from: string;
  readonly to: string;
  readonly sequence: string;
  readonly steps: readonly ReplaceStep[];
  readonly verdict: Verdict;
  /** Why hardware's document does not allow it, whatever a search finds; null: it does. */
  readonly forbidden: string | null;
  /** Safe only where no other device has the tag that the entry keeps. */
  readonly onlyAlone: boolean;
  /** A request may have attributes of one entry and tables of the other. */
  readonly mixesAttributes: boolean;
  /** The tag of the old entry must be flushed before it serves again. */
  readonly owesFlush: boolean;
  /** The rules that break, each with the shortest run to it. */
  readonly broken: readonly { readonly rule: EntryRule; readonly steps: readonly ToldStep[] }[];
  /** What the unit took the entry for, in any order, each once; the old and the new one first. */
  readonly views: readonly Meaning[];
  readonly states: number;
  /** Every state was reached; false: the search was cut. */
  readonly complete: boolean;
}

const limits = { statesMax: 200_000, bytesMax: 2 ** 27 };

export interface Asked {
  readonly from: string;
  readonly to: string;
  readonly sequence: string;
  /** What the unit reads at once, in bits. Left out: as the entry's hardware does. */
  readonly fetchBits?: 64 | 128 | 256 | 512;
  /** Left out: as its hardware does. */
  readonly fetchOrder?: FetchOrder;
}

/** The stores of a way, and what is replaced by what. @param sequence the name of a way of the entry's */
export function universeOfReplacement(
  of: ReplacedEntry,
  { from, to, sequence: name, fetchBits, fetchOrder = of.fetchOrder }: Asked,
): EntryReplacement {
  const sequence = of.sequences[name]!;
  const widths = { ...of.widths, ...(fetchBits !== undefined && { fetch: fetchBits }) };
  const [old, wanted] = [of.entry(from, "old"), of.entry(to, "new")];
  const steps = sequence.steps({ format: of.format, from: old, to: wanted, widths, retagged: of.retagged });
  const target = sequence.endsWith === undefined ? wanted : of.retagged(wanted, sequence.endsWith);
  return { of, from: old, to: target, steps, fetchBits: widths.fetch, fetchOrder };
}

export function replacement(of: ReplacedEntry, asked: Asked): Replacement {
  const { from, to, sequence: name } = asked;
  const o = universeOfReplacement(of, asked);
  const { steps } = o;
  const meanings = new Meanings(of, o.from, o.to);
  const found = explore(() => entryUniverse(o, meanings), limits, { auditEvery: 0, goesOn: true });
  const rules = Object.keys(entryRules) as EntryRule[];
  const broken = rules.flatMap((rule) =>
    found.violations.filter((v) => v.invariant === entryRuled(rule)).map(({ steps }) => ({ rule, steps })),
  );
  const breaks = (rule: EntryRule) => broken.some((b) => b.rule === rule);
  const sharesTag = meanings.old.view.tag?.domain === meanings.new.view.tag?.domain;
  const onlyAlone = sharesTag && breaks("I6") && !breaks("I4") && !breaks("after");
  const isUnsafe = breaks("I4") || breaks("after") || (breaks("I6") && !onlyAlone);
  const forbidden = of.sequences[name]!.forbids?.(o.from, o.to) ?? null;
  return {
    ...{
      from,
      to,
      forbidden,
      sequence: name,
      steps,
      broken,
      onlyAlone,
      owesFlush: breaks("recycled"),
      mixesAttributes: breaks("attributes"),
      states: found.states,
    },
    verdict: isUnsafe || forbidden !== null ? "unsafe" : breaks("I5") ? "breaking" : "hitless",
    views: meanings.seen,
    complete: found.bounded === null,
  };
}
