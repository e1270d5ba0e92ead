/** The answers to --who, --at and --diff as lines. */

import { deviceName } from "../../audit/inspect/device_name.js";
import type { DeviceChange } from "../../audit/inspect/difference/difference.js";
import type { WalkAnswer, WalkFault, WalkStep } from "../../audit/inspect/walk/walk_answer.js";
import { plural } from "../../base/count_words.js";
import { hex } from "../../base/hex.js";
import type { Ranges } from "../../table/ranges.js";
import { wrap } from "../text/layout.js";
import type { Style } from "../text/style.js";
import { bytesWords } from "../words/quantity.js";
import { type DiffAnswer, type InspectReport, mappingRows, permWords, type WhoAnswer } from "./inspect_report.js";
import { openingsOf } from "./openings.js";
import { entryValue, fieldsOf } from "./words.js";

export function* whoLines({ inspection }: InspectReport, who: WhoAnswer, style: Style): Generator<string> {
  const absent = who.place ? ` (${who.place})` : who.held ? "" : " (the image does not hold this page)";
  const openings = openingsOf(inspection.findings);
  const isOpen = openings.open.length > 0 && !who.isInterrupt;
  const isUnknown = openings.unknown.length > 0 && !who.isInterrupt;
  if (who.hits.length > 0) {
    const least = isOpen || isUnknown ? "at least " : "";
    yield style.bold(`${hex(who.paddr)} is reached in ${least}${plural(who.hits.length, "way")}${absent}`);
  } else if (isOpen) yield style.bold(`${hex(who.paddr)}${absent} is open to what no entry confines.`);
  else {
    yield style.bold(`Nobody reaches ${hex(who.paddr)}${absent}${isUnknown ? ", as far as is known" : ""}.`);
  }
  for (const { device, iova, allow, through } of who.hits) {
    const { pasid, state, ...id } = inspection.devices[device]!;
    const name = pasid === null || pasid === 0 ? deviceName(id) : `${deviceName(id)}/${pasid}`;
    const way = through === "translated" ? `iova ${hex(iova)}` : `as it is (${state}: reaches everything)`;
    yield `  ${name}  ${permWords[allow]}  ${way}`;
  }
  if (isOpen) yield* openings.open.map(({ what }) => `  ✗ ${what}`);
  if (isUnknown) yield* openings.unknown.map(({ what }) => `  ⚠ ${what}`);
  if (who.isInterrupt) yield interruptWords;
}

const interruptWords = "  what a device writes from 0xfee00000 to 0xfeefffff is an interrupt and never gets to memory";

export function* walkLines(walk: WalkAnswer, style: Style, width: number): Generator<string> {
  const { device, pasid, iova, steps, end, sentBy } = walk;
  yield style.bold(`${deviceName(device)}${pasid === null ? "" : `/${pasid}`} at ${hex(iova)}`);
  if (sentBy !== undefined) yield `  ${deviceName(sentBy)} sends as ${deviceName(device)}`;
  for (const step of steps) yield* stepLines(step, style, width);
  if (end.kind === "fault") {
    yield* faultLines(end.fault, style, width);
    return;
  }
  const size = end.bytes === 0 ? "nothing translates it" : `a page of ${bytesWords(end.bytes)}`;
  yield style.green(`  → ${hex(end.paddr)}, ${size}, ${permWords[end.allow]}`);
  for (const { access, fault } of end.refusals) {
    const code = fault.code === null ? "" : ` (${fault.name})`;
    yield* wrap(`a ${access} is refused${code}: ${fault.words}`, width, "    ", "    ");
  }
}

function* stepLines({ at, words, about, name, meaning }: WalkStep, style: Style, width: number): Generator<string> {
  yield* wrap(`${name} at ${hex(at)}: ${meaning}`, width, "  ", "    ");
  yield* wrap(entryValue(words), width, "      ").map(style.dim);
  for (const { name, bits, value, doc, isZero } of fieldsOf(words, about)) {
    if (isZero) continue;
    const head = `      ${name.padEnd(12)} ${bits.padEnd(7)} ${value.padEnd(12)}`;
    yield* wrap(doc, width, `${head} `, " ".repeat(Math.min(head.length + 1, Math.floor(width / 2)))).map(style.dim);
  }
}

function* faultLines({ code, name, words, why }: WalkFault, style: Style, width: number): Generator<string> {
  const head = code === null ? name : `${name} (code ${code})`;
  yield* wrap(`✗ ${head}: ${words}`, width, "  ", "    ").map(style.red);
  if (why !== words) yield* wrap(why, width, "    ", "    ");
}

/** Ranges of each change that are shown. */
const rangesUsual = 20;

export function* diffLines(
  diff: Pick<DiffAnswer, "file" | "difference">,
  style: Style,
  width: number,
): Generator<string> {
  const { changes, same } = diff.difference;
  if (changes.length === 0) {
    yield style.bold(`Nothing differs from ${diff.file} (${plural(same, "device")} compared).`);
    return;
  }
  yield style.bold(`${plural(changes.length, "change")} to ${diff.file}, ${plural(same, "device")} the same`);
  for (const change of changes) yield* changeLines(change, style, width);
}

function* changeLines(
  { name, pasid, words, lost, gained }: DeviceChange,
  style: Style,
  width: number,
): Generator<string> {
  const sums = [
    ...words,
    ...(lost.count > 0 ? [`lost ${bytesWords(lost.byteCount)}`] : []),
    ...(gained.count > 0 ? [`gained ${bytesWords(gained.byteCount)}`] : []),
  ];
  yield* wrap(`${name}${pasid === null || pasid === 0 ? "" : `/${pasid}`}  ${sums.join("; ")}`, width, "  ", "    ");
  yield* changedRows(lost, "-", style.red);
  yield* changedRows(gained, "+", style.green);
}

function* changedRows(ranges: Ranges, sign: string, paint: (text: string) => string): Generator<string> {
  let count = 0;
  for (const { iova, paddr, bytes, perm } of mappingRows(ranges)) {
    if (count++ === rangesUsual) {
      yield paint(`    ${sign} and ${plural(ranges.count - rangesUsual, "range")} more (--json has all)`);
      return;
    }
    yield paint(`    ${sign} ${hex(iova)} to ${hex(paddr)}, ${bytesWords(bytes)}, ${perm}`);
  }
}
