/**
 * A described machine's run as a Perfetto trace: each mapping's life on its device's track, and a track for each lane.
 * A machine has no clock: each event is one microsecond long.
 */
import type { Timeline } from "../../lab/machine/timeline/timeline.js";
import { PerfettoWriter } from "../recording/perfetto/perfetto_writer.js";

/** @param sink is given the file in chunks */
export function machinePerfetto({ events, dmas }: Timeline, sink: (chunk: Uint8Array) => void): void {
  const writer = new PerfettoWriter(sink);
  for (const d of dmas) {
    const name = `${d.size} bytes, ${d.direction}, 0x${d.bus.toString(16)} for 0x${d.phys.toString(16)}`;
    writer.slice(d.device, name, d.begin, d.end ?? events.length);
  }
  for (const [n, e] of events.entries()) {
    const name = e.device === null || e.lane === "device" ? e.what : `${e.device}: ${e.what}`;
    const track = e.lane === "device" ? `${e.device} on the bus` : e.lane;
    writer.slice(track, name, n, n + 1, "events");
    if (e.isTrouble && e.device !== null) writer.instant(e.device, e.what, n);
  }
  writer.finish();
}
