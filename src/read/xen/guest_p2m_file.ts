/**
 * A guest's P2M as Xen's own debug key prints it: `pfn=0x10 ==> mfn=0x7bc10 (type 0x0)`, one line a frame.
 *
 * Kept is the reverse: which guest's which frame a machine frame is. Source: Xen arch/x86/domain.c, the P2M audit dump.
 */
import type { ByteSource } from "../bytes.js";
import { Unreadable } from "../unreadable.js";
import { FrameRuns } from "./frame_runs.js";
import { numberedLines } from "./lines.js";

const domainLine = /Dumping P2M for domain (\d{1,5})/;
const frameLine = /\bpfn=0x([0-9a-f]{1,13}) ==> mfn=0x([0-9a-f]{1,13})\b/;
const framesMax = 2 ** 25;

export interface GuestFrame {
  readonly domain: number;
  readonly pfn: number;
}

export class GuestP2m {
  readonly name: string;
  readonly #runs: FrameRuns;

  /** @param runs machine frames; a run's kind is its domain, its value the first frame of the guest. */
  constructor(name: string, runs: FrameRuns) {
    this.name = name;
    this.#runs = runs;
  }

  /** @returns whose frame this machine frame is; null when the dump does not hold it. */
  owner(mfn: number): GuestFrame | null {
    const run = this.#runs.find(mfn);
    if (run < 0) return null;
    return { domain: this.#runs.kind(run), pfn: this.#runs.value(run) + mfn - this.#runs.from(run) };
  }
}

/** @throws Unreadable when no line is one of such a dump. Other lines, as a console mixes in, are passed over. */
export function readGuestP2m(source: ByteSource): GuestP2m {
  let domain = 0;
  const pairs: { mfn: number; pfn: number; domain: number }[] = [];
  for (const { text } of numberedLines(source)) {
    const frame = frameLine.exec(text);
    if (frame === null) {
      const named = domainLine.exec(text);
      if (named !== null) domain = Number(named[1]);
    } else if (pairs.length < framesMax) {
      pairs.push({ pfn: Number.parseInt(frame[1]!, 16), mfn: Number.parseInt(frame[2]!, 16), domain });
    }
  }
  if (pairs.length === 0) {
    throw new Unreadable(source.name, "", "a guest's P2M with lines `pfn=0x.. ==> mfn=0x..`", "no such line");
  }
  pairs.sort((a, b) => a.mfn - b.mfn);
  const runs = new FrameRuns();
  for (let i = 0; i < pairs.length; ) {
    const first = pairs[i++]!;
    let count = 1;
    for (let next = pairs[i]; next !== undefined; next = pairs[++i]) {
      // Two frames of guests that stand for one machine frame: the first is kept.
      if (next.mfn === first.mfn + count - 1) continue;
      if (next.mfn !== first.mfn + count || next.pfn !== first.pfn + count || next.domain !== first.domain) break;
      count++;
    }
    runs.add(first.mfn, count, first.domain, first.pfn);
  }
  return new GuestP2m(source.name, runs);
}
