/**
 * The records of `lspci -vmm`, a field to a line and an empty line between devices, as the lines of `lspci -mm`.
 *
 * Source: pciutils 3.10, lspci.c (show_machine): `Slot:` begins a record, in the older form (`-vm`) `Device:`.
 */

const begin = /^\s*(?:Slot|Device):\s+((?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$/i;
const field = /^\s*(Class|Vendor|Device):\s+(\S.*)$/;

/** Lines that belong to no record stay as they are. */
export function recordsAsLines(lines: readonly string[]): string[] {
  const out: string[] = [];
  let record: { at: number; slot: string; fields: Map<string, string> } | null = null;
  for (const line of lines) {
    const slot = begin.exec(line)?.[1];
    const [, name, value] = field.exec(line) ?? [];
    if (slot !== undefined) record = { at: out.length, slot, fields: new Map() };
    else if (line.trim() === "") record = null;
    else if (record !== null && name !== undefined) record.fields.set(name, value!);
    if (record === null || (slot === undefined && name === undefined)) out.push(line);
    else out[record.at] = machineLine(record.slot, record.fields);
  }
  return out;
}

const machineLine = (slot: string, fields: ReadonlyMap<string, string>): string =>
  [slot, ...["Class", "Vendor", "Device"].map((name) => `"${(fields.get(name) ?? "").replaceAll('"', "'")}"`)].join(
    " ",
  );
