/** Questions to logs and recordings: why it failed, what leaked, which rules were broken. */
export { type MachineContext, nothingKnown } from "./why/context.js";
export { explainLine, explainLog } from "./why/explain.js";
export type { Finding } from "./why/finding.js";
