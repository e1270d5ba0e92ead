/** What a run of a described machine found, as data: the terminal and JSON reports print this. */
import { countWords, plural } from "../../base/count_words.js";
import { frameBytes } from "../../base/frame.js";
import { hex } from "../../base/hex.js";
import type { IommuKind } from "../../spec/linux/iommu_drivers.js";
import { type Cause, causeWords } from "../../sw/engine/index.js";
import { type ReleasePolicyName, releasePolicies } from "../../sw/iommu/lifetime/policies.js";
import type { NestingCounts } from "../../sw/iommu/nesting/guest_devices.js";
import type { SwitchCounts, SwitchWay } from "../../sw/iommu/nesting/shadow_devices.js";
import { violationText } from "../../sw/xen/index.js";
import type { IommuCounts, RefusedAccesses } from "./platform/iommu_tally.js";
import type { Reached, ReachedPage, WentWrong } from "./platform/reach_log.js";
import type { StaleUse } from "./platform/stale_uses.js";
import { withoutEffect } from "./platform/without_effect.js";
import type { XenIommu } from "./platform/xen_iommu.js";
import type { DmaEntry } from "./run/dma_log.js";
import type { Left } from "./run/left_over.js";
import type { RefusalGroup } from "./run/refusal_groups.js";
import { hasHostile, type MachineRun } from "./run/run_machine.js";

export interface MachineDeviceOutcome {
  readonly bdf: string;
  readonly driver: string | null;
  readonly maskBits: number;
  readonly minAlignMask: number;
  /** Bytes; 0: none. */
  readonly boundary: number;
  readonly engine: string;
  /** Why the kernel took this engine. */
  readonly because: string;
  /** All of them: direct, bounced, translated and failed ones. A refused list is one. */
  readonly maps: number;
  readonly direct: number;
  readonly bounced: number;
  readonly translated: number;
  readonly foreign: number;
  readonly failed: number;
  readonly bytes: number;
  readonly bouncedBytes: number;
  readonly split: number;
  readonly merged: number;
  readonly causes: readonly { readonly cause: Cause; readonly words: string; readonly count: number }[];
  readonly refusals: readonly RefusalGroup[];
}

export interface ProgramOutcome {
  readonly program: string;
  readonly from: number | null;
  /** null: it works on none. */
  readonly device: string | null;
  readonly requests: number;
  readonly ended: number;
  readonly failed: number;
  readonly bytesWritten: number;
  readonly bytesRead: number;
  /** Places whose bytes are not what was sent. */
  readonly wrong: readonly string[];
  /** Why a back end answered with an error: how often, and each kind of reason once, the first of it in words. */
  readonly refused: number;
  readonly refusals: readonly string[];
  /** What else there is to say of it. */
  readonly notes: readonly string[];
}

type Named<T> = Omit<T, "requester"> & { readonly device: string };

/** A guest's unit above a host's. */
export interface NestingOutcome extends NestingCounts {
  /** Runs of frames that the guest's memory lies in, each mapped by one call. */
  readonly pieces: number;
  /** Pages that devices reached by translations that the guest's unit had said are forgotten (I1). */
  readonly stale: number;
}

/** Devices that were switched between identity and a domain of their own. */
export interface SwitchingOutcome extends SwitchCounts {
  readonly way: SwitchWay;
}

export interface MachineIommuOutcome extends Omit<IommuCounts, "refused" | "takenAway" | "wrongAnswers"> {
  readonly kind: IommuKind;
  readonly policy: "strict" | "lazy" | "pass-through";
  /** null: the unit is the kernel's own. */
  readonly nesting: NestingOutcome | null;
  /** null: the host's tables are no shadow of the kernel's. */
  readonly switching: SwitchingOutcome | null;
  /** Accesses that it refused, by device, direction and reason. */
  readonly refused: readonly Named<RefusedAccesses>[];
  readonly takenAway: readonly Named<IommuCounts["takenAway"][number]>[];
  readonly wrongAnswers: readonly Named<IommuCounts["wrongAnswers"][number]>[];
}

