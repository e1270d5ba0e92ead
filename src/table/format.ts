/** A radix table format as data. */

export type FormatName =
  | "vtd-ss"
  | "vtd-fs"
  | "amdvi-v1"
  | "amdvi-v2"
  | "smmu-s1-4k"
  | "smmu-s1-16k"
  | "smmu-s1-64k"
  | "smmu-s2-4k"
  | "smmu-s2-16k"
  | "smmu-s2-64k";
