/** What the IOMMU of a described machine was asked, told and refused, for a terminal. */
import { countWords, plural } from "../../base/count_words.js";
import type { MachineIommuOutcome, MachineOutcome, SwitchingOutcome } from "../../lab/machine/outcome.js";
import { wrap } from "../text/layout.js";
import type { Style } from "../text/style.js";
import { hexWords, shareWords } from "../words/quantity.js";

const refusedShown = 6;

export function iommuLines({ iommu, xen, programs }: MachineOutcome, style: Style, width: number): string[] {
  if (iommu === null) return [];
  const told = [
    ...[
      nestingWords(iommu),
      ...switchingWords(iommu),
      askedWords(iommu),
      devicesWords(iommu),
      queueWords(iommu),
      lazyWords(iommu),
    ],
    ...takenWords(iommu),
  ];
  const { refused, takenAway } = iommu;
  const whose = iommu.nesting !== null ? "a guest's above the host's, " : iommu.switching !== null ? shadowed : "";
  const kept = xen === null ? `${whose}${policies[iommu.policy]}` : ofHypervisor;
  const keeper = xen === null ? "kernel" : "hypervisor";
  const faults = refused.reduce((n, r) => n + (r.isFault ? r.count : 0), 0);
  const afterwards = takenAway.reduce((n, t) => n + t.refused, 0);
  const more = refused.length - refusedShown;
  return [
    style.bold(`IOMMU: ${titles[iommu.kind]}, ${kept}`),
    ...told.filter((line) => line !== null).flatMap((line) => wrap(line, width, "  ", "    ")),
    ...iommu.wrongAnswers.flatMap((w) => wrap(wrongAnswerWords(w), width, "  ", "    ").map((line) => style.red(line))),
    ...refused
      .slice(0, refusedShown)
      .flatMap((r) => wrap(refusedWords(r, keeper), width, "  ", "    ").map((line) => style.red(line))),
    ...(more > 0 ? [`  and ${plural(more, "kind")} more`] : []),
    ...failedWords(iommu, programs).flatMap((line) => wrap(line, width, "  ", "    ")),
    ...(faults > 0 ? wrap(recordedWords(iommu.recorded, faults + afterwards, keeper), width, "  ", "    ") : []),
  ];
}

const titles: Readonly<Record<MachineIommuOutcome["kind"], string>> = {
  vtd: "VT-d",
  "vtd-scalable": "VT-d in scalable mode",
  amdvi: "AMD-Vi",
  smmuv3: "SMMUv3",
};

const policies: Readonly<Record<MachineIommuOutcome["policy"], string>> = {
  strict: "flushed at each unmapping (strict)",
  lazy: "flushed later, all at once (lazy)",
  "pass-through": "the kernel lets devices pass it",
};

const shadowed = "a guest's, of which the host's tables are the shadow, ";
const ofHypervisor = "the hypervisor's, which has what goes flushed before it goes on";

function nestingWords({ nesting }: MachineIommuOutcome): string | null {
  if (nesting === null) return null;
  const { pieces, nested, told, carriedOver, lost } = nesting;
  return (
    `the guest's memory lies in ${plural(pieces, "piece")} of the host's; devices were led through the guest's tables and the host's ${plural(nested, "time")}; ` +
    `${plural(told, "command")} of the guest's unit, carried over as ${plural(carriedOver, "command")}` +
    (lost > 0 ? `, and ${countWords(lost)} not (hostBug)` : "")
  );
}

const ways = { replace: "the device's entry was replaced", remap: "all mappings were taken out, and others put in" };
const otherWays = { replace: "taking all mappings out and putting others in", remap: "replacing the device's entry" };

function switchingWords({ switching: s }: MachineIommuOutcome): string[] {
  if (s === null) return [];
  if (s.switches === 0) return ["no device was switched between identity and a domain of its own"];
  return [
    `${plural(s.switches, "switch", "switches")} between identity and a domain of the device's own: ${ways[s.way]} (hostSwitch: ${s.way}), with ` +
      `${plural(s.calls, "call")} to map or unmap, where ${otherWays[s.way]} takes ${countWords(s.callsOtherWay)}; ` +
      `meanwhile devices took ${plural(s.deviceSteps, "step")}`,
    metWords(s.met),
  ];
}

