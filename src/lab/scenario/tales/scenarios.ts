/** All scenarios, in the order in which they are told. */
import type { Scenario } from "../scenario.js";
import { armForeignNoncoherent } from "./arm.js";
import { attachmentScenarios } from "./attachment.js";
import { merge, missingHandle, straddle } from "./contiguity.js";
import { engineContract, whoBounces } from "./engine.js";
import { legacyBypass, memoryModels } from "./models.js";
import { pageLifetimeScenarios } from "./page_lifetime.js";
import { replacementScenarios } from "./replacement.js";
import { ring } from "./ring.js";
import { alias, foreignBacking, foreignPage } from "./sharing.js";
import { whoNeedsWhich } from "./who_needs_which.js";

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
  ...pageLifetimeScenarios,
  ...replacementScenarios,
  ...attachmentScenarios,
];
