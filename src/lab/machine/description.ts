/**
 * A machine as its description says: YAML with a schema, every field with a default.
 *
 * What is wrong is said with line, column, what was given and what is allowed.
 */
import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { Unreadable } from "../../read/unreadable.js";
import { parseSwiotlb } from "../../sw/swiotlb/index.js";

/** Text longer than this describes no machine. */
const charsMax = 1 << 20;

const bdf = z.string().regex(/^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/, "a device address such as 0000:00:03.0");
const mask = z.number().int().nonnegative();

const device = z.strictObject({
  bdf,
  driver: z.string().min(1).optional(),
  /** Address bits that the device can put on the bus. */
  mask: z.number().int().min(1).max(64).optional(),
  minAlignMask: mask.max(0x3ffff).optional(),
  /** Segment boundary in bytes, a power of two. */
  boundary: z
    .number()
    .int()
    .min(4096)
    .refine((n) => Number.isInteger(Math.log2(n)), "a power of two")
    .optional(),
});

const swiotlb = z.strictObject({
  slots: z
    .number()
    .int()
    .min(1)
    .max(2 ** 22)
    .optional(),
  areas: z.number().int().min(1).max(1024).optional(),
  mode: z.enum(["auto", "force", "off"]).default("auto"),
});

export const machineSchema = z.strictObject({
  /** Behaviour profile: a kernel's release. */
  kernel: z
    .string()
    .regex(/^\d+\.\d+/, "a kernel release such as 7.2")
    .optional(),
  cpus: z.number().int().min(1).max(8192).optional(),
  swiotlb: swiotlb.optional(),
  devices: z.array(device).default([]),
});

export type MachineDescription = z.infer<typeof machineSchema>;

/** The pool that the description asks for, rounded as the kernel rounds; null when it asks for none. */
export function describedPool(m: MachineDescription, recorded: { cpus: number; areas: number; slots: number }) {
  if (m.swiotlb === undefined || m.swiotlb.mode === "off") return null;
  const { slots = recorded.slots, areas, mode } = m.swiotlb;
  const cpus = m.cpus ?? recorded.cpus;
  const read = parseSwiotlb(areas === undefined ? `${slots}` : `${slots},${areas}`, { cpus });
  return { slots: read.slots, areas: read.areas, forced: mode === "force" };
}

/**
 * @param name what messages call the text: its file's name
 * @throws Unreadable with line and column for text that is no YAML or breaks the schema.
 */
export function readMachine(name: string, text: string): MachineDescription {
  if (text.length > charsMax) throw new Unreadable(name, "", `at most ${charsMax} characters`, `${text.length}`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `line ${line}, column ${col}`;
  };
  const broken = document.errors[0];
  if (broken !== undefined) throw new Unreadable(name, place(broken.pos[0]), "YAML", broken.message);
  const result = machineSchema.safeParse(document.toJS({ maxAliasCount: 0 }) ?? {});
  if (result.success) return distinct(name, result.data);
  const issue = result.error.issues[0]!;
  const unknown = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const path = unknown === undefined ? issue.path : [...issue.path, unknown];
  const node = document.getIn(path, true) as { range?: readonly number[] | null } | undefined;
  const where = place(node?.range?.[0] ?? 0);
  throw new Unreadable(name, where, allowed(issue, path), found(document.getIn(path)));
}

function allowed(issue: z.core.$ZodIssue, path: readonly PropertyKey[]): string {
  const key = path.map(String).join(".");
  if (issue.code === "unrecognized_keys") return `one of the known keys (${known(issue.path)}) instead of ${key}`;
  const words = issue.message.replace(/^Invalid (input|option|string): ?/, "").replace(/^expected /, "");
  return `${key === "" ? "a machine" : key} to be ${words}`;
}

/** Keys that are allowed where an unknown one stands. */
function known(path: readonly PropertyKey[]): string {
  const schemas = { swiotlb, devices: device } as const;
  const at = schemas[String(path[0]) as keyof typeof schemas] ?? machineSchema;
  return Object.keys(at.shape).join(", ");
}

function found(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value).slice(0, 80);
}

function distinct(name: string, m: MachineDescription): MachineDescription {
  const seen = new Set<string>();
  for (const d of m.devices) {
    if (seen.has(d.bdf)) throw new Unreadable(name, "", "each device once", `two at ${d.bdf}`);
    seen.add(d.bdf);
  }
  return m;
}
