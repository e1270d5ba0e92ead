/** The frame around all engines: from options to what each of them has. */
import { unheard } from "../../../base/kernel_log.js";
import { engineRulesWith } from "../bugs.js";
import type { EngineOptions } from "../options.js";
import { BounceTable } from "../pool/bounce_table.js";
import { todaysEngines } from "../rules.js";
import type { EngineParts } from "./parts.js";

export function partsOf(o: EngineOptions): EngineParts {
  const { guest } = o;
  const pool = o.pool ?? null;
  const poolOptions = { profile: o.poolProfile, bugs: o.poolBugs, growth: o.growth ?? null };
  return {
    guest,
    table: pool === null ? null : new BounceTable(guest.memory, pool, poolOptions),
    force: o.force ?? false,
    memoryEnd: o.memoryEnd ?? 0,
    cache: o.cache ?? null,
    grants: o.grants ?? null,
    rules: engineRulesWith((o.profile ?? todaysEngines).rules, o.bugs ?? []),
    log: o.log ?? unheard,
  };
}
