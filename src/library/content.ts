/** What an input is, by its content, and which function answers questions about such things. */
import type { ByteSource } from "../read/bytes.js";
import { sniffImage } from "../read/image/image_form.js";
import { Unreadable } from "../read/unreadable.js";

export interface Content {
  readonly kind: "recording" | "log" | "image" | "machine" | "unknown";
  /** What one calls it: "an ELF core". */
  readonly words: string;
}

type Kind = Content["kind"];

const answers: Readonly<Record<Exclude<Kind, "unknown">, string>> = {
  recording: "replay() takes it, why() explains its refusals",
  log: "why() explains it",
  image: "inspect() says which device reaches which memory",
  machine: "runMachine() runs it",
};

const recordings: Readonly<Record<string, string>> = {
  "trace.dat": "a recording (trace.dat)",
  ftrace: "a recording (ftrace text)",
  "perf-script": "a recording (perf script text)",
};
const images = {
  elf: "an ELF core",
  kdump: "a kdump file",
  lime: "a LiME image",
  flattened: "a flattened dump",
} as const;

/** @param name of the file: a description is known by it, whatever its text says */
export async function contentOf(input: ByteSource, name: string): Promise<Content> {
  const image = sniffImage(input);
  // No text begins as an ELF file does: what tells texts apart is not needed.
  if (image === "elf" && isCore(input)) return { kind: "image", words: images[image] };
  const { sniff } = await import("../read/open/open.js");
  const text = sniff(input);
  if (Object.hasOwn(recordings, text)) return { kind: "recording", words: recordings[text]! };
  if (image !== null && image !== "elf") return { kind: "image", words: images[image] };
  const isMachine = /\.ya?ml(\.gz|\.zst)?$/i.test(name) || (await describesMachine(input));
  if (isMachine) return { kind: "machine", words: "a machine description" };
  return text === "kernel-log" ? { kind: "log", words: "a kernel log" } : { kind: "unknown", words: "something else" };
}

/** @throws Unreadable for what another function is there for. */
export function refuseOthers(content: Content, own: readonly Kind[], name: string): void {
  const { kind, words } = content;
  if (kind === "unknown" || own.includes(kind)) return;
  throw new Unreadable(name, "", own.map((k) => whatItIs[k]).join(" or "), `${words}: ${answers[kind]}`);
}

const whatItIs: Readonly<Record<Kind, string>> = {
  recording: "a recording",
  log: "a kernel log",
  image: "a memory image",
  machine: "a machine description",
  unknown: "anything",
};

/** Source: the ELF specification, e_type at byte 16, in the order that byte 5 tells; 4 is ET_CORE. */
function isCore(input: ByteSource): boolean {
  const bytes = new Uint8Array(18);
  input.read(0, bytes);
  return bytes[bytes[5] === 2 ? 17 : 16] === 4;
}

/** Descriptions are no longer. */
const describedMax = 65536;

/** YAML of nothing but a machine's keys. A line of a log can be such text; then its value is a text as well. */
async function describesMachine(input: ByteSource): Promise<boolean> {
  if (input.size > describedMax) return false;
  const bytes = new Uint8Array(input.size);
  const text = new TextDecoder().decode(bytes.subarray(0, input.read(0, bytes)));
  const { isMap, isScalar, parseDocument } = await import("yaml");
  const document = parseDocument(text, { logLevel: "silent" });
  // Aliases are not followed: what they stand for is refused where the description is read.
  if (document.errors.length > 0 || !isMap(document.contents)) return false;
  const { machineSchema } = await import("../lab/machine/description/schema.js");
  const known = Object.keys(machineSchema.shape);
  const { items } = document.contents;
  return (
    items.every(({ key }) => isScalar(key) && known.includes(`${key.value}`)) &&
    items.some(({ value }) => !isScalar(value) || typeof value.value !== "string")
  );
}
