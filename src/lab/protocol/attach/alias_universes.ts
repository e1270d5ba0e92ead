/** Devices that share a requester id, and devices that have several: all of them are led, and none is left out meanwhile. */
import type { Universe } from "../../../check/universe.js";
import type { AttachBugs } from "../../../sw/iommu/group/bugs.js";
import { contextOf, iotlbDomain } from "../../../sw/iommu/lifetime/flushes.js";
import { change } from "../../../sw/iommu/lifetime/steps.js";
import { type DeviceOptions, ownerOf } from "../layout.js";
import { contextAt } from "../machine.js";
import { clearEntry, context, lead, machine, plain, requester, second, shown, told } from "./shown.js";

/** Two functions send one requester id: the second is attached where the first is, and the first goes on. */
export const aliasAttached = (bugs: AttachBugs): Universe =>
  shown({
    ...{ machine: machine([1], [plain]), rule: "I5" },
    protocols: (m) => {
      const entry = lead(m, { requester, domain: 0, did: 1 });
      const cleared = [clearEntry(requester), ...told("tell of the entry", contextOf({ did: 1, requester }))];
      return [{ name: "who attaches the second", steps: bugs.has("alias-cleared") ? [...cleared, entry] : [entry] }];
    },
  });

/** The id by which a bridge sends what the device behind it writes. */
const alias: DeviceOptions = { ...plain, requester: requester + 1 };

/** A device goes to another domain, by its own id and by its bridge's; a third, which stays, is led by the old one. */
export const aliasLed = (bugs: AttachBugs): Universe =>
  shown({
    ...{
      machine: machine([1, 2], [{ ...plain, writes: [] }, alias, { ...second, domain: 0, writes: [] }]),
      rule: "I1",
    },
    protocols: (m) => {
      const to = (home: number) => {
        for (const n of [0, 1]) m.homes.set(n, home);
      };
      const words = context(m, 1, 2);
      if (bugs.has("alias-from-another")) m.memory.load(contextAt(second.requester), words);
      return [
        {
          name: "who attaches",
          steps: [
            change("lead its own id to the new domain", ({ memory }) => {
              to(ownerOf(0) + ownerOf(1) * 256);
              memory.store(contextAt(requester), context(m, 1, 2));
            }),
            change("copy its entry to its alias", ({ memory }) => memory.store(contextAt(alias.requester), words)),
            ...told(
              "tell of the entries and the domain",
              ...[requester, alias.requester].map((r) => contextOf({ did: 1, requester: r })),
              iotlbDomain(1),
            ),
            change("count the device as the new domain's", () => to(ownerOf(1))),
          ],
        },
      ];
    },
  });