/** A page that a device reached when it was its domain's no more. Times are steps; null: it had not come to that. */
export interface ReachedPageOutcome extends Omit<ReachedPage, "requester"> {
  readonly device: string;
}

export interface PageLifetimeOutcome extends Omit<Reached, "first"> {
  readonly policy: ReleasePolicyName;
  /** What is done, in words. */
  readonly words: string;
  /** Pages that the domain gave back by such a call. */
  readonly givenBack: number;
  /** The most steps from an entry's going until its flush counted as done. */
  readonly mostSteps: number;
  /** How often the unit gave a device up that did not answer. */
  readonly giveUps: number;
  /** Pages that were free while a flush of theirs was owed (I3); of a device given up that was not fenced (I8). */
  readonly freeWhileOwed: number;
  readonly freeUnfenced: number;
  readonly first: readonly ReachedPageOutcome[];
}

export interface MachineOutcome {
  readonly kernel: string | null;
  readonly arch: string;
  readonly cpus: number;
  readonly seed: number;
  /** Atomic steps taken; `idle` false: the run was cut. */
  readonly steps: number;
  readonly idle: boolean;
  readonly model: string;
  readonly domains: readonly { readonly id: number; readonly bytes: number }[];
  readonly devices: readonly MachineDeviceOutcome[];
  readonly pool: {
    readonly base: number;
    readonly slots: number;
    readonly areas: number;
    readonly forced: boolean;
    readonly used: number;
    readonly hiwater: number;
  } | null;
  readonly programs: readonly ProgramOutcome[];
  /** The first mappings of each device. */
  readonly dma: readonly DmaEntry[];
  /** Rules of the DMA API and of memory's owners that were broken. */
  readonly violations: readonly { readonly rule: string; readonly device: string; readonly detail: string }[];
  readonly violationTotals: readonly { readonly rule: string; readonly count: number }[];
  /** null without a hypervisor. */
  readonly xen: {
    /** Accesses held against the owners of frames. */
    readonly accessesChecked: number;
    readonly hypercalls: Readonly<Record<string, number>>;
    /** Pages that the domain gives back whose devices the hypervisor keeps by an IOMMU; null: it keeps none so. */
    readonly pageLifetime: PageLifetimeOutcome | null;
  } | null;
  /** null without an IOMMU. */
  readonly iommu: MachineIommuOutcome | null;
  /** What outlived the run and should not have. */
  readonly left: readonly Left[];
  /** The rules of the DMA API were watched. */
  readonly watched: boolean;
  /** What the description says and this machine has no use for, each with why. */
  readonly withoutEffect: readonly string[];
  /** What the kernel would have printed. */
  readonly log: readonly string[];
}

const notWatched = {
  hostile: "A guest is hostile: the rules of the DMA API are not watched, for it may grant one page twice.",
  asked: "The rules of the DMA API were not watched, as was asked for.",
} as const;

