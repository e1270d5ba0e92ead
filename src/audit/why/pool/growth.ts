/**
 * Slots in use from line to line of a log: whether they only ever grow.
 *
 * A pool that is too small fills and empties with the load, so the number in use goes up and down between messages.
 * A leak never gives back. Growth over several messages and some time is a suspicion, not a proof, and is said so.
 */
import { countWords, plural } from "../../../base/count_words.js";
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import { slotsInWords } from "../../words/quantity.js";
import type { Diagnosis } from "../finding.js";
import type { LogLine } from "../log_line.js";

const pattern =
  /swiotlb buffer is full \(sz: ?(\d{1,15}) bytes\), total (\d{1,12}) \(slots\), used (\d{1,12}) \(slots\)/;

/** Fewer messages than this show no trend. */
const linesMin = 4;
/** A burst of load grows, too; it lasts seconds. */
const secondsMin = 60;

export class Growth {
  #lines = 0;
  #fell = false;
  #first: { readonly line: LogLine; readonly used: number } | null = null;
  #last = { used: 0, time: null as number | null, total: 0 };

  /** Look at one line of the log. */
  add(line: LogLine): void {
    if (this.#fell) return;
    const m = line.text.includes("swiotlb buffer is full") ? pattern.exec(line.text) : null;
    if (m === null) return;
    const used = Number(m[3]),
      total = Number(m[2]);
    this.#lines++;
    if (this.#first === null) this.#first = { line, used };
    else if (used < this.#last.used - Math.ceil(Number(m[1]) / slotBytes)) this.#fell = true;
    this.#last = { used, time: line.time, total };
  }

  /** @returns null unless the number in use grew and never fell by more than one request between two messages. */
  verdict(): { readonly line: LogLine; readonly verdict: Diagnosis } | null {
    const first = this.#first,
      last = this.#last;
    if (first === null || this.#fell || this.#lines < linesMin || last.used <= first.used) return null;
    if (first.line.time === null || last.time === null || last.time - first.line.time < secondsMin) return null;
    const seconds = last.time - first.line.time;
    const verdict: Diagnosis = {
      kind: "leak-suspected",
      cause:
        "The number of slots in use only grows from message to message: mappings are probably never unmapped. A " +
        "larger pool only delays the end.",
      evidence:
        `${plural(first.used, "slot")} in use at ${first.line.time} s, ${countWords(last.used)} at ${last.time} s, of ` +
        `${slotsInWords(last.total)}: ` +
        `${((last.used - first.used) / seconds).toFixed(2)} slots a second over ${plural(this.#lines, "message")}, and ` +
        `never less in between`,
      do:
        "Record with trace_event=dma,swiotlb and look at the leaks: device, size and direction of what is mapped and " +
        "never unmapped. Update or report the driver of the device in these lines first.",
    };
    return { line: first.line, verdict };
  }
}
