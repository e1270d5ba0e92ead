/** The bundled memory images, their registers, and the truth that stands beside them. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { type Inspected, inspectImage } from "../../../src/audit/inspect/image/inspect_image.js";
import { unitsFromRegisters } from "../../../src/audit/inspect/registers/units_from_registers.js";
import { memorySource, openImage } from "../../../src/read/index.js";

export const captures = ["amdvi", "smmuv3", "vtd-ats", "vtd-legacy-strict", "vtd-scalable", "vtd-scalable-fs"] as const;
export type Capture = (typeof captures)[number];

export const imageBytes = (name: Capture): Uint8Array => gunzipSync(readFileSync(`fixtures/${name}/mem.elf.gz`));
export const registersText = (name: Capture): string => readFileSync(`fixtures/${name}/mem.registers.json`, "utf8");

export async function inspected(
  name: Capture,
  bytes = imageBytes(name),
  text = registersText(name),
): Promise<Inspected> {
  const image = await openImage(memorySource("mem.elf", bytes));
  const { units, notes } = unitsFromRegisters("mem.registers.json", text);
  return inspectImage({ file: "mem.elf", image, units, registerNotes: notes, notes: [] });
}

/** One line that begins with map. */
export interface TrueMapping {
  readonly bdf: string;
  readonly pasid: number | null;
  readonly stage: string;
  readonly iova: number;
  readonly paddr: number;
  readonly bytes: number;
  readonly perm: string;
}

export interface Truth {
  readonly mappings: readonly TrueMapping[];
  /** Lines that begin with dev, pasid or cd: kind, device with its segment, the rest. */
  readonly entries: readonly (readonly [kind: string, bdf: string, rest: string])[];
}

export function truthOf(name: Capture): Truth {
  const text = gunzipSync(readFileSync(`fixtures/${name}/mem.mappings.txt.gz`)).toString();
  const lines = text.split("\n").filter((l) => l !== "" && !l.startsWith("#"));
  const mappings = lines
    .filter((l) => l.startsWith("map "))
    .map((l): TrueMapping => {
      const [, bdf, pasid, stage, iova, paddr, bytes, perm] = l.split(" ");
      return {
        bdf: `0000:${bdf}`,
        pasid: pasid === "-1" ? null : Number(pasid),
        stage: stage!,
        iova: Number(iova),
        paddr: Number(paddr),
        bytes: Number(bytes),
        perm: perm!,
      };
    });
  const entries = lines
    .filter((l) => !l.startsWith("map "))
    .map((l) => {
      const [kind, bdf, ...rest] = l.split(" ");
      return [kind!, `0000:${bdf}`, rest.join(" ")] as const;
    });
  return { mappings, entries };
}
