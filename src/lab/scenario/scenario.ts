/** A scenario: a sentence of a public discussion, and the run that shows it. */
import type { Part } from "./story.js";

export interface Quotation {
  /** One sentence at most, as it was written. */
  readonly text: string;
  readonly author: string;
  /** As exactly as it is known. */
  readonly date: string;
  readonly where: string;
}

export interface ScenarioRun {
  readonly seed: number;
  /** Bugs that are on in the main part. */
  readonly bugs: readonly string[];
}

export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly quotation: Quotation;
  /** What it runs on, in one sentence. */
  readonly machine: string;
  /** What the reader should see. */
  readonly point: string;
  /** Bugs that `run` can have on. */
  readonly bugs: readonly string[];
  /** true: its parts are every run there is, so that a seed changes nothing. */
  readonly isExplored?: true;
  /** true: nobody in it has a choice, so that a seed changes nothing. */
  readonly isOneRun?: true;
  /** A picture in Mermaid's language, drawn from what the run saw. */
  picture(parts: readonly Part[]): string;
  /** @returns the main part first, contrasts after it */
  run(o: ScenarioRun): Part[];
}

/** Why no seed is taken; null: a seed draws the run. */
export function seedlessWords({ id, isExplored, isOneRun }: Scenario): string | null {
  if (isExplored) return `scenario ${id} is every order there is, so that a seed changes nothing: leave it out`;
  return isOneRun ? `scenario ${id} goes one way only, whatever the seed: leave it out` : null;
}

/** Rules that broke in parts that are no contrast. */
export function brokenRules(parts: readonly Part[]): string[] {
  return parts.filter((p) => !p.contrast).flatMap((p) => p.verdicts.filter((v) => !v.holds).map((v) => v.rule));
}
