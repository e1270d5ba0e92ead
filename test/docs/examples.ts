/** The programs of `examples/`, called as their heads say, and what is seen of what they print. */
import { readFileSync } from "node:fs";
import ts from "typescript";

export interface Example {
  readonly name: string;
  /** Files are the package's. */
  readonly args: readonly string[];
  /** Lines of its output, in order; others may stand between them. */
  readonly lines: readonly RegExp[];
}

export const bounced: Example = {
  name: "bounced",
  args: ["fixtures/swiotlb-full/trace.txt.gz", "fixtures/swiotlb-full/dmesg.txt.gz"],
  lines: [
    /^13462 of 13880 mappings bounced, 418 were refused$/,
    /^0000:00:03\.0: 10433 bounced, 115379208 bytes$/,
    /^ {2}10433 times: the pool is forced/,
    /^at most 511 of 512 slots were in use$/,
    /^first refused, at 13\.161895 s: 69632 bytes, 34 slots in a row were asked for/,
    /^13462 of 13462 addresses are the kernel's own$/,
    /^advice: swiotlb=2048,force, bounded$/,
  ],
};

export const whyRefused: Example = {
  name: "why_refused",
  args: ["nvme 0000:00:03.0: swiotlb buffer is full (sz: 69632 bytes), total 512 (slots), used 473 (slots)"],
  lines: [
    /^0000:00:03\.0: exhausted$/,
    /^ {2}The pool is nearly used up/,
    /^ {2}68 KiB = 34 slots/,
    /^ {2}Try swiotlb=1024/,
  ],
};

export const whoReaches: Example = {
  name: "who_reaches",
  args: ["fixtures/vtd-legacy-strict/mem.elf.gz", "fixtures/vtd-legacy-strict/mem.registers.json", "0x5097010"],
  lines: [
    /^unproven: Not shown to be safe, for 1 reason/,
    /^0000:00:03\.0: translated, 16 ranges, 180224 bytes of memory, 0xfffc0000 leads to 0x5097000 \(rw\)$/,
    /^0x5097010 is reached by 0000:00:03\.0 at 0xfffc0010, rw$/,
  ],
};

export const encryptedGuest: Example = {
  name: "encrypted_guest",
  args: [],
  lines: [
    /^512 slots: \d+ %$/,
    /^512 slots: 1081 bounced, 155 refused, 499 in use at most$/,
    /^512 slots: every byte arrived$/,
    /^2048 slots: \d+ %$/,
    /^2048 slots: 1062 bounced, 0 refused, 684 in use at most$/,
    /^2048 slots: every byte arrived$/,
  ],
};

export const pageTable: Example = {
  name: "page_table",
  args: [],
  lines: [
    /^0xfffc0000 to 0x44e9000: 12288 bytes$/,
    /^frame 0xfffc1: frame 0x44ea$/,
    /^frame 0xfffc3: nothing there$/,
    /^ {2}SS-PDE at 0x13000: page of 2 MiB at 0x1200000$/,
    /^refused: the page is mapped/,
  ],
};

export const examples: readonly Example[] = [bounced, whyRefused, whoReaches, encryptedGuest, pageTable];

/** The first line that was not printed where it should be; null when all were. */
export function missing({ lines }: Example, out: string): RegExp | null {
  const printed = out.split("\n");
  let at = 0;
  for (const line of lines) {
    const found = printed.findIndex((p, i) => i >= at && line.test(p));
    if (found < 0) return line;
    at = found + 1;
  }
  return null;
}

/** As JavaScript. */
export function scriptOf({ name }: Example): string {
  const source = readFileSync(`examples/${name}.ts`, "utf8");
  const { ESNext } = ts.ModuleKind;
  return ts.transpileModule(source, { compilerOptions: { module: ESNext, target: ts.ScriptTarget.ES2022 } }).outputText;
}
