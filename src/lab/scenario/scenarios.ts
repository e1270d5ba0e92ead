/** All scenarios, in the order in which they are told. */
import type { Scenario } from "./scenario.js";
import { armForeignNoncoherent } from "./tales/arm.js";
import { merge, missingHandle, straddle } from "./tales/contiguity.js";
import { engineContract, whoBounces } from "./tales/engine.js";
import { legacyBypass, memoryModels } from "./tales/models.js";
import { ring } from "./tales/ring.js";
import { alias, foreignBacking, foreignPage } from "./tales/sharing.js";
import { whoNeedsWhich } from "./tales/who_needs_which.js";

export const scenarios: readonly Scenario[] = [
  engineContract,
  ring,
  foreignPage,
  alias,
  foreignBacking,
  missingHandle,
  armForeignNoncoherent,
  whoNeedsWhich,
  memoryModels,
  straddle,
  merge,
  legacyBypass,
  whoBounces,
];
