/** Our units on the tables that QEMU's units were asked about: the answers of the readers of tables, which QEMU's agree with. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { AddressType, Outcome } from "../../../src/hw/iommu/core/request.js";
import { resolve } from "../../../src/hw/iommu/core/translating_port.js";
import { predict, reaches } from "../../qemu/predict.js";
import { unpacked, memoryOf as viewOf } from "../../qemu/recording.js";
import { memoryOf, vtdUnitOf } from "./recorded.js";

const folder = "fixtures/qemu";
const files = readdirSync(folder).filter((f) => f.startsWith("vtd"));

test.each(files)("%s", (file) => {
  const recording = unpacked(readFileSync(`${folder}/${file}`));
  const wrong: string[] = [];
  const count = { reached: 0, refused: 0, fromCache: 0 };
  for (const world of recording.worlds) {
    const view = viewOf(recording, world);
    const unit = vtdUnitOf(memoryOf(recording, world), world.unit);
    for (const [requester, text, isWrite] of world.answers.flatMap((a) => [a, a])) {
      const [address, write] = [BigInt(text), isWrite === 1];
      const [frame, offset] = [Number(address >> 12n), Number(address & 0xfffn)];
      const request = { requester, pasid: null, frame, offset, write, type: AddressType.untranslated };
      const result = resolve(unit.transactions[0]!, request, (ways) => frame % ways);
      const { fault } = taken(unit);
      const said = predict(view, world.unit, recording.rules.codes, { requester, address, write });
      const expected = reaches(said) ? said.reaches : `fault ${said.code}`;
      const got = result.outcome === Outcome.passes ? result.frame * 4096 + offset : `fault ${fault}`;
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

/** The reason that is recorded, taken off the record. */
function taken({ registers }: ReturnType<typeof vtdUnitOf>): { readonly fault: number | null } {
  const { fault, faultHigh, fsts } = registers.map.registers;
  const words = new Uint32Array(2);
  registers.read64(fault.offset, words);
  registers.read64(faultHigh.offset, words);
  if (words[1]! < 0x8000_0000) return { fault: null };
  registers.write64(faultHigh.offset, 0, 0x8000_0000);
  registers.write32(fsts.offset, 1);
  return { fault: words[1]! & 0xff };
}
