/**
 * Reports of the kernel's own DMA-API checker ("DMA-API: …").
 *
 * Source: Linux kernel/dma/debug.c. The same rules on a recording: audit/recording.
 */
import type { Diagnosis } from "../finding.js";

interface Rule {
  readonly kind: string;
  /** What the report says, without the parts that differ between kernels. */
  readonly pattern: RegExp;
  readonly cause: string;
  readonly do: string;
}

const theDriver =
  "It is a bug of the driver named in the line or in the call trace below it: report it there. Recording with " +
  "trace_event=dma names both calls.";

const rule = (kind: string, pattern: RegExp, cause: string, cure = theDriver): Rule => ({
  ...{ kind, pattern, cause },
  do: cure,
});

const rules: readonly Rule[] = [
  rule(
    "leak",
    /pending DMA allocations while released from device/,
    "The driver let go of the device while buffers were still mapped: they leak, and the device may still write to " +
      "them.",
  ),
  rule(
    "unmap-error-value",
    /tries to free an invalid DMA memory address/,
    "The driver unmaps the value that stands for a failed mapping: it did not check the result.",
  ),
  rule(
    "double-unmap",
    /tries to free DMA memory it has not allocated/,
    "The driver unmaps an address that is not mapped: unmapped twice, or never mapped.",
  ),
  rule(
    "unmap-size",
    /frees DMA memory with different size/,
    "The driver unmaps another number of bytes than it mapped: part of the mapping stays, or someone else's goes.",
  ),
  rule(
    "unmap-kind",
    /frees DMA memory with wrong function/,
    "The driver unmaps with another kind of call than it mapped with.",
  ),
  rule(
    "unmap-cpu-address",
    /frees DMA memory with different CPU address/,
    "The driver frees coherent memory with another CPU address than it was given.",
  ),
  rule(
    "unmap-entries",
    /frees DMA sg list with different entry count/,
    "The driver unmaps a list with another number of entries: it must be the number it mapped, not the number that " +
      "mapping returned.",
  ),
  rule(
    "unmap-direction",
    /frees DMA memory with different direction/,
    "The driver unmaps with another direction than it mapped with: data may not be copied back.",
  ),
  rule(
    "unchecked",
    /failed to check map error/,
    "The driver never looked whether the mapping had failed. When one does, the device uses address all ones.",
  ),
  rule(
    "stack",
    /maps memory from ?stack/,
    "The driver maps memory of its stack, which other code overwrites and which may not be one piece.",
  ),
  rule(
    "kernel-image",
    /maps memory from kernel text or rodata/,
    "The driver lets a device reach the kernel's own code or constants.",
  ),
  rule(
    "invalid-memory",
    /maps memory from (?:invalid|vmalloc) area/,
    "The driver maps memory that has no place in the direct map.",
  ),
  rule(
    "sync-outside",
    /sync(?:s)? DMA memory (?:outside allocated range|it has not allocated)/,
    "The driver syncs bytes that are not mapped.",
  ),
  rule(
    "sync-direction",
    /syncs DMA memory with different direction/,
    "The driver syncs with another direction than it mapped with.",
  ),
  rule(
    "sync-direction",
    /syncs device (?:read|write)-only DMA memory/,
    "The driver syncs the way that the mapping's direction excludes.",
  ),
  rule(
    "sync-entries",
    /syncs DMA sg list with different entry count/,
    "The driver syncs a list with another number of entries than it mapped.",
  ),
  rule(
    "segment",
    /mapping sg segment longer than device claims to support/,
    "A list entry is longer than the device takes, as far as its driver says (dma_set_max_seg_size; 64 KiB where it says " +
      "nothing); nobody splits it at map time.",
    "If the device can take more, its driver must say so with dma_set_max_seg_size(); else whoever makes the list must " +
      "make its entries shorter. Report it to the driver named in the line.",
  ),
  rule(
    "segment",
    /mapping sg segment across boundary/,
    "A list entry crosses an address that the device cannot cross within one entry (dma_set_seg_boundary; for PCI 4 GiB " +
      "where its driver says nothing); nobody splits it at map time.",
    "If the device can cross it, its driver must say so with dma_set_seg_boundary(); else whoever makes the list must " +
      "split there. Report it to the driver named in the line.",
  ),
  rule(
    "many-mappings",
    /exceeded \d+ overlapping mappings of (?:cacheline|pfn)/,
    "More mappings of one piece of memory are alive at once than the checker counts (seven): mappings leak, or one page " +
      "is registered again and again, as RDMA and some graphics drivers do on purpose.",
    "The line names no driver: the call trace below it does. Record with trace_event=dma and look at what stays mapped; " +
      "where a page is shared on purpose the report can be left alone.",
  ),
  rule(
    "cpu-touch",
    /cpu touching an active dma mapped cacheline/,
    "The CPU writes to memory that is mapped for a device, which may be writing there as well: one of the two can lose " +
      "data. Kernels 3.14 to 5.13 check this, for pages that the kernel itself copies on write.",
    "Look at the call trace below the line: who writes, and whether the driver holds a page mapped longer than its " +
      "transfer. Direct I/O from a process that forks looks the same. Recording with trace_event=dma shows the mapping.",
  ),
  rule(
    "overlap",
    /cacheline tracking EEXIST/,
    "Two mappings that the device may write share a cache line: one of them can lose data.",
  ),
  rule(
    "debug-limit",
    /debugging out of memory|cacheline tracking ENOMEM/,
    "The checker ran out of memory and switched itself off: what follows is not checked.",
    "Give it more entries (dma_debug_entries= on the command line, 65536 unless set). If that never is enough, mappings leak: " +
      "record with trace_event=dma and look at what stays mapped.",
  ),
  rule(
    "leak-suspected",
    /dma_debug_entry pool grown/,
    "The checker needs more and more entries: the number of live mappings grows, which may be a leak.",
    "Record with trace_event=dma and look at what stays mapped, by device. Many mappings at once are not wrong by themselves.",
  ),
];

