/**
 * A page table of VT-d in memory: built, walked as fast as it can be said, retold entry by entry, listed.
 *
 * node page_table.js
 */
import { Allow, address, createMemory, createPageTable, dfn, isFault, isReached, mfn, Need } from "dmalab/table";

const hex = (n: number) => `0x${n.toString(16)}`;

const memory = createMemory({ bytes: 2 ** 26 });
const table = createPageTable({ memory, format: "vtd-ss", levels: 3, tables: { first: mfn(16), count: 64 } });
table.map({ iova: address(0xfffc0000), paddr: address(0x44e9000), bytes: 0x3000, allow: Allow.readWrite });
table.map({ iova: address(0x40000000), paddr: address(0x1200000), bytes: 2 ** 21, allow: Allow.read });

for (const { iova, paddr, bytes } of table.list().mappings)
  console.log(`${hex(iova)} to ${hex(paddr)}: ${bytes} bytes`);

for (const frame of [dfn(0xfffc1), dfn(0xfffc3)]) {
  const found = table.walk(frame);
  console.log(`frame ${hex(frame)}: ${isFault(found) ? "nothing there" : `frame ${hex(found)}`}`);
}

const { steps, result } = table.trace(address(0x40001234), Need.write);
for (const step of steps) console.log(`  ${step.name} at ${hex(step.at)}: ${step.meaning}`);
console.log(isReached(result) ? `reached ${hex(result.paddr)}` : `refused: ${result.why}`);
