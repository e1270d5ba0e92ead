/** Composes single entries of a format from its layouts: what a mapper stores. */
import { Broken, Misuse } from "../base/assert.js";
import { type Field, write } from "../bits/field.js";
import type { EntryShape, Grant, TableFormat } from "./format.js";
import { Kind, maskOf, Row, rowLength, type WalkPlan } from "./plan.js";
import type { Allow } from "./root.js";

/** Holds the entry that was composed last. */
export class EntryComposer {
  readonly #plan: WalkPlan;
  readonly #format: TableFormat;
  readonly #entry = new Uint32Array(2);

  constructor(plan: WalkPlan) {
    this.#plan = plan;
    this.#format = plan.format;
  }

  get low(): number {
    return this.#entry[0]!;
  }

  get high(): number {
    return this.#entry[1]!;
  }

  /** Value of the kind field that makes a leaf at a level; -1 where none does. */
  leafKind(level: number): number {
    const kinds = this.#plan.rows[level * rowLength + Row.kinds]!;
    for (let v = 0; v < 8; v++) if (((kinds >>> (2 * v)) & 3) === Kind.leaf) return v;
    return -1;
  }

  /**
   * A leaf of its level's own size.
   * @throws Misuse `not-expressible` when the format cannot give these rights and no others.
   */
  leaf(level: number, paddr: number, allow: Allow): void {
    this.#begin(this.#format.levels[level]!.leaf!, allow, paddr);
    write(this.#entry, 0, this.#format.kind, this.leafKind(level));
    if (this.#format.accessFlag !== null) write(this.#entry, 0, this.#format.accessFlag, 1);
    if (this.#format.notGlobal !== null) write(this.#entry, 0, this.#format.notGlobal, 1);
  }

  /** Put a size into the composed leaf (AMD-Vi v1): ones below half of it, in the address. */
  encodeSize(sizeLg2: number): void {
    const ones = maskOf(sizeLg2 - 2, 12);
    this.#entry[0]! |= ones.low;
    this.#entry[1]! |= ones.high;
    write(this.#entry, 0, this.#format.kind, 7);
  }

  /** Set the contiguous bit of the composed leaf (SMMUv3). */
  join(level: number): void {
    write(this.#entry, 0, contiguousBit(this.#format.levels[level]!.leaf!), 1);
  }

  /** A pointer to the table of level `next` at byte address `address`, with every right. */
  table(level: number, next: number, address: number): void {
    const shape = this.#format.levels[level]!;
    this.#begin(shape.table!, 3, address);
    write(this.#entry, 0, this.#format.kind, this.#format.nextLevel ? next + 1 : shape.kinds.indexOf("table"));
  }

  #begin(shape: EntryShape, allow: number, address: number): void {
    const entry = this.#entry.fill(0);
    const { read, write: writable, user } = shape.grants;
    for (const field of this.#format.present) write(entry, 0, field, 1);
    for (const [grant, on] of [
      [read, (allow & 1) !== 0],
      [writable, (allow & 2) !== 0],
      [user, true],
    ] as const) {
      if (!setGrant(entry, grant, on)) {
        throw new Misuse("not-expressible", `${this.#format.name} has no entry that allows ${allow} and nothing else`);
      }
    }
    for (const { field, value, ofWritable } of shape.marks) {
      if (ofWritable !== true || (allow & 2) !== 0) write(entry, 0, field, value);
    }
    if (allow === 0) throw new Misuse("not-expressible", "a mapping without any right");
    write(entry, 0, shape.frame, Math.floor((address % 2 ** (shape.frame.msb + 1)) / 2 ** shape.frame.lsb));
    if (this.#plan.frameHigh) write(entry, 0, shape.frameHigh!, Math.floor(address / 2 ** 48));
  }
}

/** @returns false when the grant cannot be as wanted. */
function setGrant(entry: Uint32Array, grant: Grant, on: boolean): boolean {
  if (grant === true) return on;
  if ("not" in grant) write(entry, 0, grant.not, on ? 0 : 1);
  else write(entry, 0, grant, on ? 1 : 0);
  return true;
}

function contiguousBit(shape: EntryShape): Field {
  const field = shape.about.fields.find((f) => f.name === "contiguous");
  if (field === undefined) throw new Broken(`${shape.about.title} has a contiguous bit`);
  return field;
}
