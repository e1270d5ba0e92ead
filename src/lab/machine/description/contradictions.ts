/**
 * What a description may not say at once: each rule is a row, and names the places that are wrong. A part that is wrong
 * by itself is missing here; a rule that takes a missing part for one that was left out asks which of the two it is.
 */
import { plural } from "../../../base/count_words.js";
import { nearest } from "../../../base/nearest.js";
import {
  firstStageSince,
  guestTablesSince,
  type IommuDriver,
  iommuDrivers,
  iommuKinds,
} from "../../../spec/linux/iommu_drivers.js";
import { isBefore } from "../../../spec/linux/releases.js";
import type { Mistake, Partly, Path } from "./mistakes.js";
import type { MachineDescription } from "./schema.js";

type Said = Partly<MachineDescription>;
type IsWrong = (path: Path) => boolean;
type Rule = (m: Said, isWrong: IsWrong) => readonly Mistake[];

/** All that cannot be at once. @param isWrong what stands at a place is wrong by itself */
export const contradictions = (m: Said, isWrong: IsWrong): Mistake[] => rules.flatMap((rule) => rule(m, isWrong));

const rules: readonly Rule[] = [
  function devicesApart({ devices = [] }) {
    return repeated(devices.map((d) => d?.bdf)).map((at) => ({
      path: ["devices", at, "bdf"],
      ...{ expected: "each device once", found: `two at ${devices[at]!.bdf}`, meant: [] },
    }));
  },
  function domainsApart({ xen }) {
    const domains = xen?.domains ?? [];
    return repeated(domains.map((d) => d?.id)).map((at) => ({
      path: ["xen", "domains", at, "id"],
      ...{ expected: "each domain once", found: `two numbered ${domains[at]!.id}`, meant: [] },
    }));
  },
  function driverDomainThere({ xen }) {
    const { domains, passthrough } = xen ?? {};
    const isMissing = (id: number) => domains?.every((d) => d?.id !== id && d?.id !== undefined) ?? false;
    if (isMissing(0)) {
      const expected = passthrough === undefined ? "domain 0, which drives the devices" : "domain 0";
      return [{ path: ["xen", "domains"], expected, found: "none of that number", meant: [] }];
    }
    if (passthrough === undefined || !isMissing(passthrough)) return [];
    const expected = "one of its domains, to which the devices are passed through";
    return [{ path: ["xen", "passthrough"], expected, found: `${passthrough}`, meant: [] }];
  },
  function memoryEnough({ xen, memory }) {
    if (memory === undefined) return [];
    let sum = 0;
    for (const [n, d] of (xen?.domains ?? []).entries()) {
      sum += d?.memory ?? 0;
      const path = ["xen", "domains", n, "memory"];
      const expected = `domains within the machine's ${memory} bytes`;
      if (sum > memory) return [{ path, expected, found: `${sum} bytes`, meant: [] }];
    }
    return [];
  },
  function maskWithinLines({ devices = [] }, isWrong) {
    return devices.flatMap((d, at): Mistake[] => {
      const { mask, lines } = d ?? {};
      if (lines === undefined || (mask ?? 64) <= lines || isWrong(["devices", at, "mask"])) return [];
      const path = ["devices", at, mask === undefined ? "lines" : "mask"];
      return [
        { path, expected: `a mask of at most the ${lines} address lines`, found: plural(mask ?? 64, "bit"), meant: [] },
      ];
    });
  },
  function programsHaveDevices({ devices = [], workload = [] }) {
    const there = devices.map((d) => d?.bdf);
    if (there.includes(undefined)) return [];
    return workload.flatMap((w, at): Mistake[] => {
      if (w?.device === undefined || there.includes(w.device)) return [];
      const expected = `a device of the machine (${there.join(", ") || "none is described"})`;
      return [
        {
          path: ["workload", at, "device"],
          expected,
          found: w.device,
          meant: nearest(w.device, [...new Set(there as string[])]),
        },
      ];
    });
  },
  function programsHaveDomains({ xen, workload = [] }) {
    const ids = (xen?.domains ?? []).map((d) => d?.id);
    if (ids.includes(undefined)) return [];
    const guests = ids.filter((id) => id !== (xen?.passthrough ?? 0));
    return workload.flatMap((w, at): Mistake[] => {
      if (w?.from === undefined || (w.program === "balloon" && ids.includes(w.from)) || guests.includes(w.from))
        return [];
      const expected = `a guest (${guests.join(", ") || "there is none"})`;
      return [{ path: ["workload", at, "from"], expected, found: `${w.from}`, meant: [] }];
    });
  },
  function iommuOfTheHypervisor({ xen, iommu }) {
    if (xen === undefined || iommu === undefined) return [];
    if (xen.model !== undefined && xen.model !== "vp+iommu") {
      const expected = "model: vp+iommu, whose hypervisor has the IOMMU, or no iommu:";
      return [{ path: ["xen", "model"], expected, found: `${xen.model}, and an iommu:`, meant: [] }];
    }
    if (iommu.policy === undefined || iommu.policy === "strict") return [];
    const expected = "policy: strict, as a hypervisor flushes; others are a kernel's that has the IOMMU for itself";
    return [{ path: ["iommu", "policy"], expected, found: iommu.policy, meant: [] }];
  },
  function iommuOfTheArchitecture({ iommu, arch = "x86" }) {
    // That there is a shadow of one kind alone says more.
    if (iommu?.kind === undefined || (iommu.stage === "shadow" && iommu.kind !== "vtd")) return [];
    const { arches }: IommuDriver = iommuDrivers[iommu.kind];
    if (arches.includes(arch)) return [];
    const expected = `an IOMMU of ${arch}; ${iommu.kind} is known here on ${arches.join(", ")}`;
    return [{ path: ["iommu", "kind"], expected, found: iommu.kind, meant: [] }];
  },
  function iommuDrivenByTheKernel({ iommu, kernel }) {
    if (iommu?.kind === undefined || kernel === undefined) return [];
    const { since } = iommuDrivers[iommu.kind];
    if (!isBefore(kernel, since)) return [];
    const expected = `a kernel with a driver for ${iommu.kind} ("${since}" or later)`;
    return [{ path: ["kernel"], expected, found: kernel, meant: [] }];
  },
  function nestedUnderAHost({ iommu, kernel, xen }, isWrong) {
    if (isWrong(["iommu", "stage"])) return [];
    const path = ["iommu", "stage"];
    if (iommu?.stage !== "shadow" && iommu?.hostSwitch !== undefined) {
      const expected = "hostSwitch: only with stage: shadow, where a host maps what the guest's tables do";
      return [{ path: ["iommu", "hostSwitch"], expected, found: `${iommu.hostSwitch}, and no such host`, meant: [] }];
    }
    if (iommu?.stage === "shadow") {
      if (xen !== undefined) return [{ path, expected: noXen, found: "both stage: shadow and xen", meant: [] }];
      if (iommu.hostBug !== undefined) {
        const expected = "hostBug: only with stage: nested";
        return [{ path: ["iommu", "hostBug"], expected, found: `${iommu.hostBug}, and stage: shadow`, meant: [] }];
      }
      if (iommu.kind === undefined || iommu.kind === "vtd") return [];
      const expected = "stage: shadow of kind: vtd, whose unit is in caching mode";
      return [{ path, expected, found: iommu.kind, meant: [] }];
    }
    if (iommu?.stage !== "nested") {
      if (iommu?.hostBug === undefined) return [];
      const expected = "hostBug: only with stage: nested, where a host keeps a second stage";
      return [{ path: ["iommu", "hostBug"], expected, found: `${iommu.hostBug}, and no such host`, meant: [] }];
    }
    if (xen !== undefined) {
      return [{ path, expected: noXen, found: "both stage: nested and xen", meant: [] }];
    }
    if (iommu.kind === undefined) return [];
    if (iommu.hostBug === "nested-id-recycled" && iommu.kind !== "amdvi") {
      const expected =
        "hostBug: nested-id-recycled of kind: amdvi; hosts with others flush an id as they replace the entry, or have one";
      return [{ path: ["iommu", "hostBug"], expected, found: iommu.kind, meant: [] }];
    }
    const since = guestTablesSince[iommu.kind];
    if (since === null) {
      const kinds = iommuKinds.filter((kind) => guestTablesSince[kind] !== null).join(", ");
      return [{ path, expected: `stage: nested of a unit with two stages (${kinds})`, found: iommu.kind, meant: [] }];
    }
    if (kernel === undefined || !isBefore(kernel, since)) return [];
    const expected = `a kernel of the guest with tables of the first stage for ${iommu.kind} ("${since}" or later)`;
    return [{ path: ["kernel"], expected, found: kernel, meant: [] }];
  },
  function stageOfTheIommu({ iommu, kernel }) {
    if (iommu?.stage === undefined || iommu.kind === undefined) return [];
    if (iommu.stage === "nested" || iommu.stage === "shadow") return [];
    const path = ["iommu", "stage"];
    if (iommu.kind !== "vtd-scalable") {
      const expected = "stage: only of vtd-scalable, whose unit has both; others have one here";
      return [{ path, expected, found: `stage: ${iommu.stage} of ${iommu.kind}`, meant: [] }];
    }
    if (iommu.stage === "second" || kernel === undefined || !isBefore(kernel, firstStageSince)) return [];
    const expected = `a kernel that uses the first stage ("${firstStageSince}" or later)`;
    return [{ path: ["kernel"], expected, found: kernel, meant: [] }];
  },
  function stageOfWhatIsTranslated({ iommu, devices = [] }, isWrong) {
    if (iommu?.stage === undefined || iommu.stage === "nested" || iommu.stage === "shadow") return [];
    if (iommu.policy !== "pass-through" || isWrong(["devices"])) return [];
    if (devices.some((d) => d?.untrusted !== false)) return [];
    const expected =
      "stage: where the kernel builds tables: with policy: strict or lazy, or for a device with untrusted: true";
    return [{ path: ["iommu", "stage"], expected, found: `stage: ${iommu.stage} with pass-through`, meant: [] }];
  },
  function iommuSeesMemory({ iommu, encrypted }) {
    if (iommu === undefined || encrypted !== true) return [];
    const expected = "memory that is not encrypted, where there is an IOMMU: the two together are not known here";
    return [{ path: ["encrypted"], expected, found: "both encrypted and iommu", meant: [] }];
  },
  function deviceTlbsHaveAnIommu({ iommu, devices = [] }, isWrong) {
    if (iommu !== undefined || isWrong(["iommu"])) return [];
    return devices.flatMap((d, at): Mistake[] => {
      if (d?.ats !== true) return [];
      const expected = "ats: false, or an iommu: of the machine that the device asks for translations";
      return [{ path: ["devices", at, "ats"], expected, found: "true, and no IOMMU", meant: [] }];
    });
  },
  function answersAreOfDeviceTlbs({ xen, devices = [] }, isWrong) {
    if (isWrong(["xen"])) return [];
    return devices.flatMap((d, at): Mistake[] => {
      if (d?.answers === undefined || d.answers === "in time" || (d.ats === true && xen !== undefined)) return [];
      const path = ["devices", at, "answers"];
      if (xen === undefined) {
        const expected = "answers: in time, or xen: of the machine: only a hypervisor is answered otherwise here";
        return [{ path, expected, found: `${d.answers}, and no xen:`, meant: [] }];
      }
      const expected = "answers: in time, or ats: true of the device: without a TLB it is asked nothing";
      return [{ path, expected, found: `${d.answers}, and no ats:`, meant: [] }];
    });
  },
  function passedThroughByAnIommu({ xen, iommu }, isWrong) {
    if (xen === undefined || isWrong(["iommu"])) return [];
    const { passthrough, pageLifetime } = xen;
    const found: Mistake[] = [];
    if (passthrough !== undefined && iommu === undefined) {
      const expected = "an iommu: of the machine, which keeps a device that is passed through to its domain";
      found.push({ path: ["xen", "passthrough"], expected, found: `${passthrough}, and no IOMMU`, meant: [] });
    }
    if (pageLifetime !== undefined && iommu?.kind !== "vtd" && !isWrong(["iommu", "kind"])) {
      const expected = "pageLifetime: only with iommu: { kind: vtd }, whose queue these policies work";
      const kind = iommu?.kind === undefined ? "no IOMMU" : `kind: ${iommu.kind}`;
      found.push({ path: ["xen", "pageLifetime"], expected, found: `${pageLifetime}, and ${kind}`, meant: [] });
    }
    return found;
  },
  function untrustedNeedsAnIommu({ iommu, xen, kernel, devices = [] }, isWrong) {
    if (isWrong(["iommu"])) return [];
    return devices.flatMap((d, at): Mistake[] => {
      if (d?.untrusted !== true) return [];
      const path = ["devices", at, "untrusted"];
      if (iommu === undefined) {
        const expected = "untrusted: false, or an iommu: without one any device reaches all of memory";
        return [{ path, expected, found: "true, and no IOMMU", meant: [] }];
      }
      if (xen !== undefined) {
        const expected =
          "untrusted: false, or no xen: the kernel under it has no IOMMU of its own to keep such a device by";
        return [{ path, expected, found: "both untrusted and xen", meant: [] }];
      }
      if (kernel === undefined || !isBefore(kernel, bouncesSince)) return [];
      const expected = `a kernel that bounces for such a device as is known here ("${bouncesSince}" or later)`;
      return [{ path: ["kernel"], expected, found: kernel, meant: [] }];
    });
  },
  function enginesOfXenNeedIt({ xen, devices = [] }, isWrong) {
    if (xen !== undefined || isWrong(["xen"])) return [];
    return devices.flatMap((d, at): Mistake[] => {
      if (d?.engine === undefined || !(d.engine.startsWith("swiotlb-xen") || d.engine === "grant")) return [];
      const path = ["devices", at, "engine"];
      return [{ path, expected: "an engine that needs no hypervisor", found: d.engine, meant: [] }];
    });
  },
  function programsNeedWhatTheyWorkOn({ xen, workload = [] }, isWrong) {
    return workload.flatMap((w, at): Mistake[] => {
      if (w?.program === undefined) return [];
      const path: Path = ["workload", at, "device"];
      const isBalloon = w.program === "balloon";
      if (isBalloon && xen === undefined && !isWrong(["xen"])) {
        const expected = "a program that needs no hypervisor";
        return [{ path: ["workload", at, "program"], expected, found: w.program, meant: [] }];
      }
      if (isBalloon === (w.device === undefined) || isWrong(path)) return [];
      const expected = isBalloon ? "no device: a balloon works on its domain's memory" : "device: what it works on";
      return [{ path, expected, found: w.device ?? "nothing", meant: [] }];
    });
  },
  function switchesNeedTables({ iommu, xen, memory, workload = [] }, isWrong) {
    return workload.flatMap((w, at): Mistake[] => {
      if (w?.program !== "switch" || isWrong(["iommu"]) || isWrong(["xen"])) return [];
      const path = ["workload", at, "program"];
      if (iommu === undefined || xen !== undefined) {
        const expected = "an iommu: of the machine, and no xen:, for a kernel that switches a device's domain";
        return [{ path, expected, found: "switch", meant: [] }];
      }
      if (iommu.policy !== undefined && iommu.policy !== "strict") {
        const expected = "policy: strict, for a device that is switched";
        return [{ path: ["iommu", "policy"], expected, found: iommu.policy, meant: [] }];
      }
      if (memory === undefined || memory <= switchedMemoryMax) return [];
      const expected = "memory: 2GiB or less, beside which a device that is switched has addresses of its own";
      return [{ path: ["memory"], expected, found: `${memory} bytes`, meant: [] }];
    });
  },
  function devicesOfOneKind({ workload = [] }) {
    const kinds = new Map<string, string>();
    return workload.flatMap((w, at): Mistake[] => {
      if (w?.device === undefined || w.program === undefined) return [];
      const kind = kindOf(w.program);
      const before = kinds.get(w.device) ?? kind;
      kinds.set(w.device, before);
      if (before === kind) return [];
      const path = ["workload", at, "program"];
      return [
        {
          path,
          expected: `a program that takes its device for ${before}, as the one before does`,
          found: w.program,
          meant: [],
        },
      ];
    });
  },
  function backEndsHaveGuests({ workload = [] }, isWrong) {
    return workload.flatMap((w, at): Mistake[] => {
      if (w?.program === undefined || w.from !== undefined || ownPrograms.has(w.program)) return [];
      const path = ["workload", at, "from"];
      if (isWrong(path)) return [];
      return [{ path, expected: "from: the guest that it serves", found: "nothing", meant: [] }];
    });
  },
];

/** The DMA layer of all IOMMUs bounces since then. Source: Linux commit 82612d66d51d. */
const bouncesSince = "5.12";

/** Of a machine whose host has one guest. */
const noXen = "no xen: of the machine: the host of a guest's unit is one with a single guest";

/** A domain's addresses are below 4 GiB where memory's are not: half of those are left. */
const switchedMemoryMax = 2 ** 31;

/** Programs of the driver domain itself. */
const ownPrograms: ReadonlySet<string> = new Set(["disk", "net", "legacy-dma", "legacy-pio", "balloon", "switch"]);

/** What a program takes its device for. What is switched is a disk: a network controller keeps buffers mapped until packets come. */
function kindOf(program: string): string {
  if (program.includes("net")) return "a network controller";
  return program.startsWith("legacy") ? `a disk with the driver ${program}` : "a disk";
}

/** Indexes of the values that stood before. */
function repeated(values: readonly (string | number | undefined)[]): number[] {
  return [...values.keys()].filter((n) => values[n] !== undefined && values.indexOf(values[n]) < n);
}
