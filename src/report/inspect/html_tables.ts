/** Entries of page tables for the page: as many tables as its size allows, those nearest to the root first. */

import type { DeviceReach } from "../../audit/inspect/facts/inspection.js";
import { frameBytes, mfn } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import { base64 } from "../../base/text_bytes.js";
import { u64 } from "../../base/u64.js";
import type { About } from "../../bits/layout.js";
import type { MemoryView } from "../../mem/view.js";
import { type FormatName, formats, NestedView, planOf, rootProblem, type TableRoot } from "../../table/index.js";
import { Kind, rowLength, type WalkPlan } from "../../table/plan.js";
import { encodedSizeLg2, kindOf, leafAddress, refusedBits, tableAddress } from "../../table/walk.js";

export interface PageField {
  readonly name: string;
  readonly msb: number;
  readonly lsb: number;
  readonly doc: string;
}

/** How the entries of one level are read. */
export interface PageLevel {
  readonly name: string;
  readonly table: readonly PageField[] | null;
  readonly leaf: readonly PageField[] | null;
}

export interface PageTableRoot {
  readonly stage: "first" | "second";
  readonly format: FormatName;
  readonly address: string;
  /** `4 levels, 48 bits`. */
  readonly words: string;
  /** Bits of addresses that it translates, and what those above must be. */
  readonly inputBits: number;
  readonly upper: TableRoot["upper"];
  /** First stage of a nested walk: addresses in its entries are inputs of the second stage. */
  readonly nested: boolean;
  /** Index into the tables; `Lead.outside` or `Lead.notCarried` for one that is not there. */
  readonly table: number;
}

/** What an entry leads to that is no carried table. */
export const Lead = { page: -1, reserved: -2, notCarried: -3, outside: -4 } as const;

export interface PageTableNode {
  readonly address: string;
  readonly level: number;
  readonly format: FormatName;
  /** Log2 of the bytes that one entry spans. */
  readonly spanLg2: number;
  /** Entries of the table; those that are absent are left out. */
  readonly slots: number;
  /** Twelve bytes for each: index (4), value (8), little endian; base64. */
  readonly entries: string;
  /** Entries that are not absent and that this page does not carry. */
  readonly more: number;
  /** For each entry that is carried: what it leads to, see `Lead`, or the index of its table. */
  readonly leads: readonly number[];
  /** For each: the address that it names, and log2 of the page's bytes (0 for a table). */
  readonly targets: readonly string[];
  readonly sizes: readonly number[];
}

export interface PageTables {
  readonly roots: readonly PageTableRoot[];
  readonly tables: readonly PageTableNode[];
  readonly levels: Readonly<Record<string, readonly PageLevel[]>>;
  /** Tables that are pointed to and not carried. */
  readonly leftOut: number;
}

/** Tables and entries that a page carries at most. */
export interface TableLimits {
  readonly tableCountMax: number;
  readonly entryCountMax: number;
}

export const tableLimitsUsual: TableLimits = { tableCountMax: 2000, entryCountMax: 60_000 };

interface Wanted {
  readonly node: number;
  readonly plan: WalkPlan;
  readonly memory: MemoryView;
  readonly address: number;
  readonly level: number;
  /** Which memory: 0 = physical, else the number of a second stage that it is seen through. */
  readonly space: number;
}

/** Reads tables in breadth: no root is left out because another one is large. */
export class TableCollector {
  readonly roots: PageTableRoot[] = [];
  readonly #memory: MemoryView;
  readonly #limits: TableLimits;
  readonly #known = new Map<string, number>();
  readonly #byRoot = new Map<string, number>();
  readonly #spaces = new Map<string, number>();
  readonly #nodes: (PageTableNode | null)[] = [];
  readonly #queue: Wanted[] = [];
  #entryCount = 0;
  #leftOut = 0;

  constructor(memory: MemoryView, limits: TableLimits = tableLimitsUsual) {
    this.#memory = memory;
    this.#limits = limits;
  }

