/**
 * One line of a kernel log: its clock, and what the kernel said.
 *
 * What programs write in front of the kernel's words is taken off piece by piece, by a table: see `prefixes`.
 */

export interface LogLine {
  /** Microseconds since boot; null when the line shows no such clock. */
  readonly time: number | null;
  /** True when the line says that the kernel wrote it, by its clock or by `kernel:`. */
  readonly marked: boolean;
  readonly message: string;
}

/** The kernel's record of a line holds about 1 KiB; more is no kernel line, and no pattern has to read it. */
export const lineMax = 4096;

const escapeCharacter = String.fromCharCode(27);
const colour = new RegExp(`${escapeCharacter}[[0-9;]{0,16}[mK]`, "g");

/**
 * What a piece in front of a message tells.
 * - `boot`: the kernel's clock, seconds in group 1
 * - `kmsg`: the same in microseconds
 * - `mark`: only the kernel's lines carry this
 * - `date`: a clock of others, who may write here as well
 * - `kernel`: the kernel is named as the writer
 * - `nothing`: quotation, indentation, a file's name
 */
type Told = "boot" | "kmsg" | "mark" | "date" | "kernel" | "nothing";

interface Prefix {
  readonly told: Told;
  /** Sticky. */
  readonly pattern: RegExp;
}

const prefix = (told: Told, pattern: RegExp): Prefix => ({ told, pattern: new RegExp(pattern.source, "uy") });

/** The journal's and syslog's writer, with and without the host, and with BusyBox's level. */
const kernelNamed = /(?:[\w.:-]{1,64} )?(?:(?:kern|user)\.[a-z]{3,8} )?kernel(?:\[\d{1,10}\])?: ?/;
const day = /\p{L}{2,5}\.?/u.source;
/** Fewer decimals are those of a PCI function: "00:07:00.0". */
const clockOfDay = /\d\d:\d\d:\d\d(?:[.,]\d{3,9})?/.source;

