/**
 * The boot parameter `swiotlb=`: `[slots][,areas][,force|noforce]`.
 *
 * The parser takes what it understands and says nothing of the rest, so `swiotlb=64M` is 64 slots, rounded up to 128.
 * What it left is returned here. Source: Linux kernel/dma/swiotlb.c, setup_io_tlb_npages; lib/vsprintf.c,
 * simple_strtoul with base 0.
 */
import { setSlots, slotBytes } from "../../spec/swiotlb/sizes.js";
import { adjustAreas, type Boot, bootDefaults, type Mode, roundedUp } from "./boot.js";

export interface Parameter extends Boot {
  /** The numbers as written; null when none was. */
  readonly asked: { readonly slots: number | null; readonly areas: number | null };
  /** Characters that the kernel passes over in silence; "" when it understood all. */
  readonly ignored: string;
}

/** No kernel takes a longer command line. */
const charsMax = 4096;

/**
 * What the kernel makes of the parameter alone.
 * @param text the value, without `swiotlb=`
 */
export function readParameter(text: string, defaults: Boot = bootDefaults): Parameter {
  let rest = text.slice(0, charsMax);
  let boot = defaults;
  const asked: { slots: number | null; areas: number | null } = { slots: null, areas: null };
  const slots = unsignedLong(rest);
  if (slots !== null) {
    rest = rest.slice(slots.chars);
    asked.slots = slots.value;
    boot = withSlots(boot, slots.value);
  }
  if (rest.startsWith(",")) rest = rest.slice(1);
  const areas = unsignedLong(rest);
  if (areas !== null) {
    rest = rest.slice(areas.chars);
    asked.areas = areas.value;
    boot = adjustAreas(boot, areas.value % 2 ** 32);
  }
  if (rest.startsWith(",")) rest = rest.slice(1);
  const mode: Mode = rest === "force" || rest === "noforce" ? rest : boot.mode;
  return { ...boot, mode, asked, ignored: rest === mode ? "" : rest };
}

/** The parameter with its areas settled, as `parseSwiotlb` returns it: a pool that memory has room for. */
export interface Setting extends Parameter {
  /** Bytes of the pool. */
  readonly bytes: number;
}

/**
 * The pool that a machine of so many possible CPUs gets from the parameter, given room for it.
 * @param text the value, without `swiotlb=`; "" for a command line that does not have it
 */
export function parseSwiotlb(text: string, o: { readonly cpus: number; readonly defaults?: Boot }): Setting {
  const read = readParameter(text, o.defaults);
  const settled = read.areas === 0 ? adjustAreas(read, o.cpus) : read;
  return { ...read, ...settled, bytes: settled.slots * slotBytes };
}

function withSlots(boot: Boot, asked: number): Boot {
  // Rounding up wraps at 64 bits as everything else does; then no slots are left.
  const slots = asked >= 2 ** 64 ? 0 : Math.ceil(asked / setSlots) * setSlots;
  const steps = slots === asked ? boot.steps : [...boot.steps, `${roundedUp(asked, "slot", slots)}: whole slot sets`];
  return { ...boot, slots, steps };
}

/**
 * A number as the kernel reads it when the first character is a digit: hexadecimal after 0x, octal after 0, wrapping
 * at 64 bits. Values above 2^53 lose their low bits here, which no pool can tell apart.
 */
function unsignedLong(text: string): { value: number; chars: number } | null {
  if (!/^[0-9]/.test(text)) return null;
  const digits = /^0[xX][0-9a-fA-F]/.test(text)
    ? { radix: 16, text: /^0[xX]([0-9a-fA-F]+)/.exec(text)![1]!, before: 2 }
    : text.startsWith("0")
      ? { radix: 8, text: /^[0-7]+/.exec(text)![0], before: 0 }
      : { radix: 10, text: /^[0-9]+/.exec(text)![0], before: 0 };
  let value = 0n;
  for (const digit of digits.text)
    value = BigInt.asUintN(64, value * BigInt(digits.radix) + BigInt(Number.parseInt(digit, 16)));
  return { value: Number(value), chars: digits.before + digits.text.length };
}
