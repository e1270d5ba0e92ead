/** Values of options, read from the command line. */

import { InvalidArgumentError } from "commander";
import { frameBytes } from "../../base/frame.js";
import { colorings } from "../host/terminal.js";
import type { OptionRow, Parse, under, ValueForm } from "./option.js";

export const file: ValueForm = { shown: "<file>", file: true, parse: fileName };

export const socket: ValueForm = { ...file, shown: "<socket>" };

function fileName(text: string): string {
  if (text === "") throw new InvalidArgumentError("It takes a file, and this is an empty name.");
  if (text.startsWith("--")) {
    throw new InvalidArgumentError(`It takes a file, and this is an option (a file of that name is ./${text}).`);
  }
  return text;
}

/** One of a few words. */
export function oneOf(shown: string, words: readonly string[]): ValueForm {
  return {
    shown,
    words: async () => words,
    parse(text) {
      if (words.includes(text)) return text;
      throw new InvalidArgumentError(`It takes ${words.slice(0, -1).join(", ")} or ${words.at(-1)}.`);
    },
  };
}

/** @param most the largest that makes sense */
export function wholeNumber(least: number, most: number): Parse {
  return (text) => {
    const n = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (n >= least && n <= most) return n;
    throw new InvalidArgumentError(`It takes a whole number from ${least} to ${most}.`);
  };
}

export function address(text: string): number {
  const n = /^(0x[0-9a-f]{1,13}|[0-9]{1,15})$/i.test(text) ? Number(text) : Number.NaN;
  if (n <= 2 ** 52) return n;
  throw new InvalidArgumentError("It takes an address such as 0x40000000.");
}

/** Where a frame begins. */
export function frameAddress(text: string): number {
  const n = address(text);
  if (n % frameBytes === 0 && n < 2 ** 52) return n;
  throw new InvalidArgumentError("It takes where a page begins, a multiple of 0x1000 below 2^52, such as 0x40000000.");
}

const units: Readonly<Record<string, number>> = { "": 0, k: 10, m: 20, g: 30, t: 40 };

export function size(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  if (digits === undefined) throw new InvalidArgumentError("It takes a size such as 512MiB or 4GiB.");
  return Number(digits) * 2 ** units[unit!.toLowerCase()]!;
}

/** The memory of a machine: at least a page, and what addresses of 52 bits reach. */
export function memory(text: string): number {
  const bytes = size(text);
  if (bytes >= frameBytes && bytes <= 2 ** 52) return bytes;
  throw new InvalidArgumentError("It takes the memory of a machine, from 4KiB to 4096TiB, such as 512MiB or 4GiB.");
}

/** A size of whole pages. */
export function pages(text: string): number {
  const bytes = size(text);
  if (bytes % frameBytes === 0) return bytes;
  throw new InvalidArgumentError("It takes a multiple of 4 KiB such as 512MiB.");
}

/** What every verb has at the end. @param schema of its document, and of those that it writes instead */
export function everyVerb(output: ReturnType<typeof under>, schema: string): OptionRow[] {
  return [
    output("json", null, `print one JSON document (schema ${schema})`),
    output(
      "color",
      oneOf("<when>", colorings),
      "always, never or auto (on a terminal; NO_COLOR and FORCE_COLOR count)",
    ),
  ];
}
