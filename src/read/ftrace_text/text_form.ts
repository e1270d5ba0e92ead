/** What the tools that print events differ in. */
import type { SourceFormat } from "../event.js";

/** How a tool writes what precedes an event. */
export interface TextForm {
  readonly format: SourceFormat;
  /** What a line is meant to look like, for messages. */
  readonly line: string;
  /** @returns "comm-pid" from the text before `[cpu]`, null when it is no task. */
  task(text: string): string | null;
}
