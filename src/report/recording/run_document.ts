/** The outcome of a run as one JSON document, `dmalab.run/1`. Times are seconds, sizes bytes, addresses hex strings. */
import type { DomainChanges } from "../../audit/recording/changes/change.js";
import type { Invalidations } from "../../audit/recording/invalidation/invalidations.js";
import type { AliveGroup } from "../../audit/recording/result.js";
import type { IovaOutcome } from "../../lab/replay/iova/iova_model.js";
import type { Failure } from "../../lab/replay/told/failure.js";
import type { DeviceOutcome, RefusedTries, ReplayOutcome } from "../../lab/replay/told/outcome.js";
import { requestRefusalWords } from "../../lab/replay/told/request_summary.js";
import type { RunDocument } from "../schema/documents.js";
import { hexWords, secondsOf } from "../words/quantity.js";
import { type RunReport, wholeAudit } from "./run_report.js";
import { unmapPolicy, wholeAdvice } from "./unmap_policy.js";
import { xenDocument } from "./xen_document.js";

/**
 * Neither the name of the recording nor anything that depends on its format but `source.format` is in it: the same
 * recording as text and as trace.dat gives the same document otherwise.
 */
export function runDocument(report: RunReport): RunDocument {
  const { outcome } = report;
  const audit = wholeAudit(report.audit);
  const { source, machine, maps, exact } = outcome;
  const advice = wholeAdvice(report);
  const nameOf = (device: number): string => outcome.devices[device]?.name ?? "unknown";
  return {
    schema: "dmalab.run/1",
    source: {
      format: source.format,
      kernel: source.kernel,
      events: source.events,
      lost: source.lost,
      cpus: source.cpus,
      excerpt: source.excerpt,
      from: secondsOrNull(source.from),
      to: secondsOrNull(source.to),
      warnings: source.warnings.map(({ where, what }) => ({ where, what })),
    },
    machine: machineDocument(machine),
    maps: { ...maps },
    unknownBecause: (outcome.unknownBecause ?? []).map((u) => ({ ...u })),
    shows: outcome.shows,
    replayedOn: outcome.replayedOn,
    requests: requestsDocument(outcome, nameOf),
    pool: poolDocument(outcome, nameOf),
    exact: {
      compared: exact.compared,
      equal: exact.equal,
      note: exact.note,
      corrections: exact.corrections,
      reordered: exact.reordered,
      decisions: { ...exact.decisions },
      refusals: { ...exact.refusals },
      mismatches: exact.mismatches.map((m) => ({
        time: secondsOf(m.time),
        device: nameOf(m.device),
        size: m.size,
        kernel: hexWords(m.kernel),
        model: hexWords(m.model),
      })),
    },
    ...(outcome.iova == null ? {} : { iova: iovaDocument(outcome.iova, nameOf) }),
    ...(outcome.xen == null ? {} : { xen: xenDocument(outcome.xen, nameOf) }),
    ...(audit.invalidations === undefined ? {} : { invalidations: invalidationsDocument(audit.invalidations, report) }),
    ...(audit.domainChanges === undefined ? {} : { domainChanges: changesDocument(audit.domainChanges) }),
    leaks: audit.leaks.map(groupDocument),
    violations: audit.violations.map((v) => ({ ...v })),
    violationTotals: audit.violationTotals.map(({ rule, count }) => ({ rule, count })),
    alive: audit.alive.map(groupDocument),
    faults: audit.faults.map((f) => ({ ...f, examples: [...f.examples] })),
    unjudged: audit.unjudged.map(({ devices, what, why }) => ({ devices: [...devices], what, why })),
    exposure: audit.exposure.map((exposure) => ({ ...exposure, examples: [...exposure.examples] })),
    audit: { counts: { ...audit.counts }, notes: [...audit.notes] },
    unknowable: audit.unknowable.map(({ rule, why }) => ({ rule, why })),
    devices: outcome.devices.map((d) => deviceDocument(d, audit.aliveUnknown.includes(d.name))),
    whatIf: outcome.whatIf.map((row) => ({ ...row })),
    advice: { what: advice.what, swiotlb: advice.swiotlb, because: advice.because, confidence: advice.confidence },
  };
}

function iovaDocument(iova: IovaOutcome, nameOf: (device: number) => string): NonNullable<RunDocument["iova"]> {
  const { compared, equal, of, older, unnamed, note, mismatches } = iova;
  const kinds = { single: { ...of.single }, list: { ...of.list }, coherent: { ...of.coherent } };
  return {
    ...{ compared, equal, of: kinds, older, unnamed: { ...unnamed }, note },
    mismatches: mismatches.map(({ time, device, bytes, of: what, kernel, model, why }) => ({
      time: secondsOf(time),
      device: nameOf(device),
      of: what,
      size: bytes,
      kernel: hexWords(kernel),
      model: hexWords(model),
      why,
    })),
  };
}

