/** Structures whose entries are replaced, by the name that a command line gives them. */

export const structures = {
  vtd: "entries of PASID tables: VT-d in scalable mode",
  "vtd-legacy": "context entries: VT-d in legacy mode",
  amdvi: "entries of the device table: AMD-Vi",
  "amdvi-pasid": "entries of GCR3 tables: AMD-Vi, one PASID",
  smmuv3: "stream table entries: SMMUv3",
  "smmuv3-cd": "context descriptors: SMMUv3",
} as const;
export type StructureName = keyof typeof structures;
export const structureNames = Object.keys(structures) as readonly StructureName[];

/** Whose unit it is. */
export const vendorOf = (structure: StructureName): "vtd" | "amdvi" | "smmuv3" =>
  structure.split("-")[0] as "vtd" | "amdvi" | "smmuv3";
