/**
 * A line of a kernel's log explained: what happened, how that is known, what to do.
 *
 * node why_refused.js "nvme 0000:00:03.0: swiotlb buffer is full (sz: 69632 bytes), total 512 (slots), used 473 (slots)"
 */
import { why } from "dmalab";

const [line] = process.argv.slice(2);
if (line === undefined) throw new Error("which line?");

const { findings } = await why(line);
for (const { kind, device, cause, evidence, do: advice } of findings) {
  console.log(`${device ?? "a device"}: ${kind ?? "unnamed"}`);
  for (const sentence of [cause, evidence, advice]) console.log(`  ${sentence}`);
}
if (findings.length === 0) console.log("nothing in it concerns DMA");
