/**
 * CPUs whose events stop while those of others go on: a ring that is not overwritten is full on one CPU before it is on
 * another, and nothing says so.
 *
 * A CPU that only has nothing more to do looks alike, so this is a reason to doubt what is missing, never a finding.
 * Source: Linux Documentation/trace/ring-buffer-design.rst (producer/consumer mode).
 */

/** A CPU that wrote few events is idle, not full. */
const eventsMin = 100;
/** Nor is one that wrote much less than the others. */
const shareMin = 0.1;
/** How much longer than its last `recent` events took a CPU must be silent. */
const recent = 50;
const silence = 10;

export interface StoppedCpu {
  readonly cpu: number;
  /** Of its last event, microseconds. */
  readonly time: number;
}

interface Row {
  count: number;
  /** Events of all CPUs up to its last one. */
  total: number;
  /** Times of its last events, a ring. */
  readonly times: Float64Array;
}

export class CpuEnds {
  readonly #rows: Row[] = [];
  #total = 0;

  add(cpu: number, time: number): void {
    const row = (this.#rows[cpu] ??= { count: 0, total: 0, times: new Float64Array(recent) });
    row.times[row.count++ % recent] = time;
    row.total = ++this.#total;
  }

  /** The first CPU whose events seem to stop before the recording's end at `to`; null for none. */
  stopped(to: number): StoppedCpu | null {
    let first: StoppedCpu | null = null;
    const most = this.#rows.reduce((n, row) => Math.max(n, row.count), 0);
    this.#rows.forEach(({ count, total, times }, cpu) => {
      if (count < Math.max(eventsMin, most * shareMin)) return;
      // The machine must have gone on to be busy.
      if (this.#total - total < Math.max(eventsMin, count * shareMin)) return;
      const time = times[(count - 1) % recent]!;
      const took = time - times[count % recent]!;
      if (to - time <= Math.max(1, took) * silence) return;
      if (first === null || time < first.time) first = { cpu, time };
    });
    return first;
  }
}