/** By the character that a piece begins with: `0` stands for every digit, `a` for every letter. */
const prefixes: Readonly<Record<string, readonly Prefix[]>> = {
  " ": [prefix("nothing", /[ \t]+/)],
  "\t": [prefix("nothing", /[ \t]+/)],
  "\ufeff": [prefix("nothing", /\ufeff/)],
  // Mail, and mail in a web page.
  ">": [prefix("nothing", />/)],
  "&": [prefix("nothing", /&gt;/)],
  "|": [prefix("nothing", /\|(?= )/)],
  // Levels of printk and syslog; RFC 5424 has its version behind them.
  "<": [prefix("nothing", /<\d{1,3}>(?:1 (?=\d{4}-))?/)],
  // Xen's own lines keep their mark; its guests' carry their number.
  "(": [prefix("nothing", /\(d\d{1,5}\) /), prefix("nothing", /\(XEN\) (?=\[(?: *\d{1,12}\.\d|\d{4}-))/)],
  "[": [
    // Seconds since boot, perhaps with the time since the line before, and with the caller's thread or CPU behind them.
    prefix("boot", /\[ *(\d{1,12}\.\d{1,9})(?: <[ \d.+]{1,20}>)?\](?: ?\[ *[TC]\d{1,10}\])?[ \t]*/),
    // `dmesg -d`, `-H`.
    prefix("mark", /\[ *[+<] *\d{1,12}\.\d{1,9}>?\]/),
    prefix("mark", new RegExp(`\\[${day} ?${day}? +\\d{1,2} ${clockOfDay} \\d{4}\\]`)),
    prefix("mark", new RegExp(`\\[${day} ?\\d{1,2} \\d\\d:\\d\\d\\]`)),
    // A terminal's or a test machine's clock; the kernel's own stands behind it.
    prefix("nothing", new RegExp(`\\[(?:\\d{4}-\\d\\d-\\d\\d[T ])?${clockOfDay}(?:Z|[+-]\\d\\d:?\\d\\d)?\\]`)),
    prefix("nothing", /\[name:\w{1,40}&\]/),
  ],
  "0": [
    // A host that is named by its address.
    prefix("kernel", kernelNamed),
    prefix("date", new RegExp(`\\d{4}-\\d\\d-\\d\\d[T ]${clockOfDay}(?:Z|[+-]\\d\\d:?\\d\\d)?:? `)),
    prefix("date", new RegExp(`\\d{1,2}\\.? ${day} (?:\\d{4} )?${clockOfDay} `)),
    prefix("date", new RegExp(`${clockOfDay} `)),
    prefix("date", new RegExp(`\\d{2,4}[/.]\\d\\d[/.]\\d{2,4},? ${clockOfDay} `)),
    // `journalctl -o short-unix`, and Android's log.
    prefix("date", /\d{9,11}\.\d{3,9} /),
    prefix("date", new RegExp(`\\d\\d-\\d\\d ${clockOfDay} +\\d{1,7} +\\d{1,7} [VDIWEF] +(?:: )?`)),
    // `/dev/kmsg` and netconsole: level, number, clock.
    prefix("kmsg", /\d{1,5},\d{1,12},(\d{1,15}),[^;\s]{1,40};/),
    // A log taken out of a crashed machine's memory: where the line lay, and the kernel's clock.
    prefix("boot", /0x[0-9A-Fa-f]{6,16} \| +(\d{1,12}\.\d{1,9}): +/),
  ],
  a: [
    prefix("nothing", /kern +:[a-z]{3,8} *: /),
    prefix("nothing", /(?:kern|user|daemon|local\d)\.[a-z]{3,8} (?=kernel)/),
    prefix("nothing", /MESSAGE=/),
    prefix("kernel", kernelNamed),
    // RFC 5424: host, program, process, message, data.
    prefix("kernel", /[\w.-]{1,64} kernel \S{1,20} \S{1,20} (?:-|\[[^\]]{0,200}\]) /),
    prefix("date", new RegExp(`${day} +\\d{1,2} (?:\\d{4} )?${clockOfDay}(?: \\d{4})?:? `)),
    prefix("date", new RegExp(`${day} ${day} +\\d{1,2} ${clockOfDay} (?:[A-Z]{2,5} )?\\d{4}:? `)),
    prefix("date", new RegExp(`${day} \\d{4}-\\d\\d-\\d\\d ${clockOfDay} (?:[A-Z]{2,5}|[+-]\\d\\d(?::?\\d\\d)?) `)),
    // `grep`, with and without line numbers.
    prefix("nothing", /[\w./-]{0,80}(?:\.log|messages|syslog|dmesg|\.txt)[\w.-]{0,20}[:-](?:\d{1,9}[:-])?(?=[ <[\w])/),
    // `docker compose logs`.
    prefix("nothing", /[\w.-]{1,64} *\| /),
  ],
  "/": [prefix("nothing", /\/[\w./-]{1,80}[:-](?:\d{1,9}[:-])?(?=[ <[\w])/)],
};

/** Behind the kernel's clock only the journal still writes something: `host kernel: `. */
const afterClock = prefixes["a"]!.filter((row) => row.told === "kernel");

/** The rows of a character; null for most. */
const rowsOf: readonly (readonly Prefix[] | null)[] = Array.from({ length: 128 }, (_, code) => {
  const c = String.fromCharCode(code);
  if (/\d/.test(c)) return prefixes["0"]!;
  return /[A-Za-z]/.test(c) ? prefixes["a"]! : (prefixes[c] ?? null);
});

/** More pieces than this no line has; mails are quoted deeper than clocks are stacked. */
const piecesMax = 24;

/** Where the message of a line begins, and what stands before it says. Reused from line to line. */
const head = { at: 0, time: null as number | null, marked: false, dated: false, named: false };

/** Take the pieces in front of a message off; the outcome is in `head`. */
function readHead(text: string): void {
  head.at = 0;
  head.time = null;
  head.marked = head.dated = head.named = false;
  for (let i = 0; i < piecesMax; i++) {
    const code = text.charCodeAt(head.at);
    const rows = code < 128 ? rowsOf[code] : code === 0xfeff ? prefixes["\ufeff"] : code > 128 ? prefixes["a"] : null;
    if (rows == null) return;
    const isAfterClock = head.time !== null && rows === prefixes["a"];
    if (isAfterClock && !text.includes("kernel", head.at)) return;
    if (!readPiece(isAfterClock ? afterClock : rows, text)) return;
  }
}

function readPiece(rows: readonly Prefix[], text: string): boolean {
  for (const { told, pattern } of rows) {
    pattern.lastIndex = head.at;
    if (told === "boot" || told === "kmsg") {
      const m = pattern.exec(text);
      if (m === null) continue;
      head.time = Math.round(Number(m[1]) * (told === "boot" ? 1e6 : 1));
      head.marked = true;
    } else {
      if (!pattern.test(text)) continue;
      if (told === "date") head.dated = true;
      else if (told === "mark") head.marked = true;
      else if (told === "kernel") head.marked = head.named = true;
    }
    head.at = pattern.lastIndex;
    return true;
  }
  return false;
}

const writer = /^(?:[\w.-]{1,64} )?([\w./@-]{1,64})(?:\[(\d{1,10})\])?: /;
/** What stands before a colon when the kernel speaks of itself or of a device, and no program is named so. */
const kernelSubject =
  /^(?:DMAR(?:-IR)?|DMA|DMA-API|AMD-Vi|INTR-REMAP|iommu|swiotlb|xen|software|\w{0,40}(?:swiotlb|iommu|dmar|smmu)\w{0,40}|[\w.-]{0,40}[.:]\w[\w.:-]{0,40}|\d{1,3}-\d[\d.:]{0,20}|[a-z]{2,12}\d{1,4})$/;
/** How the kernel's messages of DMA begin. */
const kernelSpeaks =
  /^(?:\(XEN\) |swiotlb|software IO TLB|DMA[ -:]|DMAR|AMD-Vi|overflow |event[ :]|Unhandled|Unexpected|\t?0x)/;

/** @returns null for a line that someone else than the kernel wrote. */
export function splitLogLine(given: string): LogLine | null {
  let text = given.length > lineMax ? given.slice(0, lineMax) : given;
  if (text.includes(escapeCharacter)) text = text.replace(colour, "");
  readHead(text);
  const { time, marked, dated, named } = head;
  const message = text.startsWith("(XEN) ") && head.at > 0 ? `(XEN) ${text.slice(head.at)}` : text.slice(head.at);
  if (dated && !named && time === null && isOthers(message)) return null;
  return { time, marked: marked || dated, message };
}

/**
 * A dated line is the journal's or syslog's, where programs write, too: `host program[12]: `. With `dmesg --time-format
 * iso` the same place holds `driver device: `.
 */
function isOthers(message: string): boolean {
  const by = writer.exec(message);
  if (by === null) return false;
  if (by[2] !== undefined) return true;
  if (!by[0].slice(0, -2).includes(" ")) return false;
  return !kernelSubject.test(by[1]!) && !kernelSpeaks.test(message.slice(by[0].length));
}
