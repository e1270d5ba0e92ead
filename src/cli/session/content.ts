/** Which verb answers questions about an input. */
import { type Content, contentOf } from "../../library/content.js";
import type { Input } from "../files/input.js";
import { AskedWrongly } from "../host/misuse.js";

export { contentOf } from "../../library/content.js";

type Kind = Content["kind"];

/** What to do with each. @param file as one would write it on the command line */
const answers: Readonly<Record<Exclude<Kind, "unknown">, (file: string) => string>> = {
  recording: (file) => `dmalab run ${file} replays it, dmalab why --trace ${file} explains its refusals`,
  log: (file) => `dmalab why ${file} explains it`,
  image: (file) => `dmalab inspect ${file} says which device reaches which memory`,
  machine: (file) => `dmalab run ${file} runs it`,
};

/** @throws AskedWrongly for what another verb is there for. */
export function refuseOthers({ kind, words }: Content, own: readonly Kind[], name: string): void {
  if (kind === "unknown" || own.includes(kind)) return;
  throw new AskedWrongly(`${name === "-" ? "standard input" : name} is ${words}: ${answers[kind](name)}`);
}

/** @throws AskedWrongly for a file named as a kernel log that is something else. */
export async function refuseNoLog(input: Input, name: string): Promise<void> {
  const { kind, words } = await contentOf(input, name);
  if (kind === "unknown" || kind === "log") return;
  throw new AskedWrongly(`--dmesg ${name} is ${words}: it takes the kernel's log, as dmesg prints it`);
}
