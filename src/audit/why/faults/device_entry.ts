/** The device table entry that a kernel prints beside ILLEGAL_DEV_TABLE_ENTRY: DTE[0] to DTE[3]. */
import { hex } from "../../../base/hex.js";
import { read } from "../../../bits/field.js";
import { type LogFault, valueNamed } from "../../../read/index.js";
import { DeviceEntry } from "../../../spec/amdvi/device_entry.js";

export interface EntrySays {
  readonly words: string;
  /** Valid, and host addresses are not translated. */
  readonly passThrough: boolean;
}

/** @returns null when the first two words, which hold the translation, are not there. */
export function dumpedEntry(fault: LogFault): EntrySays | null {
  const quads = [0, 1, 2, 3].map((i) => valueNamed(fault, `DTE.${i}`));
  if (quads[0] == null || quads[1] == null) return null;
  const words = Uint32Array.from(quads.flatMap((q) => [Number((q ?? 0n) & 0xffffffffn), Number((q ?? 0n) >> 32n)]));
  const get = (f: Parameters<typeof read>[2]): number => read(words, 0, f);
  const e = DeviceEntry;
  const valid = get(e.v) === 1,
    translated = get(e.tv) === 1,
    mode = get(e.mode);
  const flags = [
    valid ? "V" : "V clear: addresses pass untranslated",
    translated ? "TV" : "TV clear: DMA is blocked",
    `Mode ${mode}${mode === 0 ? " (identity, no table)" : mode === 7 ? " (reserved)" : `, table at ${hex(BigInt(get(e.frame)) << 12n)}`}`,
    get(e.gv) === 1 ? `guest table (GLX ${get(e.glx)})` : "",
    get(e.ir) === 1 ? "IR" : "reads blocked",
    get(e.iw) === 1 ? "IW" : "writes blocked",
    `domain ${get(e.did)}`,
    get(e.i) === 1 ? "ATS allowed" : "",
    get(e.ppr) === 1 ? "page requests (PPR)" : "",
    get(e.iv) === 1 ? `interrupts ${["blocked", "forwarded", "remapped", "reserved"][get(e.intCtl)]}` : "",
  ].filter((part) => part !== "");
  const reserved = reservedBits(words, valid, get(e.iv) === 1);
  const optional = reserved === "" && (get(e.ppr) === 1 || get(e.gv) === 1) ? featureWords : "";
  return {
    words: `the entry: ${flags.join(", ")}${reserved === "" ? "" : `; reserved bits ${reserved} are set`}${optional}`,
    passThrough: valid && translated && mode === 0 && get(e.gv) === 0,
  };
}

/** Bits that count as reserved while the unit's control register has the feature off. */
const featureWords =
  "; PPR and guest tables are taken only while the unit's control register enables them (it is lost over suspend)";

function reservedBits(words: Uint32Array, translation: boolean, interrupts: boolean): string {
  const set: number[] = [];
  for (const [msb, lsb] of DeviceEntry.$.reserved) {
    for (let bit = lsb; bit <= msb; bit++) {
      const checked = bit < 128 ? translation : interrupts;
      if (checked && ((words[bit >>> 5]! >>> (bit & 31)) & 1) === 1) set.push(bit);
    }
  }
  return set.join(", ");
}
