/** How sure it is that a candidate is a unit's device table: its entries are followed as the unit would follow them. */

import { frameBytes } from "../../../base/frame.js";
import type { Attachment, UnitRoot } from "../../../table/device/attachment.js";
import { deviceTables } from "../../../table/device/index.js";
import { enumerate } from "../../../table/enumerate.js";
import type { FrameSource } from "../../../table/frame_source.js";
import type { TableRoot } from "../../../table/root.js";
import { Troubles } from "../../../table/trouble.js";

const pageBytes = frameBytes;

export interface TableScore {
  /** 0 to 1. */
  readonly score: number;
  readonly because: string;
  /** Frames of device structures and top page tables: two candidates that share one are rivals. */
  readonly frames: ReadonlySet<number>;
  /** Devices that were looked at. */
  readonly deviceCount: number;
  /** Requesters whose entries lead to page tables or let pass. */
  readonly requesters: ReadonlySet<number>;
}

/** Page tables of one candidate that are looked into, and entries of each. */
const tablesMax = 64;
const entriesMax = 2 ** 15;
/** A score below this is not reported: the form alone, or chance. */
export const scoreMin = 0.3;

type Look = "filled" | "empty" | "broken";

/** @returns null when the entries lead nowhere. */
export function judge(memory: FrameSource, unit: UnitRoot): TableScore | null {
  const troubles = new Troubles(16);
  const devices = new Devices(memory, unit);
  const list = deviceTables[unit.kind].attachments(memory, unit, troubles, (a) => {
    devices.take(a);
    return !isHopeless(devices, troubles.total);
  });
  if (list.length === 0) return null;
  const { count, designed, frames, leaves, requesters } = devices;
  const wrong = devices.wrong + troubles.total;
  // A stream that bypasses is one small number; a pass-through entry of the others has several fields that must fit.
  const right = count.filled + 0.3 * count.empty + (unit.kind === "smmuv3" ? 0.25 : 0.4) * count.passing;
  const quality = designed / (designed + 4 * wrong);
  // A table of one filled entry is likely, of three nearly certain; without any, only the form speaks.
  const evidence = 1 - Math.exp(-(right + (unit.mode === "two-level" ? 0.2 : 0)));
  const score = quality ** 2 * evidence * (count.filled > 0 ? 1 : 0.7);
  return { score, because: because(unit, count, leaves, troubles.total), frames, requesters, deviceCount: list.length };
}

/** So much is wrong, and so little right, that the rest could not make a table of it. */
const isHopeless = ({ wrong, designed }: Devices, troubles: number): boolean =>
  wrong + troubles >= hopelessMin && wrong + troubles > 8 * designed;
const hopelessMin = 256;

/** What the devices of a candidate come to. */
class Devices {
  readonly count = { filled: 0, empty: 0, broken: 0, passing: 0, blocked: 0, refused: 0 };
  readonly frames = new Set<number>();
  readonly requesters = new Set<number>();
  leaves = 0;
  readonly #memory: FrameSource;
  readonly #unit: UnitRoot;
  readonly #looks = new Map<string, Look>();

  constructor(memory: FrameSource, unit: UnitRoot) {
    this.#memory = memory;
    this.#unit = unit;
  }

  get wrong(): number {
    return this.count.broken + this.count.refused;
  }

  get designed(): number {
    const { filled, empty, passing, blocked } = this.count;
    return filled + empty + passing + blocked;
  }

  take(a: Attachment): void {
    const { count, frames, requesters } = this;
    for (const e of a.entries) frames.add(Math.floor(e.at / pageBytes));
    if (this.#unit.kind === "smmuv3" && isUntidy(a)) count.refused++;
    else if (a.state === "translated") {
      // A first stage behind a second one is not read here: the second stage alone is evidence enough.
      const roots = a.second === null ? a.first : [a.second];
      const looks = roots.map((root) => this.#lookAt(root));
      const worst = looks.toSorted((x, y) => rank[y] - rank[x])[0] ?? "empty";
      count[worst]++;
      for (const root of roots) frames.add(Math.floor(root.address / pageBytes));
      requesters.add(a.requester);
    } else if (a.state === "identity" || a.state === "bypass") {
      count.passing++;
      requesters.add(a.requester);
    } else if (isRefused(a)) count.refused++;
    else count.blocked++;
  }

  #lookAt(root: TableRoot): Look {
    const key = `${root.format} ${root.address} ${root.level}`;
    const known = this.#looks.get(key);
    if (known !== undefined) return known;
    if (this.#looks.size >= tablesMax) return "empty";
    const { look, leaves } = lookInto(this.#memory, root);
    this.leaves += leaves;
    this.#looks.set(key, look);
    return look;
  }
}

const rank: Readonly<Record<Look, number>> = { filled: 0, empty: 1, broken: 2 };

/** A blocked device whose entry the unit refuses, as against one that says so. */
const isRefused = (a: Attachment) => a.domain === null && !a.why.startsWith("STE.Config");

/**
 * Hardware does not look at the rest of an entry that bypasses or aborts, but software leaves it zero: an entry that
 * leaves pointers there was written as something else.
 */
function isUntidy(a: Attachment): boolean {
  const words = a.entries.at(-1)!.words;
  return a.first.length === 0 && a.second === null && (words[0]! > 15 || words[1] !== 0);
}

function lookInto(memory: FrameSource, root: TableRoot): { look: Look; leaves: number } {
  const troubles = new Troubles(1);
  let leaves = 0;
  const sink = {
    push: (_iova: number, _paddr: number, _bytes: number, _allow: number, n: number) => void (leaves += n),
  };
  const read = enumerate(memory, root, sink, troubles, { entryCountMax: entriesMax, pushCountMax: entriesMax });
  // The limit itself counts as one trouble.
  const wrong = troubles.total - (read.complete ? 0 : 1);
  if (wrong > 0 && wrong * 8 >= leaves) return { look: "broken", leaves: 0 };
  return { look: leaves > 0 || read.tableCount > 1 ? "filled" : "empty", leaves };
}

type Count = Readonly<Record<"filled" | "empty" | "broken" | "passing" | "blocked" | "refused", number>>;

function because(unit: UnitRoot, count: Count, leaves: number, troubles: number): string {
  const entries =
    unit.kind === "vtd" ? "context entries" : unit.kind === "amdvi" ? "device table entries" : "stream table entries";
  const all = count.filled + count.empty + count.broken + count.passing + count.blocked + count.refused;
  const parts = [
    [count.filled, `lead to page tables (${leaves} pages were seen)`],
    [count.empty, "to empty page tables"],
    [count.passing, "let pass untranslated"],
    [count.blocked, "block"],
    [count.broken, "lead to what is no page table"],
    [count.refused, "are not valid"],
  ] as const;
  const said = parts.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`);
  const more = troubles > 0 ? `; ${troubles} entries do not lead on` : "";
  return `of ${all} ${entries} ${said.join(", ")}${more}`;
}
