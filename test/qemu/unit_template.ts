/** What a unit under test can do, from its own registers and through the reader of register files. */
import { unitsFromRegisters } from "../../src/audit/inspect/registers/units_from_registers.js";
import type { UnitKind, UnitRoot } from "../../src/table/device/index.js";
import type { Qtest } from "./qtest.js";

/** @param offsets of 32-bit registers, and of both halves of wider ones */
export async function unitTemplate(
  qtest: Qtest,
  kind: UnitKind,
  base: number,
  offsets: readonly number[],
): Promise<UnitRoot> {
  const names = offsets.map((offset) => `0x${(base + offset).toString(16)}`);
  const answers = await qtest.send(names.map((name) => `readl ${name}`));
  const registers = Object.fromEntries(names.map((name, n) => [name, answers[n]!]));
  const text = JSON.stringify({ kind, registers });
  return { ...unitsFromRegisters("QEMU", text).units[0]!, translating: true };
}
