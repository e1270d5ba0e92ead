/**
 * What bounced in a recording, of whom and why, what was refused, and which pool would have been enough.
 *
 * node bounced.js RECORDING [LOG]
 */
import { readFile } from "node:fs/promises";
import { replay } from "dmalab";

const [recording, log] = process.argv.slice(2);
if (recording === undefined) throw new Error("which recording?");

const { maps, devices, pool, exact, advice } = await replay(await readFile(recording), {
  name: recording,
  ...(log !== undefined && { log: await readFile(log) }),
});

console.log(`${maps.bounced} of ${maps.total} mappings bounced, ${maps.failed} were refused`);
for (const device of devices) {
  console.log(`${device.name}: ${device.bounced} bounced, ${device.bouncedBytes} bytes`);
  for (const { words, count } of device.why) console.log(`  ${count} times: ${words}`);
}
if (pool !== null) {
  const [first] = pool.failures;
  console.log(`at most ${pool.hiwater} of ${pool.slots} slots were in use`);
  if (first !== undefined) console.log(`first refused, at ${first.time} s: ${first.size} bytes, ${first.words}`);
}
console.log(`${exact.equal} of ${exact.compared} addresses are the kernel's own`);
console.log(`advice: ${advice.swiotlb ?? "none"}, ${advice.confidence}`);
