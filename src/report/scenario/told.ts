/** A scenario that was run, as the reports take it. */
import type { Scenario } from "../../lab/scenario/scenario.js";
import type { Part } from "../../lab/scenario/story.js";

export interface Told {
  readonly scenario: Scenario;
  readonly parts: readonly Part[];
  readonly seed: number;
  /** The bug that was on; null: none. */
  readonly bug: string | null;
}
