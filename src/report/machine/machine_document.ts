/** A run of a described machine as a `dmalab.run/1` document. What only a recording has is there, and empty. */
import { frameBytes } from "../../base/frame.js";
import type { MachineDeviceOutcome, MachineIommuOutcome, MachineOutcome } from "../../lab/machine/outcome.js";
import type { RefusalGroup } from "../../lab/machine/run/refusal_groups.js";
import type { RunDocument } from "../schema/documents.js";
import { hexWords } from "../words/quantity.js";
import { refusalWords } from "../words/reasons.js";

const noKernel = "a described machine has no recorded kernel to compare with";

export function machineDocument(o: MachineOutcome): RunDocument {
  const sum = (of: (d: MachineDeviceOutcome) => number): number => o.devices.reduce((n, d) => n + of(d), 0);
  const events = sum((d) => d.maps);
  return {
    schema: "dmalab.run/1",
    source: { format: "machine", kernel: o.kernel, events, lost: 0, cpus: o.cpus, from: null, to: null, warnings: [] },
    machine: {
      kernel: o.kernel,
      cpus: o.cpus,
      swiotlb:
        o.pool === null
          ? null
          : {
              base: hexWords(o.pool.base),
              slots: o.pool.slots,
              areas: o.pool.areas,
              forced: o.pool.forced,
              profile: "described",
            },
      inferred: [],
      evidence: o.devices.map((d) => `${d.bdf}: ${d.engine}. ${d.because}`),
      arch: o.arch,
      model: o.model,
      domains: o.domains.map((d) => ({ ...d })),
      seed: o.seed,
    },
    maps: {
      total: events,
      direct: sum((d) => d.direct),
      bounced: sum((d) => d.bounced),
      translated: sum((d) => d.translated),
      foreign: sum((d) => d.foreign),
      failed: sum((d) => d.failed),
    },
    pool:
      o.pool === null
        ? null
        : {
            ...{ slots: o.pool.slots, areas: o.pool.areas, base: hexWords(o.pool.base) },
            ...{ used: o.pool.used, hiwater: o.pool.hiwater, hiwaterTime: 0, failures: [], refusedLists: [] },
          },
    exact: {
      ...{ compared: 0, equal: 0, note: noKernel, corrections: 0, reordered: 0, mismatches: [] },
      ...{ decisions: { compared: 0, equal: 0 }, refusals: { compared: 0, equal: 0 } },
    },
    leaks: [],
    violations: o.violations.map((v) => ({ ...v, time: 0 })),
    violationTotals: o.violationTotals.map((t) => ({ ...t })),
    alive: [],
    ...{ faults: [], unjudged: [], exposure: [] },
    audit: { counts: {}, notes: [...o.withoutEffect.map((line) => `without effect here: ${line}`), ...o.log] },
    unknowable: [],
    devices: o.devices.map(deviceDocument),
    whatIf: [],
    advice: { swiotlb: null, because: noKernel, confidence: "unknown" },
    run: {
      steps: o.steps,
      complete: o.idle,
      programs: o.programs.map((p) => ({ ...p, wrong: [...p.wrong], refusals: [...p.refusals], notes: [...p.notes] })),
      dma: o.dma.map((e) => ({ ...e, phys: hexWords(e.phys), bus: hexWords(e.bus) })),
      iommu: o.iommu === null ? null : iommuDocument(o.iommu),
      hypervisor: o.xen === null ? null : hypervisorDocument(o.xen),
      left: o.left.map((l) => ({ ...l })),
      watched: o.watched,
      refusals: o.devices.flatMap((d) => d.refusals.map((g) => refusalDocument(d.bdf, g))),
    },
  };
}

function iommuDocument({
  refused,
  descriptors,
  takenAway,
  wrongAnswers,
  nesting,
  switching,
  ...counts
}: MachineIommuOutcome) {
  return {
    ...counts,
    nesting: nesting === null ? null : { ...nesting },
    switching: switching === null ? null : { ...switching, met: { ...switching.met } },
    descriptors: descriptors.map((d) => ({ ...d })),
    takenAway: takenAway.map((t) => ({ ...t })),
    wrongAnswers: wrongAnswers.map((w) => ({ ...w })),
    refused: refused.map(({ first, ...r }) => ({ ...r, first: first.map((address) => hexWords(address)) })),
  };
}

function hypervisorDocument({ pageLifetime, ...xen }: NonNullable<MachineOutcome["xen"]>) {
  if (pageLifetime === null) return { ...xen, pageLifetime };
  const { first, ...pages } = pageLifetime;
  const address = (page: number) => hexWords(page * frameBytes);
  return {
    ...xen,
    pageLifetime: {
      ...pages,
      first: first.map(({ page, frame, ...r }) => ({ ...r, guest: address(page), machine: address(frame) })),
    },
  };
}

function refusalDocument(device: string, { examples, ...group }: RefusalGroup) {
  const { title } = refusalWords[group.reason];
  return { device, ...group, title, examples: examples.map((e) => ({ ...e, phys: hexWords(e.phys) })) };
}

function deviceDocument(d: MachineDeviceOutcome) {
  return {
    name: d.bdf,
    driver: d.driver,
    maskBits: d.maskBits,
    minAlignMask: hexWords(d.minAlignMask),
    boundary: d.boundary,
    alignmentFrom: "described" as const,
    ...{ maps: d.maps, direct: d.direct, bounced: d.bounced, translated: d.translated, failed: d.failed },
    ...{ bytes: d.bytes, bouncedBytes: d.bouncedBytes, slotsPeak: 0, slotsNow: 0, live: 0 },
    why: [
      ...d.causes.map(({ words, count }) => ({ words, count })),
      ...d.refusals.map((g) => ({ words: `refused: ${refusalWords[g.reason].title}`, count: g.count })),
    ],
    ...{ foreign: d.foreign, split: d.split, merged: d.merged, engine: d.engine, because: d.because },
  };
}
