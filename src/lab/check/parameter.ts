/** What may be said of a protocol's machine: names with values, as `--universe policy=linux-vtd,writes=2` gives them. */
import { didYouMean } from "../../base/nearest.js";

export interface Parameter {
  readonly about: string;
  /** What it may be, the usual value first. */
  readonly values: readonly string[];
}

export type Parameters = Readonly<Record<string, Parameter>>;

/** A value for each parameter. */
export type Values = Readonly<Record<string, string>>;

/** A whole number, the usual one first. */
export function numbers(about: string, usual: number, least: number, most: number): Parameter {
  const all = Array.from({ length: most - least + 1 }, (_, n) => least + n);
  return { about, values: [usual, ...all.filter((n) => n !== usual)].map(String) };
}

export const usualValues = (parameters: Parameters): Values =>
  Object.fromEntries(Object.entries(parameters).map(([name, { values }]) => [name, values[0]!]));

/**
 * @param asked K=V pairs with commas between them
 * @returns the usual values with those that were asked for; a string when something is asked that is not there
 */
export function valuesOf(parameters: Parameters, asked: string): Values | string {
  const values: Record<string, string> = { ...usualValues(parameters) };
  const met = new Set<string>();
  for (const pair of asked.split(",")) {
    const [name, value, ...more] = pair.split("=");
    if (name === undefined || value === undefined || more.length > 0) return `${pair} is not NAME=VALUE`;
    const parameter = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    const names = Object.keys(parameters);
    if (parameter === undefined) return `no parameter ${name}${didYouMean(name, names)}; there are ${names.join(", ")}`;
    if (!parameter.values.includes(value)) {
      const meant = /^\d*$/.test(value) ? "" : didYouMean(value, parameter.values);
      return `${name} is one of ${parameter.values.join(", ")}; this is ${value}${meant}`;
    }
    if (met.has(name)) return `${name} is given twice`;
    met.add(name);
    values[name] = value;
  }
  return values;
}