/** What the report says in brackets: "[device address=0x1000] [size=2048 bytes]". */
const stated = /\[([a-z][a-z +-]{1,24})=([^\]]{1,40})(?:\]|$)/g;
const deviceAfter = /DMA-API: [\w+-]{1,40} ([\w:.,@-]{1,60}): /;
/** How reports begin; consoles and scripts that print the function's name leave the mark out. */
const reports = /\bdevice driver (?:has pending|tries to|frees|failed to|maps|syncs) /;
/** The checker's messages of itself. */
const ofItself = /DMA-API: (?:preallocated|debugging (?:en|dis)abled|(?:en|dis)abl|switching off|dma_debug: )/;

/** The line after a leak's report; in brackets what the entry is. */
const leaked = /One of leaked entries details: (\[.*)/;

/** @returns null for a line that is no report. */
export function explainDmaDebug(text: string): Diagnosis | null {
  const entry = leaked.exec(text);
  if (entry !== null) {
    const said = [...entry[1]!.matchAll(/\[([^\]]{1,60})\]?/g)].map((m) => m[1]!.replace("=", " "));
    const { cause, do: cure } = rules[0]!;
    return {
      ...{ kind: "dma-api-leak", cause, do: cure },
      evidence: joined(...said, "the report itself is missing"),
      echo: `One of the mappings left: ${said.join(", ")}`,
    };
  }
  if (!(text.includes("DMA-API: ") || reports.test(text)) || ofItself.test(text)) return null;
  const found = rules.find((r) => r.pattern.test(text));
  if (found === undefined) return null;
  const device = deviceAfter.exec(text)?.[1];
  return {
    kind: `dma-api-${found.kind}`,
    cause: found.cause,
    // Made when it is asked for: of many reports only the first one's is.
    get evidence() {
      return evidenceIn(text);
    },
    do: found.do,
    ...(device === undefined ? {} : { device }),
  };
}

function evidenceIn(text: string): string {
  const said = [...text.matchAll(stated)].map((m) => `${m[1]} ${m[2]!.trim()}`);
  const limit = /exceeded (\d+) overlapping mappings of (\w+ (?:0x)?[0-9a-f]+)/.exec(text);
  if (limit !== null) said.push(`more than ${limit[1]} mappings of ${limit[2]}`);
  return joined(
    ...said,
    "the kernel's DMA-API checker reports it; it prints only the first report unless told otherwise (debugfs " +
      "dma-api/all_errors)",
  );
}

const joined = (...parts: readonly string[]): string => parts.join("; ");
