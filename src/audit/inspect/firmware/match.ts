/** The units that firmware lists and those that an inspection has: which are the same, in the order of the kernel. */
import type { UnitRoot } from "../../../table/device/index.js";
import type { AcpiReading, AcpiUnit } from "../acpi/acpi_tables.js";

/**
 * Which of the units each one of the firmware is; -1 for none: by the address of its registers, and where only a scan
 * found tables, the only unit of a kind is the only one found.
 */
export function matched(listed: readonly AcpiUnit[], units: readonly UnitRoot[]): number[] {
  return listed.map((acpi) => {
    const byRegisters = units.findIndex((u) => u.registersAt !== null && u.registersAt === acpi.registersAt);
    if (byRegisters >= 0) return byRegisters;
    const alike = [...units.keys()].filter((i) => units[i]!.kind === acpi.kind && units[i]!.registersAt === null);
    const only = listed.filter((a) => a.kind === acpi.kind).length === 1 && alike.length === 1;
    return only ? alike[0]! : -1;
  });
}

/** The units in the order in which the kernel finds them, with its names and their segments; then those of which firmware says nothing. */
export function inKernelOrder(units: readonly UnitRoot[], acpi: AcpiReading | null): readonly UnitRoot[] {
  if (acpi === null) return units;
  const found = matched(acpi.units, units);
  const listed = acpi.units.flatMap((a, n) => {
    const unit = units[found[n]!];
    return unit === undefined ? [] : [{ ...unit, segment: a.segment, name: a.name ?? null }];
  });
  return [...listed, ...units.filter((_, i) => !found.includes(i))];
}
