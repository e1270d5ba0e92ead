/** Lines that are no events: gaps, headers, notes, call chains. Rare, so that strings do. */

export type OddLine =
  /** Events were lost before the CPU's next one; `count` 0 = the line does not say how many. */
  | { readonly kind: "lost"; readonly cpu: number; readonly count: number }
  | { readonly kind: "cpus"; readonly cpus: number }
  | { readonly kind: "overwritten"; readonly events: number; readonly inBuffer: number; readonly cpus: number }
  | { readonly kind: "kernel"; readonly release: string }
  /** Says nothing about events, as it should: a comment, a call chain, an empty line. */
  | { readonly kind: "quiet" }
  /** An event as an option of ftrace prints it, from which its time cannot be told. */
  | { readonly kind: "stripped"; readonly why: string }
  | { readonly kind: "unknown" };

const quiet: OddLine = { kind: "quiet" };

/**
 * `CPU:0 [LOST 12 EVENTS]` is ftrace's, `CPU:0 [12 EVENTS DROPPED]` and `CPU 0: 12 EVENTS DROPPED` are trace-cmd's.
 * Source: Linux kernel/trace/trace.c and trace-cmd's report, as seen in what they print.
 */
const lost =
  /^CPU[: ]\s*(\d{1,5})[: ]?\s*\[?(?:LOST\s+(?:(\d+)\s+)?EVENTS|(?:(\d+)\s+)?EVENTS (?:DROPPED|LOST))\]?\s*$/;
const header = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)\s+#P:(\d+)/;
const release = /^# \S+ latency trace v[\d.]+ on (\S+)/;
/** Source: Linux Documentation/trace/ftrace.rst, trace_options. */
const stripped: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:dma_\w+|swiotlb_bounced|map|unmap): /,
    "events without task, CPU and time: echo context-info > trace_options, and read the trace again",
  ],
  [/^[\da-f ]+type: \d+\s*$/, "events as numbers: echo noraw > trace_options; echo nohex > trace_options"],
];

/** The end of an event whose line was broken behind all that is needed of it. */
const rest = /^\s*(?:unmapped_size|attrs|flags|virt_addr)=\S*\s*$/;
const note = /^(?:version = \d+|CPU \d+ is empty|trace-cmd: .*|\s*=>.*|\t.*|\s*)$/;

/** @param text the line, or its beginning. */
export function oddLine(text: string): OddLine {
  const gap = lost.exec(text);
  if (gap !== null && Number(gap[1]) <= 65535) {
    return {
      kind: "lost",
      cpu: Number(gap[1]),
      count: Math.min(Number(gap[2] ?? gap[3] ?? 0), Number.MAX_SAFE_INTEGER),
    };
  }
  if (text.startsWith("#")) {
    const [, inBuffer, written, cpus] = header.exec(text) ?? [];
    if (cpus !== undefined)
      return {
        kind: "overwritten",
        events: Number(written) - Number(inBuffer),
        inBuffer: Number(inBuffer),
        cpus: count(cpus),
      };
    const kernel = release.exec(text)?.[1];
    return kernel === undefined ? quiet : { kind: "kernel", release: kernel };
  }
  const cpus = /^cpus=(\d+)\s*$/.exec(text)?.[1];
  if (cpus !== undefined) return { kind: "cpus", cpus: count(cpus) };
  if (note.test(text) || rest.test(text)) return quiet;
  const why = stripped.find(([form]) => form.test(text))?.[1];
  return why === undefined ? { kind: "unknown" } : { kind: "stripped", why };
}

/** A number of CPUs; 0 when it is none that a machine has. */
function count(digits: string): number {
  const n = Number(digits);
  return n <= 65536 ? n : 0;
}
