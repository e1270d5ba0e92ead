/** Lines that an engine logs; the first thousand are kept, so that a device that fails for ever does not fill memory. */
const logLinesMax = 1000;

export class EngineLog {
  readonly lines: string[] = [];

  say(line: string): void {
    if (this.lines.length < logLinesMax) this.lines.push(line);
  }

  once(line: string): void {
    if (!this.lines.includes(line)) this.say(line);
  }
}
