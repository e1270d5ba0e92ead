/** Pages that a device asks for while its domain is replaced, and where the two domains lead them. */
import { frameBytes } from "../../../src/base/frame.js";
import type { Side } from "../../../src/lab/replace/replaced_entry.js";
import type { Mapper } from "../../../src/table/index.js";
import type { Qtest } from "../qtest.js";
import { dataAt } from "../test_memory.js";

/** Led apart, led alike, mapped in one domain alone, in neither. */
export const pageKinds = ["apart", "alike", "old", "new", "neither"] as const;
export type PageKind = (typeof pageKinds)[number];
export type Stage = "first" | "second";

const stages: readonly Stage[] = ["first", "second"];
const sides: readonly Side[] = ["old", "new"];
/** Of each stage and side: where `apart` is led, and where the page that this side alone has. */
const targetsEach = 2;
const pageCount = pageKinds.length + stages.length * sides.length * targetsEach;

export class Pages {
  /** All of them and what they are led to: neighbours whose words hold their own address. */
  readonly first: number;
  readonly bytes = pageCount * frameBytes;

  constructor(ramBase: number) {
    this.first = ramBase + dataAt;
  }

  at(kind: PageKind): number {
    return this.#page(pageKinds.indexOf(kind));
  }

  /** Give a domain's table what it leads to. Where all lead to themselves, `alike` is the same. */
  map(mapper: Mapper, stage: Stage, side: Side): void {
    const [apart, own] = this.#targets(stage, side);
    mapper.map(this.at("apart"), apart!, frameBytes, 3);
    mapper.map(this.at("alike"), this.at("alike"), frameBytes, 3);
    mapper.map(this.at(side), own!, frameBytes, 3);
  }

  /** What a first stage above leads to, and its tables, a second one leads to themselves. */
  mapBelow(mapper: Mapper, tables: { readonly first: number; readonly bytes: number }): void {
    for (const page of sides.flatMap((side) => this.#targets("first", side))) mapper.map(page, page, frameBytes, 3);
    mapper.map(tables.first, tables.first, tables.bytes, 3);
  }

  /** Put into each word of 8 bytes its address. */
  fill(qtest: Qtest): void {
    const words = new Uint32Array(this.bytes / 4);
    for (let n = 0; n < words.length; n += 2) words[n] = this.first + n * 4;
    qtest.writeRam(this.first, new Uint8Array(words.buffer));
  }

  #targets(stage: Stage, side: Side): readonly number[] {
    const n = (stages.indexOf(stage) * sides.length + sides.indexOf(side)) * targetsEach;
    return Array.from({ length: targetsEach }, (_, k) => this.#page(pageKinds.length + n + k));
  }

  #page(n: number): number {
    return this.first + n * frameBytes;
  }
}
