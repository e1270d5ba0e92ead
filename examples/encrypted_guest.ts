/**
 * A machine run from a description: an encrypted guest, all of whose DMA bounces, with pools of several sizes. It shows how
 * far each run is, and ends after half a minute.
 *
 * node encrypted_guest.js [SLOTS...]
 */
import { type MachineDescription, runMachine } from "dmalab";

const given = process.argv.slice(2).map(Number);
const sizes = given.length > 0 ? given : [512, 2048];

const machine = (slots: number): MachineDescription => ({
  kernel: "6.12",
  memory: "1GiB",
  encrypted: true,
  swiotlb: { slots, areas: 1 },
  devices: [{ bdf: "0000:00:03.0", driver: "nvme" }],
  workload: [{ program: "disk", device: "0000:00:03.0", requests: 200, size: "4096..131072" }],
});

const signal = AbortSignal.timeout(30_000);
for (const slots of sizes) {
  let told = 0;
  const progress = (share: number) => {
    if (share < told + 0.5) return;
    told = share;
    console.log(`${slots} slots: ${Math.round(share * 100)} %`);
  };
  const { maps, pool, run } = await runMachine(machine(slots), { progress, signal });
  const wrong = run?.programs.flatMap((program) => program.wrong) ?? [];
  console.log(`${slots} slots: ${maps.bounced} bounced, ${maps.failed} refused, ${pool?.hiwater} in use at most`);
  console.log(`${slots} slots: ${wrong.length === 0 ? "every byte arrived" : wrong.join(", ")}`);
}
