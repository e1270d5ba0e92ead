/** Questions to logs and recordings: why it failed, what leaked, which rules were broken. */
export { RecordingAudit } from "./recording/recording_audit.js";
export type { AliveGroup, AuditCounts, AuditResult, DeviceExposure, Violation } from "./recording/result.js";
export { type RuleName, rules, unknowable } from "./recording/rules.js";
export { type MachineContext, nothingKnown } from "./why/context.js";
export { explainLine, explainLog } from "./why/explain.js";
export type { Finding } from "./why/finding.js";
export { explainSetting } from "./why/setting.js";
