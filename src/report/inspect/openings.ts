/** What no entry confines: findings by which a device may reach an address that no table leads to. */
import type { Finding } from "../../audit/inspect/facts/inspection.js";

/** Rules whose findings leave every address open, to a device that has no entry or that nobody confines. */
const open: ReadonlySet<string> = new Set(["unit-off", "no-unit", "uncovered", "no-entry"]);
/** Rules whose findings leave unknown who reaches what. */
const unknown: ReadonlySet<string> = new Set([
  ...["unit-unknown", "missing-unit", "missing-table", "strange-registers", "broken-table"],
  ...["silent-entries", "unknown-unit", "sends-as"],
]);

/** Notes of the same rules say that nothing passes. */
export const openingsOf = (findings: readonly Finding[]) => {
  const weighty = findings.filter((f) => f.weight !== "note");
  return {
    open: weighty.filter((f) => open.has(f.rule)),
    unknown: weighty.filter((f) => unknown.has(f.rule)),
  };
};
