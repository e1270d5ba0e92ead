/**
 * Lines as they were before someone broke them: mail wraps at 72 to 78 characters, forums and terminals at others, and
 * quoted-printable text breaks anywhere and writes `=` at the break.
 */
import { joinedLines } from "./forms.js";
import { splitLogLine } from "./log_line.js";

/** Quoted-printable text has no longer lines (RFC 2045, 6.7); a reply adds its marks. */
const quotedPrintableMax = 84;
/** A message is broken into no more. */
const partsMax = 4;
/** What stands before the message of a line that is no continuation: a clock, perhaps quoted. */
const dated =
  /[\s>\ufeff]*(?:<\d{1,3}>)?(?:\[ *(?:\d{1,12}\.\d|[+<] *\d|\d{4}-\d\d-|\d\d:\d\d:\d\d)|\[\p{L}{2,5}\.? ?(?:\p{L}{2,5}\.? )? ?\d{1,2} \d\d:\d\d|\p{L}{3,5} [ \d]\d \d\d:|\p{L}{3} \p{L}{3} [ \d]\d |\d{4}-\d\d-\d\d[T ]|\d\d:\d\d:\d\d(?:[.,]\d{3,9})? |kern {0,2}:)/uy;

/** A reply's marks in front of a line; what follows them may be a space of the text itself. */
const quoted = /^(?:(?:>|&gt;) ?)*/;

export function isDated(text: string): boolean {
  dated.lastIndex = 0;
  return dated.test(text);
}

/** A line that may be the beginning of a broken one. */
export class WholeLine {
  #text = "";
  #parts = 0;
  /** The last part goes on in the next line whatever it says. */
  #soft = false;

  /** Begin with a line. */
  begin(text: string): void {
    this.#text = text;
    this.#parts = 1;
    this.#soft = isSoftBroken(text);
  }

  /** Add the line that follows. @returns false when it is another line. */
  add(next: string): boolean {
    if (this.#parts === 0 || this.#parts >= partsMax || isDated(decoded(next))) return false;
    const soft = isSoftBroken(next);
    const joined = this.#soft ? withoutBreak(this.#text) + next.replace(quoted, "") : this.#formWith(next, soft);
    if (joined === null) return false;
    this.#text = joined;
    this.#parts++;
    this.#soft = soft;
    return true;
  }

  /** The two as one line when the second goes on with a message of the first. */
  #formWith(next: string, soft: boolean): string | null {
    const message = splitLogLine(decoded(soft ? withoutBreak(next) : next))?.message ?? "";
    const joined = joinedLines(decoded(this.#text).replace(/=20\s*$/, " "), message);
    return joined !== null && soft ? `${joined}=` : joined;
  }

  /** True while nothing was added. */
  get isAsRead(): boolean {
    return this.#parts === 1;
  }

  /** True when the line ends as quoted-printable text breaks. */
  get isSoft(): boolean {
    return this.#soft;
  }

  /** The whole line; "" when there is none. */
  take(): string {
    const text = this.#text;
    this.#text = "";
    this.#parts = 0;
    return decoded(text);
  }
}

const withoutBreak = (text: string): string => text.replace(/=\s*$/, "");

function isSoftBroken(text: string): boolean {
  return text.length <= quotedPrintableMax && text.includes("=") && /[^=]=\s*$/.test(text);
}

const encoded = /=(?:C2=A0|3D|5B|5D|09)/;

/**
 * Quoted-printable text as it was. Kernels print hexadecimal digits in small letters, so that `=3D` is no value; `=C2=A0`
 * is a space that does not break.
 */
function decoded(text: string): string {
  if (!encoded.test(text)) return text;
  return text
    .replace(/=C2=A0/g, " ")
    .replace(/=(?:3D|5B|5D|09)/g, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
}
