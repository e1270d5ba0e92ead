/** What an audit of the sample could have found: one of everything that is printed. */
import type { RunReport } from "../../../src/report/recording/run_report.js";

const counts = { events: 0, maps: 0, lists: 0, allocations: 0, unmaps: 0, syncs: 0, failed: 0, before: 0, lost: 0 };

export const sampleAudit: RunReport["audit"] = {
  from: 6.929439,
  to: 38.412907,
  counts: { ...counts, events: 72_000, maps: 24_000, unmaps: 23_000, before: 12 },
  leaks: [
    {
      ...{ device: "0000:00:1f.2", kind: "map", direction: "FROM_DEVICE", attrs: 0, size: 4096, count: 37 },
      ...{ bytes: 151552, since: 9.120331, growing: true, evidence: "rose in 11 of 12 slices of time" },
    },
  ],
  alive: [
    {
      ...{ device: "0000:00:02.0", kind: "map", direction: "FROM_DEVICE", attrs: 0, size: 1522, count: 256 },
      ...{ bytes: 389632, since: 7.000311, growing: false, evidence: "made at the start and kept" },
    },
  ],
  violations: [
    {
      rule: "unmap-size",
      device: "0000:00:02.0",
      time: 12.004412,
      detail: "mapped 2048 bytes at 0xbe3f000 at 11.998120 s, unmapped 1522 bytes",
      relies: "maps",
    },
    {
      rule: "overlap",
      device: "0000:00:1f.2",
      time: 21.550001,
      detail: "bytes 0x3f9b200 to 0x3f9b3ff are mapped from-device twice, by this and by the mapping of 21.549870 s",
      relies: null,
    },
  ],
  violationTotals: [
    { rule: "unmap-size", count: 1 },
    { rule: "overlap", count: 3 },
  ],
  exposure: [
    {
      ...{ device: "0000:00:02.0", reach: "pages", mappings: 412, partial: 380, bytes: 998_144, bytesPeak: 20_480 },
      ...{ foreign: 1, examples: ["page 0x3f9b000 also holds a mapping of 0000:00:1f.2"] },
      words: "380 of 412 mappings leave bytes of their pages open to the device, 20480 bytes at the worst moment",
    },
  ],
  notes: ["12 unmaps name an address that this recording never saw mapped: mapped before it began"],
  unknowable: [{ rule: "cpu-touch", why: "a recording shows no access of the CPU to mapped memory" }],
};