export function outcomeOf(run: MachineRun): MachineOutcome {
  const { machine } = run.described;
  const { xen, nested } = run.host;
  const lost = nested?.nested?.counts.lost ?? 0;
  const met = metRules(run);
  const engine = run.devices.find((d) => d.engine.pool !== null)?.engine;
  const gate = xen?.gate;
  const reach = xen?.iommu?.log;
  return {
    kernel: machine.kernel ?? null,
    arch: machine.arch,
    cpus: machine.cpus ?? 1,
    seed: run.seed,
    steps: run.ran.steps,
    idle: run.ran.idle,
    model: run.host.kernel.model,
    domains: (machine.xen?.domains ?? []).map((d) => ({ id: d.id, bytes: d.memory })),
    devices: run.devices.map((d) => {
      const { causes, refusals, ...tally } = run.log.tally(d.description.bdf);
      return {
        bdf: d.description.bdf,
        driver: d.description.driver ?? null,
        maskBits: d.description.mask ?? d.description.lines ?? 64,
        minAlignMask: d.minAlignMask,
        boundary: d.description.boundary ?? 0,
        engine: d.selected.engine,
        because: d.selected.because,
        ...tally,
        causes: [...causes].map(([cause, count]) => ({ cause, words: causeWords[cause], count })),
        refusals: refusals.sorted(),
      };
    }),
    pool: engine === undefined ? null : poolOf(run, engine.pool!),
    programs: run.programs.map((p) => {
      const { ended, failed } = p.requests();
      const { written, read } = p.bytes();
      return {
        program: p.description.program,
        from: p.description.from ?? null,
        device: p.description.device ?? null,
        requests: p.description.requests,
        ended,
        failed,
        bytesWritten: written,
        bytesRead: read,
        wrong: p.wrong(run.ran.idle),
        refused: p.refused(),
        refusals: p.refusals(),
        notes: p.notes(),
      };
    }),
    dma: run.log.first,
    violations: [
      ...(run.checker?.violations ?? []).map(({ rule, device, detail }) => ({ rule, device, detail })),
      ...(gate?.violations ?? []).map((v) => ({
        rule: "owner",
        device: `domain ${v.domain}`,
        detail: violationText(v),
      })),
      ...(reach?.wentWrong ?? []).map((w) => wentWrongOf(reach!.domain, w)),
      ...(nested?.stale.first ?? []).map((use) => staleOf(run, use)),
      ...(lost > 0 ? [lostOf(lost)] : []),
      ...met.map(({ rule, device, detail }) => ({ rule, device, detail })),
    ],
    violationTotals: [
      ...(run.checker?.totals ?? []),
      ...(gate !== undefined && gate.violationCount > 0 ? [{ rule: "owner", count: gate.violationCount }] : []),
      ...(nested !== null && nested.stale.count > 0 ? [{ rule: "I1", count: nested.stale.count }] : []),
      ...(lost > 0 ? [{ rule: "carried-over", count: lost }] : []),
      ...met.map(({ rule, count }) => ({ rule, count })),
      ...goingRules.map((rule) => ({ rule, count: reach?.broken[rule] ?? 0 })).filter((t) => t.count > 0),
    ],
    xen:
      xen === null
        ? null
        : {
            accessesChecked: xen.gate.checkedCount,
            hypercalls: xen.calls.all,
            pageLifetime: xen.iommu === null ? null : pageLifetimeOf(run, xen.iommu),
          },
    iommu: run.host.iommu === null ? null : iommuOf(run, run.host.iommu.counts),
    left: run.left,
    watched: run.checker !== null,
    withoutEffect: withoutEffect(machine, run.devices),
    log: [
      ...(run.checker === null ? [notWatched[hasHostile(machine) ? "hostile" : "asked"]] : []),
      ...new Set(run.devices.flatMap((d) => d.log)),
    ],
  };
}

/** Rules of docs/page-lifetime.md, and how a page breaks each. */
const going = {
  I3: "free while a flush was owed",
  I8: "free although a device had not answered and was not blocked",
} as const;
const goingRules = ["I3", "I8"] as const;

function wentWrongOf(domain: number, { rule, frame, page, unmapped, step }: WentWrong) {
  const what = `the page at ${hex(frame * frameBytes)}, the guest's at ${hex(page * frameBytes)} until step ${countWords(unmapped)}`;
  return { rule, device: `domain ${domain}`, detail: `${what}, was ${going[rule]} from step ${countWords(step)} on` };
}

function staleOf(run: MachineRun, { requester, asked, frame, leads, write }: StaleUse) {
  const device = run.devices.find((d) => d.requester === requester)?.description.bdf ?? `requester ${requester}`;
  const now = leads < 0 ? "lead nowhere" : `lead to ${hex(leads * frameBytes)}`;
  const what = `${write ? "wrote to" : "read"} ${hex(frame * frameBytes)} by what the host's unit kept of ${hex(asked * frameBytes)}`;
  return { rule: "I1", device, detail: `${what}, which the guest's unit had said is forgotten: the tables ${now}` };
}

