/** Our units on the tables that QEMU's units were asked about: the answers of the readers of tables, which QEMU's agree with. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { read } from "../../../src/bits/field.js";
import { AddressType, Outcome } from "../../../src/hw/iommu/core/request.js";
import type { Transaction } from "../../../src/hw/iommu/core/transaction.js";
import { resolve } from "../../../src/hw/iommu/core/translating_port.js";
import { smmuRoot } from "../../../src/hw/iommu/smmuv3/smmu_root.js";
import { DeviceEntry } from "../../../src/spec/amdvi/device_entry.js";
import type { UnitRoot } from "../../../src/table/device/index.js";
import { predict, reaches } from "../../qemu/predict.js";
import { type Recording, unpacked, memoryOf as viewOf, type World } from "../../qemu/recording.js";
import { long } from "../../tier.js";
import { amdviEvent, amdviUnitOf, memoryOf, smmuFaultOf, smmuUnitOf, vtdUnitOf } from "./recorded.js";

const folder = "fixtures/qemu";
const files = readdirSync(folder).filter((f) => /^(vtd|smmuv3|amdvi)/.test(f));

/** A unit of ours on a world's tables. */
interface Ours {
  readonly transaction: Transaction;
  /** What it is, as the readers of tables take it. */
  readonly root: UnitRoot;
  /** The reason that is recorded, taken off the record. */
  readonly fault: () => number | null;
  /** Another device's request comes: QEMU's streams have one ASID for tables of their own, so nothing may be cached. */
  readonly change: () => void;
}

function ours(recording: Recording, world: World): Ours {
  if (world.unit.kind === "amdvi") {
    const memory = memoryOf(recording, world, 1);
    const unit = amdviUnitOf(memory, world.unit);
    const fault = () => amdviEvent(memory, unit);
    return { transaction: unit.transactions[0]!, root: world.unit, fault, change: () => undefined };
  }
  const memory = memoryOf(recording, world);
  if (world.unit.kind === "vtd") {
    const unit = vtdUnitOf(memory, world.unit);
    return {
      transaction: unit.transactions[0]!,
      root: world.unit,
      fault: () => vtdFault(unit),
      change: () => undefined,
    };
  }
  const unit = smmuUnitOf(memory, world.unit, recording.ramBase);
  const fault = () => smmuFaultOf(unit, memory, recording.ramBase);
  const change = () => unit.caches.forget();
  return { transaction: unit.transactions[0]!, root: smmuRoot(unit.registers), fault, change };
}

test.each(files)("%s", (file) => {
  const recording = unpacked(readFileSync(`${folder}/${file}`));
  const wrong: string[] = [];
  const count = { reached: 0, refused: 0, fromCache: 0 };
  // Of the first tier every sixth world.
  for (const world of recording.worlds.filter((_, i) => long || i % 6 === 0)) {
    const view = viewOf(recording, world);
    const { transaction, root, fault, change } = ours(recording, world);
    let last = -1;
    for (const [requester, text, isWrite] of world.answers.flatMap((a) => [a, a])) {
      const [address, write] = [BigInt(text), isWrite === 1];
      const [frame, offset] = [Number(address >> 12n), Number(address & 0xfffn)];
      const request = { requester, pasid: null, frame, offset, write, type: AddressType.untranslated };
      if (requester !== last) change();
      last = requester;
      const result = resolve(transaction, request, (ways) => frame % ways);
      const told = fault();
      const said = predict(view, root, recording.rules.codes, { requester, address, write });
      const expected = reaches(said) ? reached(root, said.reaches) : `fault ${codeOf(said, root)}`;
      const got = result.outcome === Outcome.passes ? result.frame * 4096 + offset : `fault ${told}`;
      if (got !== expected) wrong.push(`${requester} ${text} ${write}: ${got}, not ${expected}`);
      if (result.outcome === Outcome.passes) count.reached++;
      else count.refused++;
      if (result.fromCache) count.fromCache++;
    }
  }
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(count.reached).toBeGreaterThan(50);
  expect(count.refused).toBeGreaterThan(50);
  expect(count.fromCache).toBeGreaterThan(5);
});

/** QEMU's SMMUv3 passes on addresses that no memory has; the specification (IHI 0070 G, 7.3.14) has an event for them. */
const reached = (root: UnitRoot, address: number) =>
  root.kind === "smmuv3" && address >= 2 ** root.outputBits ? "fault 17" : address;

/** What is recorded of a refusal: of AMD-Vi, the readers of tables leave out that a blocked device's is a page fault. */
function codeOf({ code, entries }: Exclude<ReturnType<typeof predict>, { reaches: number }>, { kind }: UnitRoot) {
  if (kind !== "amdvi") return code;
  const dte = entries.find((e) => e.about === DeviceEntry.$);
  const isSilent = dte !== undefined && read(dte.words, 0, DeviceEntry.sa) === 1;
  return isSilent && (code ?? 2) === 2 ? null : (code ?? 2);
}

function vtdFault({ registers }: ReturnType<typeof vtdUnitOf>): number | null {
  const { fault, faultHigh, fsts } = registers.map.registers;
  const words = new Uint32Array(2);
  registers.read64(fault.offset, words);
  registers.read64(faultHigh.offset, words);
  if (words[1]! < 0x8000_0000) return null;
  registers.write64(faultHigh.offset, 0, 0x8000_0000);
  registers.write32(fsts.offset, 1);
  return words[1]! & 0xff;
}
