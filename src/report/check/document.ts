/** What `check` found as a `dmalab.check/1` document, and what can be checked as a `dmalab.check-list/1`. */
import type { CheckedMachine } from "../../lab/check/checked.js";
import type { Protocol } from "../../lab/check/protocol.js";
import type { HistoricBug } from "../../lab/scenario/bugs/registry.js";
import type { CheckDocument, CheckListDocument } from "../schema/documents.js";
import { type CheckReport, judged } from "./check_report.js";
import { statusOf } from "./list.js";

export function checkDocument(report: CheckReport): CheckDocument {
  const { protocol, bug, values, machines } = report;
  const asked = judged(report);
  const sum = (of: (m: CheckedMachine) => number | null) => asked.reduce((all, m) => all + (of(m) ?? 0), 0);
  return {
    schema: "dmalab.check/1",
    ...{ protocol: protocol.id, title: protocol.title, bug, universe: values ?? {} },
    ...{ states: sum((m) => m.states), orders: sum((m) => m.orders), transitions: sum((m) => m.transitions) },
    complete: asked.every((m) => m.complete),
    bounded: asked.find((m) => m.bounded !== null)?.bounded ?? null,
    violated: asked.find((m) => m.violated !== null)?.violated ?? null,
    sometimes: happened(asked),
    unseen: [...new Set(asked.flatMap((m) => m.unseen))],
    machines: machines.map((m) => ({ ...m })),
  };
}

/** What happened in any of the machines. */
function happened(machines: readonly CheckedMachine[]): Readonly<Record<string, boolean>> {
  const all: Record<string, boolean> = {};
  for (const { sometimes } of machines)
    for (const [name, was] of Object.entries(sometimes)) all[name] = (all[name] ?? false) || was;
  return all;
}

export function checkListDocument(protocols: readonly Protocol[], bugs: readonly HistoricBug[]): CheckListDocument {
  const protocolOf = new Map(protocols.flatMap(({ id, bugs: its }) => its.map((bug) => [bug, id] as const)));
  return {
    schema: "dmalab.check-list/1",
    protocols: protocols.map(({ id, title, machine, bugs: its }) => ({
      ...{ id, title },
      parameters: Object.entries(machine?.parameters ?? {}).map(([name, { about, values }]) => ({
        ...{ name, about, values: [...values], usual: values[0]! },
      })),
      bugs: [...its],
    })),
    bugs: bugs.flatMap((bug) => {
      const { id, year, source, rule: invariant, layer, title } = bug;
      const protocol = protocolOf.get(id);
      return protocol === undefined
        ? []
        : [{ id, protocol, title, year, source, invariant, status: statusOf(bug), layer }];
    }),
  };
}
