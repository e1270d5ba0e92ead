/** Names of the firmware's tables that are read, as memory holds them. */

export const tableNames = ["DMAR", "IVRS", "IORT", "VIOT", "MCFG", "APIC", "HPET", "TPM2"] as const;
export type TableName = (typeof tableNames)[number];

/** `DMAR` as a little-endian word. */
export const codeOf = (name: string): number => [...name].reduce((n, c, i) => n + c.charCodeAt(0) * 2 ** (8 * i), 0);

/**
 * Xen writes another name over DMAR, so that dom0 leaves the units alone. The letters are the same, and so is the checksum.
 * Source: Xen, drivers/passthrough/vtd/dmar.c, acpi_dmar_zap.
 */
export const hiddenDmar = "RMAD";

/** The name of the table that each word begins. */
export const nameByCode: ReadonlyMap<number, TableName> = new Map<number, TableName>([
  ...tableNames.map((name) => [codeOf(name), name] as const),
  [codeOf(hiddenDmar), "DMAR"],
]);