const lostOf = (count: number) => ({
  rule: "carried-over",
  device: "the host",
  detail: `${plural(count, "command")} that the guest's unit has carried out ${count === 1 ? "was" : "were"} not carried out on the host's`,
});

function nestingOf({ nested }: MachineRun["host"]): NestingOutcome | null {
  if (nested?.nested == null) return null;
  return { ...nested.nested.counts, pieces: nested.pieces, stale: nested.stale.count };
}

function switchingOf({ host, described }: MachineRun): SwitchingOutcome | null {
  if (host.nested?.shadow == null) return null;
  return { way: described.machine.iommu!.hostSwitch ?? "replace", ...host.nested.shadow.counts };
}

const recycledOf = (count: number) => ({
  ...{ rule: "I6", count, device: "the host" },
  detail: `${count === 1 ? "a domain id was" : `${countWords(count)} domain ids were`} given again while the unit kept translations of who had it before`,
});

/** What DMA in flight may not meet while one domain takes the place of another, and what a tag's next owner may not. */
function metRules(run: MachineRun) {
  const { met, refusedAlike } = switchingOf(run) ?? { met: { wrong: 0 }, refusedAlike: 0 };
  const recycled = run.host.nested?.nested?.counts.recycled ?? 0;
  const rows = [
    { rule: "I4", count: met.wrong, words: "led where neither domain leads" },
    { rule: "I5", count: refusedAlike, words: "refused, although both domains lead there alike" },
  ];
  return rows
    .filter(({ count }) => count > 0)
    .map(({ rule, count, words }) => ({
      ...{ rule, count, device: "the host" },
      detail: `${plural(count, "access", "accesses")} of devices that were switched: ${words}`,
    }))
    .concat(recycled === 0 ? [] : [recycledOf(recycled)]);
}

function iommuOf(run: MachineRun, { refused, takenAway, wrongAnswers, ...counts }: IommuCounts): MachineIommuOutcome {
  const { kind, policy } = run.described.machine.iommu!;
  return {
    ...{ kind, policy, nesting: nestingOf(run.host), switching: switchingOf(run), ...counts },
    refused: named(run, refused),
    takenAway: named(run, takenAway),
    wrongAnswers: named(run, wrongAnswers),
  };
}

function pageLifetimeOf(run: MachineRun, { policy, log, calls }: XenIommu): PageLifetimeOutcome {
  const { first, ...seen } = log.seen;
  const { givenBack, mostSteps } = log;
  return {
    ...{
      policy,
      words: releasePolicies[policy].title,
      givenBack,
      mostSteps,
      giveUps: calls?.time.giveUps ?? 0,
      freeWhileOwed: log.broken.I3,
      freeUnfenced: log.broken.I8,
      ...seen,
    },
    first: named(run, first),
  };
}

const named = <T extends { readonly requester: number }>(run: MachineRun, all: readonly T[]) =>
  all.map(({ requester, ...rest }) => ({ device: nameOf(run, requester), ...rest }));

const nameOf = ({ devices }: MachineRun, requester: number) =>
  devices.find((d) => d.requester === requester)?.description.bdf ?? requester.toString(16);

function poolOf(run: MachineRun, pool: { start: number; slabCount: number; used: number; hiwater: number }) {
  return {
    base: pool.start,
    slots: pool.slabCount,
    areas: run.described.machine.swiotlb?.areas ?? 1,
    forced: run.devices.some((d) => d.selected.force),
    used: pool.used,
    hiwater: pool.hiwater,
  };
}

/** Did anything go wrong: bytes, rules, mappings, leftovers, requests, or a run that was cut. */
export function isTrouble(o: MachineOutcome): boolean {
  return (
    !o.idle ||
    o.violations.length > 0 ||
    o.left.length > 0 ||
    (o.iommu?.refused.length ?? 0) > 0 ||
    o.devices.some((d) => d.failed > 0) ||
    o.programs.some((p) => p.failed > 0 || p.wrong.length > 0 || p.ended < p.requests)
  );
}
