/**
 * Register values of IOMMUs, as a file gives them, into blocks of words.
 *
 * The form: `{ "kind": "vtd" | "amdvi" | "smmuv3", "registers": { "0xfed90000": "0x0000000000000010", … } }`, values by
 * physical address; or a list of such objects. Values are of 64 bits, or of 32 where any address of the object is an
 * odd multiple of four. Blocks of several units may stand in one object.
 */

import * as z from "zod";
import { amdviBlockBytes } from "../../spec/amdvi/registers.js";
import { smmuPageBytes } from "../../spec/smmuv3/registers.js";
import { vtdBlockBytes } from "../../spec/vtd/registers.js";
import { Unreadable } from "../unreadable.js";
import { blocksOf, type RegisterBlock } from "./register_block.js";

/** Register blocks begin at multiples of this. */
const blockBytes = { vtd: vtdBlockBytes, amdvi: amdviBlockBytes, smmuv3: smmuPageBytes } as const;
const kinds = ["vtd", "amdvi", "smmuv3"] as const;

/** The registers of one object of a file. */
export interface RegisterDump {
  readonly kind: (typeof kinds)[number];
  /** Which object of the file, for messages; empty where it is the only one. */
  readonly where: string;
  /** In ascending order of their addresses. */
  readonly blocks: readonly RegisterBlock[];
}

const dump = z.object({
  kind: z.enum(kinds),
  registers: z.record(z.string(), z.union([z.string(), z.number()])),
});

/**
 * @param name of the file, for messages
 * @param text of the file
 * @throws Unreadable in one line when the text is not of the form, each object when its turn comes.
 */
export function* registerDumps(name: string, text: string): Generator<RegisterDump> {
  const parsed = json(name, text);
  for (const [index, value] of (Array.isArray(parsed) ? parsed : [parsed]).entries()) {
    const where = Array.isArray(parsed) ? `entry ${index}` : "";
    const checked = dump.safeParse(value);
    if (!checked.success) throw wrongForm(name, where, value, checked.error);
    const { kind, registers } = checked.data;
    yield { kind, where, blocks: blocksOf(name, registers, blockBytes[kind]) };
  }
}

function json(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const began = text
      .trimStart()
      .slice(0, 20)
      .replaceAll(/[^ -~]/g, "·");
    const where = /position (\d+)/.exec(String(error))?.[1];
    throw new Unreadable(
      name,
      where === undefined ? "" : `offset ${where}`,
      'JSON with "kind" and "registers"',
      began === "" ? "an empty file" : `text that begins "${began}"`,
    );
  }
}

function wrongForm(name: string, where: string, value: unknown, error: z.ZodError): Unreadable {
  const issue = error.issues[0]!;
  const path = issue.path.join(".");
  const place = [where, path].filter((s) => s !== "").join(": ");
  if (path === "kind") {
    const kind = (value as { kind?: unknown }).kind;
    return new Unreadable(
      name,
      place,
      `one of ${kinds.join(", ")}`,
      kind === undefined ? "nothing" : JSON.stringify(kind).slice(0, 40),
    );
  }
  const expected = path.startsWith("registers")
    ? "register values by physical address"
    : 'an object with "kind" and "registers"';
  return new Unreadable(
    name,
    place,
    expected,
    found(path === "" ? value : (value as Record<string, unknown>)[String(issue.path[0])]),
  );
}

function found(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  return value === null ? "null" : `a value of type ${typeof value}`;
}
