/** A device goes from one domain to another: still working for the first, or with a TLB of its own. */
import type { Universe } from "../../../check/universe.js";
import type { AttachBugs } from "../../../sw/iommu/group/bugs.js";
import { contextOf, deviceTlbPages, iotlbDomain } from "../../../sw/iommu/lifetime/flushes.js";
import type { ProtocolStep } from "../../../sw/iommu/lifetime/protocol.js";
import { change } from "../../../sw/iommu/lifetime/steps.js";
import { type DeviceOptions, ownerOf } from "../layout.js";
import type { BuiltMachine } from "../machine.js";
import { clearEntry, frame, lead, machine, plain, requester, shown, told } from "./shown.js";

/** The device works for these, from now on. */
const worksFor = (m: BuiltMachine, name: string, home: number) => change(name, () => m.homes.set(0, home));
const forgotten = (name: string) => told(name, contextOf({ did: 1, requester }), iotlbDomain(1));

/** A guest's device goes back to domain 0: at once, or by way of a quarantine until it is reset. */
export const handedBack = (bugs: AttachBugs): Universe =>
  shown({
    ...{ machine: machine([1, 2], [plain]), rule: "I1" },
    protocols: (m) => {
      const reset = worksFor(m, "reset the device", ownerOf(1));
      const back = { ...lead(m, { requester, domain: 1, did: 2 }), name: "lead it to domain 0's tables" };
      const taken = { ...clearEntry(requester), name: "put it in quarantine" };
      const tell = forgotten("tell of the entry");
      const steps = bugs.has("handed-back-in-flight") ? [back, ...tell, reset] : [taken, ...tell, reset, back];
      return [{ name: "hypervisor", steps }];
    },
  });

const withTlb: DeviceOptions = { ...plain, manners: "answers" };

/** A device with a TLB is led elsewhere, and then the devices of the old domain are told: is it one of them? */
export const ledWithTlb = (bugs: AttachBugs): Universe =>
  shown({
    ...{ machine: machine([1, 2], [withTlb]), rule: "I1" },
    protocols: (m) => {
      const inTlb = bugs.has("asked-of-the-new-entry") ? [] : [deviceTlbPages({ requester, frame })];
      const steps: readonly ProtocolStep[] = [
        {
          ...lead(m, { requester, domain: 1, did: 2 }),
          does(k, s) {
            m.homes.set(0, ownerOf(0) + ownerOf(1) * 256);
            return lead(m, { requester, domain: 1, did: 2 }).does(k, s);
          },
        },
        ...told("tell whose entry has the old id", contextOf({ did: 1, requester }), iotlbDomain(1), ...inTlb),
        worksFor(m, "count the device as the new domain's", ownerOf(1)),
      ];
      return [{ name: "hypervisor", steps }];
    },
  });
