/** Whether options go together, and with what was given as input: each is of use, or refused with where it would be. */
import { AskedWrongly } from "../host/misuse.js";
import { givenOptions, type OptionRow, type VerbRow } from "./option.js";

/** @throws AskedWrongly for an option without the one it needs, or beside one that it contradicts. */
export function checkTogether(verb: VerbRow, flags: object): void {
  const given = givenOptions(verb, flags);
  const isGiven = (name: string) => given.some((row) => row.name === name);
  for (const { name, needs, not = {} } of given) {
    if (needs !== undefined && !isGiven(needs.option)) {
      throw new AskedWrongly(`--${name} is of use only with --${needs.option}: ${needs.or}`);
    }
    for (const [other, why] of Object.entries(not)) {
      if (isGiven(other)) throw new AskedWrongly(`--${name} and --${other} do not go together: ${why}`);
    }
  }
}

/**
 * @param forms what the input turned out to be; several where several were given
 * @param subject what messages call it: a file's name, or "" where the words of the form say all
 * @throws AskedWrongly for an option that goes with none of them.
 */
export function checkForms(verb: VerbRow, forms: readonly string[], subject: string, flags: object): void {
  const useless = givenOptions(verb, flags).find((row) => !row.forms.some((form) => forms.includes(form)));
  if (useless === undefined) return;
  const is = forms.map((form) => verb.forms[form]!).join(" and ");
  const found = subject === "" ? `this is ${is}` : `${subject} is ${is}`;
  throw new AskedWrongly(`--${useless.name} goes with ${formWords(verb, useless)}; ${found}`);
}

/** Inputs that an option goes with, "a recording or a machine description"; not what only the option itself makes of one. */
function formWords(verb: VerbRow, row: OptionRow): string {
  const others = row.forms.filter((form) => form !== row.makes);
  const words = (others.length > 0 ? others : row.forms).map((form) => verb.forms[form]!);
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
