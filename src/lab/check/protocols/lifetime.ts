/** Pages that leave a device's reach: cleared, flushed, freed; by whatever policy, with whatever device. */
import { releasePolicies } from "../../../sw/iommu/lifetime/policies.js";
import { type DeviceCompared, devicesCompared } from "../../protocol/comparison.js";
import { callReturns, guestGoesOn, pageIsGiven, pageLifetime } from "../../protocol/page_lifetime.js";
import { numbers, type Parameter } from "../parameter.js";
import type { OwnMachine, Protocol } from "../protocol.js";

/** @param usual stands first */
function words(about: string, usual: string, all: readonly string[]): Parameter {
  return { about, values: [usual, ...all.filter((word) => word !== usual)] };
}

const policies = Object.keys(releasePolicies) as (keyof typeof releasePolicies)[];
const devices = Object.keys(devicesCompared);

const givenBack = (policy: keyof typeof releasePolicies, device: DeviceCompared): OwnMachine => ({
  parameters: {
    policy: words("what becomes of a page while a device may still reach it", policy, policies),
    device: words("how the device with a TLB of its own answers", device.replaceAll(" ", "-"), [
      ...devices.map((name) => name.replaceAll(" ", "-")),
    ]),
    writes: numbers("writes of the device", 1, 1, 3),
  },
  build: ({ policy, device, writes }) => {
    const manners = devicesCompared[device!.replaceAll("-", " ") as DeviceCompared];
    const options = { ...manners, policy: releasePolicies[policy as keyof typeof releasePolicies] };
    return () => pageLifetime({ ...options, writes: Number(writes) });
  },
  mustSee: () => [pageIsGiven, callReturns, guestGoesOn],
});

export const lifetimeProtocols: readonly Protocol[] = [
  {
    id: "unmap-flush-free",
    title: "an entry is cleared, whoever may remember it is told, and the page is freed",
    machine: givenBack("xen-2021", "in time"),
    bugs: [
      ...["flush-all-as-page-0", "removal-failure-ignored", "rights-change-not-flushed", "lazy-window"],
      ...["batch-freed-early", "entry-not-written-back", "moved-page-unreferenced", "range-ends-at-the-top"],
      ...["unpinned-beyond", "kernel-tables-not-told", "table-freed-before-flush", "gather-never-filled"],
      "root-and-levels-apart",
    ],
  },
  {
    id: "ats-timeout",
    title: "a device with a TLB of its own is asked to forget, and is late, or wrong, or silent, or gone",
    machine: givenBack("fence-then-free", "late"),
    bugs: ["ats-for-strangers", "timeout-not-reported", "hidden-devices-skipped", "subdevices-not-listed"],
  },
  {
    id: "queue-reuse",
    title: "slots and status words of a queue serve again, and an answer comes late",
    machine: null,
    bugs: ["status-word-shared", "bystander-given-up", "wait-elided"],
  },
  {
    id: "completion-interrupt",
    title: "nobody waits: an interrupt says that a flush is done, and may be lost on the way",
    machine: givenBack("async-paused", "in time"),
    bugs: ["woken-too-late"],
  },
  {
    id: "superpage-split",
    title: "one large entry goes, or is cut, and all that was made of it must be forgotten",
    machine: null,
    bugs: ["large-entry-flushed-in-part"],
  },
];