function invalidationsDocument(found: Invalidations, report: RunReport): NonNullable<RunDocument["invalidations"]> {
  const policy = unmapPolicy(report);
  const { unknown, descriptors, reachable, ...counts } = found;
  return {
    ...counts,
    ...(policy === null ? {} : { policy: { ...policy } }),
    unknown: unknown.map((u) => ({ ...u })),
    descriptors: descriptors.map((d) => ({ ...d })),
    reachable: reachable === null ? null : { ...reachable },
  };
}

function changesDocument({ changes, again, ...counts }: DomainChanges): NonNullable<RunDocument["domainChanges"]> {
  return {
    ...counts,
    changes: changes.map(({ from, to, gap, asked, ...told }) => ({
      ...told,
      from: { ...from },
      to: { ...to },
      gap: gap === null ? null : { ...gap },
      asked: [...asked],
    })),
    again: { ...again, unknown: again.unknown.map((u) => ({ ...u })) },
  };
}

/** A recording without an event has neither a beginning nor an end. */
const secondsOrNull = (microseconds: number): number | null =>
  Number.isFinite(microseconds) ? secondsOf(microseconds) : null;

function groupDocument({ device, count, bytes, since, ...more }: AliveGroup) {
  return { device, count, bytes, since, ...more };
}

function machineDocument({ kernel, cpus, swiotlb, inferred, evidence }: ReplayOutcome["machine"]) {
  return {
    kernel,
    cpus,
    swiotlb: swiotlb === null ? null : slotPoolDocument(swiotlb),
    inferred: [...inferred],
    evidence: [...evidence],
  };
}

/** The keys of a document stay, whatever the parts are called that it is made of. */
function slotPoolDocument({ base, addresses, initial, ...told }: NonNullable<ReplayOutcome["machine"]["swiotlb"]>) {
  return {
    base: hexWords(base),
    ...told,
    ...(addresses === undefined ? {} : { places: addresses }),
    ...(initial === undefined ? {} : { begin: initial }),
  };
}

function poolDocument({ pool }: ReplayOutcome, nameOf: (device: number) => string): RunDocument["pool"] {
  if (pool === null) return null;
  const failureDocument = (f: Failure) => ({
    time: secondsOf(f.time),
    device: nameOf(f.device),
    size: f.size,
    reason: f.reason,
    free: f.free,
    longestRun: f.longestRun,
    cpu: f.cpu,
    slots: f.slots,
    used: f.used,
    words: f.words,
  });
  return {
    slots: pool.slots,
    areas: pool.areas,
    base: hexWords(pool.base),
    used: pool.used,
    hiwater: pool.hiwater,
    hiwaterTime: secondsOf(pool.hiwaterTime),
    atLeast: pool.atLeast,
    ...(pool.endsRecorded === undefined ? {} : { endsRecorded: pool.endsRecorded }),
    counters: pool.counters === null ? null : { used: pool.counters.used, hiwater: pool.counters.hiwater },
    failures: pool.failures.map(failureDocument),
    refusedLists: pool.refusedLists.map(failureDocument),
    ...(pool.refusedTries === undefined ? {} : { refusedTries: triesDocument(pool.refusedTries, nameOf) }),
  };
}

function triesDocument({ lists, tries, again }: RefusedTries, nameOf: (device: number) => string) {
  return {
    lists,
    tries,
    again: again.map((a) => ({ ...a, device: nameOf(a.device), from: secondsOf(a.from), to: secondsOf(a.to) })),
  };
}

function requestsDocument({ requests }: ReplayOutcome, nameOf: (device: number) => string) {
  if (requests === null) return null;
  const { devices, refused, log } = requests;
  return {
    devices: devices.map((d) => ({ ...d, device: nameOf(d.device), why: d.why.map((w) => ({ ...w })) })),
    refused: refused.map((r) => ({
      ...r,
      time: secondsOf(r.time),
      device: nameOf(r.device),
      words: requestRefusalWords(r),
    })),
    log: { ...log },
  };
}

function deviceDocument(device: DeviceOutcome, aliveUnknown: boolean) {
  return {
    name: device.name,
    driver: device.driver,
    maskBits: device.maskBits,
    minAlignMask: hexWords(device.minAlignMask),
    boundary: device.boundary,
    alignmentFrom: device.alignmentFrom,
    maps: device.maps,
    direct: device.direct,
    bounced: device.bounced,
    translated: device.translated,
    failed: device.failed,
    bytes: device.bytes,
    bouncedBytes: device.bouncedBytes,
    slotsPeak: device.slotsPeak,
    slotsNow: device.slotsNow,
    live: aliveUnknown ? null : device.live,
    why: device.why.map(({ words, count }) => ({ words, count })),
  };
}
