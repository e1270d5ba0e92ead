/**
 * Scenarios and historic bugs: sentences of public discussions as something that happens, and bugs of the past as the
 * shortest run that shows them. For who teaches, writes or checks what was once said.
 *
 * Promised: a name stays what it is; stories may gain steps with any version.
 *
 * @packageDocumentation
 */
export { Misuse } from "../base/assert.js";
export {
  type Bug,
  bugs,
  demonstrateBug,
  runScenario,
  type Scenario,
  type ScenarioOptions,
  scenarios,
} from "../library/scenario/stories.js";
export { BadOption } from "../library/work_options.js";
export type * from "../report/schema/documents.js";
