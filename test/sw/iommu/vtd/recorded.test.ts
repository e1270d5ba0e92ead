/**
 * Descriptors that the driver posts, against those that a real kernel submitted for the same unmappings and flushes: word by
 * word, as many, in the same order.
 *
 * One rule of Linux is stated here, for our tables never lose a table: a table that an unmapping covers whole is unlinked, and
 * then cached tables must go, too (IH = 0). Source: Linux drivers/iommu/intel/iommu.c, intel_iommu_tlb_sync (the gather's
 * list of freed tables), drivers/iommu/generic_pt/iommu_pt.h.
 */
import { expect, test } from "vitest";
import { Caches } from "../../../../src/audit/recording/invalidation/caches.js";
import { frameBytes } from "../../../../src/base/frame.js";
import { write } from "../../../../src/bits/field.js";
import { memorySource } from "../../../../src/read/bytes.js";
import { descriptorWords } from "../../../../src/read/descriptor_words.js";
import { EventBatch, EventKind } from "../../../../src/read/event.js";
import { openFtraceText } from "../../../../src/read/index.js";
import { threadOf } from "../../../../src/read/thread.js";
import { DescriptorType, descriptorType } from "../../../../src/spec/vtd/descriptors.js";
import { Capability } from "../../../../src/spec/vtd/registers.js";
import type { UnitPorts } from "../../../../src/sw/iommu/ports.js";
import { legacyMode } from "../../../../src/sw/iommu/vtd/legacy_mode.js";
import type { MakeMode } from "../../../../src/sw/iommu/vtd/mode.js";
import { scalableMode } from "../../../../src/sw/iommu/vtd/scalable_mode.js";
import { VtdDriver } from "../../../../src/sw/iommu/vtd/vtd_driver.js";
import { fixture } from "../../../read/fixture.js";

/** Frames that one table of the lowest level translates. */
const tableFrames = 512;

/** A status that says that it is done. */
const done = 2;

/** A unit that answers everything at once; as QEMU's, it invalidates up to 2^18 pages by one descriptor. */
function ports(): UnitPorts {
  const capability = new Uint32Array(2);
  write(capability, 0, Capability.mamv, 18);
  let free = 1;
  return {
    memory: { load32: () => done, store: () => {}, store32: () => {} } as unknown as UnitPorts["memory"],
    registers: {
      read32: () => 0,
      write32: () => {},
      write64: () => {},
      read64: (_: number, into: Uint32Array) => into.set(capability),
    } as unknown as UnitPorts["registers"],
    allocate: (frames) => (free += frames) - frames,
    spin: () => true,
  };
}

/** What a recording's kernel unmapped or flushed, and what it submitted for it. */
interface Asked {
  /** null: all of the domain. */
  readonly frames: readonly [first: number, last: number] | null;
  readonly submitted: number[][];
}

function readAsked(name: string): { asked: Asked[]; caches: Caches; total: number } {
  const source = openFtraceText(memorySource(name, fixture(`${name}/trace.txt.gz`)));
  const caches = new Caches((d) => source.devices.name(d));
  const last = new Map<number, Asked>();
  const asked: Asked[] = [];
  const batch = new EventBatch();
  let total = 0;
  const ask = (who: number, frames: Asked["frames"]) => {
    last.set(who, { frames, submitted: [] });
    asked.push(last.get(who)!);
  };
  while (source.next(batch)) {
    for (let i = 0; i < batch.count; i++) {
      caches.event(batch, i);
      const who = threadOf(batch, i);
      const [first, size] = [batch.dma[i]! / frameBytes, batch.size[i]! / frameBytes];
      if (batch.kind[i] === EventKind.iommuUnmap) ask(who, [first, first + size - 1]);
      else if (batch.kind[i] === EventKind.cacheFlushed && batch.phys[i] === -1) ask(who, null);
      else if (batch.kind[i] === EventKind.descriptor) {
        const words = new Uint32Array(4);
        descriptorWords(batch, i, words);
        last.get(who)?.submitted.push([...words]);
        total++;
      }
    }
  }
  return { asked, caches, total };
}

test.each([
  ["vtd-legacy-strict", legacyMode, 861],
  ["vtd-ats", legacyMode, 2706],
  ["vtd-scalable", scalableMode("second"), 36],
  ["vtd-scalable-fs", scalableMode("first"), 41],
] as [string, MakeMode, number][])("%s: every descriptor", (name, mode, count) => {
  const { asked, caches, total } = readAsked(name);
  let posted: number[][] = [];
  const driver = new VtdDriver(
    { ports: ports(), lastRequester: 0xffff, posted: (words) => posted.push([...words.slice(0, 4)]) },
    mode,
  );
  const root = driver.createDomain().root;
  let compared = 0;
  for (const { frames, submitted } of asked.filter((a) => a.submitted.length > 0)) {
    // The domain's number is the kernel's own.
    const id = submitted[0]![0]! >>> 16;
    const devices = caches
      .byId(id)!
      .caches.filter((c) => c.of === "device")
      .map(({ requester }) => ({ requester, ats: true }));
    const flushes = driver.flushesOf({ id, root }, devices);
    posted = [];
    if (frames === null) flushes.flushAll();
    else {
      const [first, last] = frames;
      const table = Math.ceil(first / tableFrames) * tableFrames;
      flushes.flush(first, last, table + tableFrames - 1 > last);
    }
    const own = posted.filter((words) => descriptorType(words) !== DescriptorType.wait);
    expect(own, `${frames ?? "all"} of domain ${id}`).toEqual(submitted);
    compared += own.length;
  }
  expect([compared, total]).toEqual([count, count]);
});
