/** The comparison of policies for pages as a `dmalab.page-lifetime/1` document. */
import { type ComparedPolicy, devicesCompared } from "../../lab/protocol/comparison.js";
import { compareUnits } from "../../lab/protocol/own_units.js";
import { lifetimeRules } from "../../lab/protocol/page_lifetime.js";
import { compareCalls } from "../../lab/protocol/passthrough.js";
import { rules } from "../../lab/protocol/watch.js";
import { releasePolicies } from "../../sw/iommu/lifetime/policies.js";
import type { PageLifetimeDocument } from "../schema/documents.js";

const devices = Object.keys(devicesCompared);

export function pageLifetimeDocument(all: readonly ComparedPolicy[]): PageLifetimeDocument {
  return {
    schema: "dmalab.page-lifetime/1",
    rules: lifetimeRules.map((rule) => ({ rule, says: rules[rule] })),
    devices: Object.entries(devicesCompared).map(([device, { words }]) => ({ device, does: words })),
    calls: [true, false].flatMap((hasTlb) =>
      compareCalls(hasTlb).map(({ call, cells }) => ({
        ...{ call, hasTlb },
        cells: cells.map((c) => ({ ...c, broken: c.broken.map((b) => ({ ...b })) })),
      })),
    ),
    ownUnits: compareUnits().map(({ policy, hurries, cells }) => ({
      ...{ policy, hurries },
      cells: cells.map((c, n) => ({ device: devices[n]!, ...c, broken: c.broken.map((b) => ({ ...b })) })),
    })),
    policies: all.map(({ name, cells, cost }) => ({
      policy: name,
      title: releasePolicies[name].title,
      source: releasePolicies[name].source,
      cells: cells.map(({ device, broken, states, complete }) => ({
        ...{ device, states, complete },
        broken: broken.map(({ rule, steps }) => ({
          ...{ rule, says: rules[rule] },
          steps: steps.map((s) => ({ actor: s.actor, does: s.step })),
        })),
      })),
      cost: { ...cost },
    })),
  };
}