  /** @returns the roots of a device, as indices into `roots` */
  add({ first, second }: DeviceReach): number[] {
    const own = [
      ...first.map((root) => this.#root(root, second)),
      ...(second === null ? [] : [this.#root(second, null)]),
    ];
    return own.filter((root) => root >= 0);
  }

  finish(): PageTables {
    for (let next = 0; next < this.#queue.length; next++) this.#read(this.#queue[next]!);
    const used = new Set(this.roots.map((r) => r.format));
    const levels = Object.fromEntries([...used].map((name) => [name, formats[name].levels.map(levelOf)]));
    return { roots: this.roots, tables: this.#nodes.map((n) => n!), levels, leftOut: this.#leftOut };
  }

  #root(root: TableRoot, through: TableRoot | null): number {
    const key = JSON.stringify([root, through]);
    const known = this.#byRoot.get(key);
    if (known !== undefined) return known;
    if (rootProblem(root) !== null || (through !== null && rootProblem(through) !== null)) return -1;
    const plan = planOf(root);
    const memory = through === null ? this.#memory : new NestedView(this.#memory, through);
    const address = root.address - (root.address % plan.rootAlign);
    const { stage } = plan.format;
    const wanted = { plan, memory, address, level: root.level, space: this.#space(through) };
    this.roots.push({
      stage,
      format: root.format,
      address: hex(address),
      words: `${root.level + 1} ${root.level === 0 ? "level" : "levels"}, ${root.inputBits} bits`,
      ...{ inputBits: root.inputBits, upper: root.upper, nested: through !== null },
      table: this.#want(wanted, plan.topIndexMask),
    });
    this.#byRoot.set(key, this.roots.length - 1);
    return this.roots.length - 1;
  }

  #space(through: TableRoot | null): number {
    if (through === null) return 0;
    const key = JSON.stringify(through);
    const space = this.#spaces.get(key) ?? this.#spaces.size + 1;
    this.#spaces.set(key, space);
    return space;
  }

  /** @returns the index of a table that is or will be carried, or a `Lead` */
  #want(wanted: Omit<Wanted, "node">, indexMask: number): number {
    const { plan, memory, address, level, space } = wanted;
    const key = [plan.format.name, level, indexMask, address, space].join();
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (memory.frame(mfn(Math.floor(address / frameBytes))) === undefined) return Lead.outside;
    if (this.#nodes.length >= this.#limits.tableCountMax || this.#entryCount >= this.#limits.entryCountMax) {
      this.#leftOut++;
      return Lead.notCarried;
    }
    const node = this.#nodes.length;
    this.#nodes.push(null);
    this.#known.set(key, node);
    this.#queue.push({ ...wanted, node });
    return node;
  }

  #read(table: Wanted): void {
    const { node, plan, memory, address, level } = table;
    const row = level * rowLength;
    const slots = (level === plan.level ? plan.topIndexMask : plan.indexMask) + 1;
    const raw: number[] = [];
    const led: Led[] = [];
    let more = 0;
    for (let index = 0; index < slots; index++) {
      const at = address + index * 8;
      const frame = memory.frame(mfn(Math.floor(at / frameBytes)));
      if (frame === undefined) continue;
      const lo = frame[(at % frameBytes) / 4]! | 0;
      const hi = frame[(at % frameBytes) / 4 + 1]! | 0;
      if (kindOf(plan, level, lo) === Kind.absent) continue;
      if (this.#entryCount >= this.#limits.entryCountMax) {
        more++;
        continue;
      }
      this.#entryCount++;
      raw.push(index, lo >>> 0, hi >>> 0);
      led.push(this.#lead(table, lo, hi));
    }
    this.#nodes[node] = {
      ...{ address: hex(address), level, format: plan.format.name, spanLg2: plan.rows[row]!, slots, more },
      entries: packEntries(raw),
      leads: led.map((l) => l.lead),
      targets: led.map((l) => l.target),
      sizes: led.map((l) => l.sizeLg2),
    };
  }

  #lead({ plan, memory, level, space }: Wanted, lo: number, hi: number): Led {
    const reserved = { lead: Lead.reserved, target: "", sizeLg2: 0 };
    const kind = kindOf(plan, level, lo);
    if (kind === Kind.reserved || refusedBits(plan, level, kind, lo, hi) !== 0) return reserved;
    const value = (lo >>> plan.kindShift) & plan.kindMask;
    if (kind === Kind.table) {
      const address = tableAddress(plan, lo, hi);
      const next = plan.nextLevel ? value - 1 : level - 1;
      const lead = this.#want({ plan, memory, address, level: next, space }, plan.indexMask);
      return { lead, target: hex(address), sizeLg2: 0 };
    }
    const encoded = plan.nextLevel && value === 7;
    const sizeLg2 = encoded ? encodedSizeLg2(plan, level, lo, hi) : plan.rows[level * rowLength]!;
    if (sizeLg2 === 0) return reserved;
    const address = encoded ? u64((lo & ~0xfff) >>> 0, hi & 0xf_ffff) : leafAddress(plan, level, lo, hi);
    return { lead: Lead.page, target: hex(address - (address % 2 ** sizeLg2)), sizeLg2 };
  }
}

interface Led {
  readonly lead: number;
  readonly target: string;
  readonly sizeLg2: number;
}

const levelOf = ({ name, table, leaf }: (typeof formats)[FormatName]["levels"][number]): PageLevel => ({
  name,
  table: table === null ? null : fieldsOf(table.about),
  leaf: leaf === null ? null : fieldsOf(leaf.about),
});

export const fieldsOf = ({ fields }: About): PageField[] =>
  fields.map(({ name, msb, lsb, doc }) => ({ name, msb, lsb, doc }));

/** @param raw index, low word, high word, again and again */
function packEntries(raw: readonly number[]): string {
  const view = new DataView(new ArrayBuffer(raw.length * 4));
  for (const [i, word] of raw.entries()) view.setUint32(i * 4, word, true);
  return base64(new Uint8Array(view.buffer));
}