/** A page to which one domain alone leads is in flight only where the guest's kernel does not see to it. */
function metWords({ alike, old, new: after, blocked, wrong }: SwitchingOutcome["met"]): string {
  const led = `${countWords(alike)} led alike by both domains, ${countWords(blocked)} refused, ${countWords(wrong)} led elsewhere`;
  const asked = `pages that devices asked for while they were switched: ${led}`;
  if (old + after > 0) return `${asked}, ${countWords(old)} led by the old one, ${countWords(after)} by the new one`;
  return (
    `${asked}; what one domain alone leads to was not in flight, for the guest puts what is mapped in identity into the domain ` +
    "before it attaches it, and leaves the domain when no address of its own is in use"
  );
}

function askedWords({ untranslated, fromCache }: MachineIommuOutcome): string {
  const cached = untranslated === 0 ? "" : `, ${shareWords(fromCache, untranslated)} of them answered by its IOTLB`;
  return `${plural(untranslated, "page")} of memory asked for by bus address${cached}`;
}

function devicesWords({ translationRequests: asked, translated }: MachineIommuOutcome): string | null {
  if (asked === 0) return null;
  return `devices with a TLB: ${plural(asked, "translation")} asked for, ${plural(translated, "page")} reached by them`;
}

function queueWords({ descriptors }: MachineIommuOutcome): string {
  return `queue: ${descriptors.map((d) => `${countWords(d.count)} ${d.what}`).join(", ")}`;
}

function lazyWords({ policy, domainFlushes, waitingMost }: MachineIommuOutcome): string | null {
  if (policy !== "lazy" || waitingMost === 0) return null;
  return (
    `${plural(domainFlushes, "flush", "flushes")} of a whole domain; at most ${plural(waitingMost, "unmapped address", "unmapped addresses")} ` +
    "waited for one: until then a device that had used them could still reach what lay there"
  );
}

const takenWords = ({ takenAway }: MachineIommuOutcome): string[] => takenAway.map(takenAwayWords);

/** A device that was taken from its driver, which is the policy at work. */
export const takenAwayWords = ({ device, step, refused }: MachineIommuOutcome["takenAway"][number]): string =>
  `${device} was taken away at step ${countWords(step)}; ${plural(refused, "later access", "later accesses")} ${refused === 1 ? "was" : "were"} refused`;

/** A device whose answers were believed. */
export const wrongAnswerWords = ({ device, count }: MachineIommuOutcome["wrongAnswers"][number]): string =>
  `${device} answered ${plural(count, "invalidation")} and had forgotten nothing, and was believed`;

function refusedWords(
  { device, asked, count, words, first, isFault, isTranslated }: MachineIommuOutcome["refused"][number],
  keeper: string,
): string {
  const at = first.map((address) => hexWords(address)).join(", ");
  const what = `${device}: ${plural(count, asked)} refused`;
  const silent = isFault ? "" : `; the device was told so, which is no fault, and the ${keeper} hears nothing of it`;
  const where = isTranslated
    ? `the machine address${first.length === 1 ? "" : "es"} ${at}, which the device had from the unit`
    : at;
  return `${what} (${words}), ${count > first.length ? "first " : ""}at ${where}${silent}`;
}

/** Of each device that was refused accesses and failed requests: why the two numbers differ. */
function failedWords({ refused }: MachineIommuOutcome, programs: MachineOutcome["programs"]): string[] {
  return [...new Set(refused.map((r) => r.device))].flatMap((device) => {
    const accesses = refused.reduce((n, r) => n + (r.device === device ? r.count : 0), 0);
    const failed = programs.reduce((n, p) => n + (p.device === device ? p.failed : 0), 0);
    if (failed === 0) return [];
    const both = `${plural(accesses, "access", "accesses")} refused, ${plural(failed, "request")} failed`;
    const why =
      "a request is many accesses and ends at the first that is refused; a controller that cannot read or write its own queues " +
      "stops, and every request that it had is given back as failed";
    return [`${device}: ${both}: ${why}`];
  });
}

function recordedWords(recorded: number, faults: number, keeper: string): string {
  if (recorded === faults) return `the ${keeper} was told of ${faults === 1 ? "the fault" : "each fault"}`;
  return `the ${keeper} was told of ${countWords(recorded)} of ${plural(faults, "fault")}: it had no record free when the others came`;
}
