/**
 * Which device reaches which memory, from a memory image; and who reaches one address.
 *
 * node who_reaches.js IMAGE [REGISTERS.json] [ADDRESS]
 */
import { readFile } from "node:fs/promises";
import { inspect, Unreadable } from "dmalab";

const [image, ...rest] = process.argv.slice(2);
if (image === undefined) throw new Error("which image?");
const registers = rest.find((word) => word.endsWith(".json"));
const who = rest.find((word) => word.startsWith("0x"));

try {
  const {
    verdict,
    devices,
    mappings,
    who: answer,
  } = await inspect(await readFile(image), {
    name: image,
    ...(registers !== undefined && { registers: await readFile(registers) }),
    ...(who !== undefined && { who }),
  });
  console.log(`${verdict.level}: ${verdict.words}`);
  for (const { bdf, state, memory } of devices) {
    const own = mappings.filter((m) => m.bdf === bdf);
    const [first] = own;
    const example = first === undefined ? "" : `, ${first.iova} leads to ${first.paddr} (${first.perm})`;
    console.log(`${bdf}: ${state}, ${own.length} ranges, ${memory} bytes of memory${example}`);
  }
  for (const { bdf, iova, perm } of answer?.reached ?? [])
    console.log(`${who} is reached by ${bdf} at ${iova}, ${perm}`);
} catch (error) {
  if (!(error instanceof Unreadable)) throw error;
  console.log(error.message);
  process.exitCode = 2;
}
