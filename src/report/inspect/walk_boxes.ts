/** One walk as boxes: what both drawings of it, SVG and DOT, show. */

import { deviceName } from "../../audit/inspect/device_name.js";
import type { WalkAnswer, WalkFault, WalkStep } from "../../audit/inspect/walk/walk_answer.js";
import { hex } from "../../base/hex.js";
import { bytesWords } from "../words/quantity.js";
import { permWords } from "./inspect_report.js";
import { entryValue, fieldsOf } from "./words.js";

/** A part of an address: the bits that one table took as its index, or what is left for the page. */
export interface AddressPart {
  /** `38:30`. */
  readonly bits: string;
  readonly value: string;
  /** Index into the boxes; -1 = the offset in the page. */
  readonly box: number;
}

export interface WalkBox {
  readonly name: string;
  readonly stage: WalkStep["stage"];
  /** Where the entry lies, and its value. */
  readonly at: string;
  readonly value: string;
  /** The fields that are not zero: `frame 51:12 = 0x5097` and what it is. */
  readonly fields: readonly { readonly text: string; readonly doc: string }[];
  readonly meaning: string;
  /** `index 0x1ff from bits 29:21`, and of which address when it is not the device's; null where none chose it. */
  readonly chosenBy: string | null;
}

export interface WalkPicture {
  readonly title: string;
  /** The address that the device uses, taken apart; empty when no table was read for it. */
  readonly parts: readonly AddressPart[];
  readonly boxes: readonly WalkBox[];
  readonly end: { readonly fault: boolean; readonly lines: readonly string[] };
}

export function walkPicture(walk: WalkAnswer): WalkPicture {
  const { device, pasid, iova, steps } = walk;
  const name = `${deviceName(device)}${pasid === null ? "" : `/${pasid}`}`;
  return {
    title: `${name} at ${hex(iova)}`,
    parts: partsOf(iova, steps),
    boxes: steps.map((step) => boxOf(step, iova)),
    end: endOf(walk),
  };
}

function boxOf(step: WalkStep, iova: bigint): WalkBox {
  const { name, stage, at, words, about, meaning, input, indexBits } = step;
  const fields = fieldsOf(words, about)
    .filter((f) => !f.isZero)
    .map((f) => ({ text: `${f.name} ${f.bits} = ${f.value}`, doc: f.doc }));
  const chosenBy =
    input === undefined || indexBits === undefined
      ? null
      : `index ${hex(bitsOf(input, indexBits))} from bits ${indexBits.msb}:${indexBits.lsb}${input === iova ? "" : ` of ${hex(input)}`}`;
  return { name, stage, at: hex(at), value: entryValue(words), fields, meaning, chosenBy };
}

const bitsOf = (address: bigint, { msb, lsb }: { msb: number; lsb: number }): bigint =>
  (address >> BigInt(lsb)) & ((1n << BigInt(msb - lsb + 1)) - 1n);

/** Only the entries that were chosen by the device's own address: under nesting, others stand between them. */
function partsOf(iova: bigint, steps: readonly WalkStep[]): AddressPart[] {
  const stage = steps.find((s) => s.stage === "first")?.stage ?? "second";
  const parts: AddressPart[] = [];
  let below = -1;
  for (const [box, { stage: own, input, indexBits }] of steps.entries()) {
    if (own !== stage || indexBits === undefined || input !== iova) continue;
    parts.push({ bits: `${indexBits.msb}:${indexBits.lsb}`, value: hex(bitsOf(iova, indexBits)), box });
    below = indexBits.lsb - 1;
  }
  if (below < 0) return [];
  const offset = bitsOf(iova, { msb: below, lsb: 0 });
  return [...parts, { bits: `${below}:0`, value: hex(offset), box: -1 }];
}

function endOf({ end, state }: WalkAnswer): WalkPicture["end"] {
  if (end.kind === "fault") return { fault: true, lines: faultLines(end.fault) };
  const page = end.bytes === 0 ? `nothing translates it (${state})` : `page of ${bytesWords(end.bytes)}`;
  const refused = end.refusals.flatMap(({ access, fault }) => [`a ${access} is refused:`, ...faultLines(fault)]);
  return { fault: false, lines: [`${hex(end.paddr)}, ${permWords[end.allow]}`, page, ...refused] };
}

function faultLines({ code, name, words, why }: WalkFault): string[] {
  const head = code === null ? name : `${name} (code ${code})`;
  return why === words ? [head, words] : [head, words, why];
}
