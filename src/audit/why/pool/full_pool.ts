/**
 * "swiotlb buffer is full": the causes behind one message.
 *
 * The message is written whenever no legal run of slots was found, however many are free: it prints the size asked
 * for (rounded), the slots of all pools, and the slots in use. What those three numbers tell is in `full_causes`.
 *
 * Source: Linux kernel/dma/swiotlb.c (swiotlb_tbl_map_single, mem_used).
 */

import { plural } from "../../../base/count_words.js";
import { mappingBytesMax, poolSlotsDefault, setSlots, slotBytes } from "../../../spec/swiotlb/sizes.js";
import { readParameter } from "../../../sw/swiotlb/parameter.js";
import { bytesInWords, slotsInWords } from "../../words/quantity.js";
import type { MachineContext } from "../context.js";
import type { Diagnosis } from "../finding.js";
import {
  afterSmaller,
  type FullMessage,
  neverFits,
  type Request,
  type Row,
  rows,
  smallerRequests,
} from "./full_causes.js";
import { largerPool } from "./larger_pool.js";

/** A message of a kernel before totals were printed. */
function withoutTotals(message: FullMessage, machine: MachineContext): Diagnosis {
  if (message.size > mappingBytesMax) {
    const evidence =
      `${bytesInWords(message.size)} = ${plural(Math.ceil(message.size / slotBytes), "slot")} in one piece; the limit is ` +
      `${setSlots} slots = ${bytesInWords(mappingBytesMax)}, whatever the pool's size`;
    return { kind: "too-large", cause: neverFits, evidence, do: smallerRequests, ...marksOf("smaller-requests") };
  }
  const asked = machine.setting === null || machine.setting === "" ? null : readParameter(machine.setting).asked.slots;
  const known = machine.poolSlots ?? null;
  const pool =
    known !== null
      ? ` in a pool of ${slotsInWords(known)}`
      : asked !== null
        ? ` in the pool that swiotlb=${machine.setting} asks for, ${slotsInWords(asked)} if the kernel found the memory`
        : "";
  return {
    kind: "unknown-occupancy",
    cause:
      "No free run of slots was found. This kernel's message does not say how full the pool was, so it stays open " +
      "whether the pool is used up or in pieces.",
    evidence:
      `${bytesInWords(message.size)} = ${plural(Math.ceil(message.size / slotBytes), "slot")} were asked for, which ` +
      `can fit${pool}; occupancy is not in the line`,
    do:
      `${largerPool(2 * (known ?? asked ?? poolSlotsDefault), machine)} If the message returns however large the pool ` +
      "is, a driver leaks. Kernels since 5.1 say in the message how many slots were in use.",
    ...marksOf("larger-pool"),
  };
}

/** Every function that writes the message or one like it. */
const limitedIn = /swiotlb|dma_direct_map/;
/** Names of the remedies, which other messages of the pool share. */
export const remedies: Readonly<Record<Row["cure"], string>> = {
  "larger-pool": "pool larger-pool",
  "smaller-requests": "pool smaller-requests",
  constraint: "pool constraint",
  absent: "pool absent",
};
const marksOf = (cure: Row["cure"]) => ({ remedy: remedies[cure], limitedIn });

/** @returns one verdict, or two when the request is impossible and the pool is full besides. */
export function explainFull(message: FullMessage, machine: MachineContext): Diagnosis[] {
  const { total, used } = message;
  if (total === null || used === null) return [withoutTotals(message, machine)];
  const { size, driver } = message;
  const slots = Math.ceil(size / slotBytes);
  const request: Request = { size, total, used, driver, slots, free: Math.max(0, total - used) };
  const verdicts: Diagnosis[] = [];
  for (const row of rows) {
    if (verdicts.length > 0 && row.kind !== "exhausted") continue;
    if (!row.applies(request, machine)) continue;
    verdicts.push(new FullVerdict(row, request, machine, verdicts.length > 0));
    if (row.alsoLater !== true) break;
  }
  return verdicts;
}

/** Sentences are made when they are asked for: of a flood of lines only the first one's are. */
class FullVerdict implements Diagnosis {
  readonly limitedIn = limitedIn;
  readonly #row: Row;
  readonly #request: Request;
  readonly #machine: MachineContext;
  readonly #isSecond: boolean;

  /** @param isSecond the request can never fit, which comes first */
  constructor(row: Row, request: Request, machine: MachineContext, isSecond: boolean) {
    this.#row = row;
    this.#request = request;
    this.#machine = machine;
    this.#isSecond = isSecond;
  }

  get kind(): string {
    return this.#row.kind;
  }

  get remedy(): string {
    return remedies[this.#row.cure];
  }

  get cause(): string {
    const { cause } = this.#row;
    return typeof cause === "string" ? cause : cause(this.#machine);
  }

  get evidence(): string {
    return this.#row.evidence(this.#request, this.#machine);
  }

  get do(): string {
    const remedy = this.#row.remedy(this.#request, this.#machine);
    return this.#isSecond ? `${afterSmaller} ${remedy}` : remedy;
  }
}
