/**
 * QEMU's own account of a guest's physical addresses: which pieces of which RAM block lie where, and where IOMMUs
 * have their registers. Source: the text of `info mtree -f`, the flat view of the address space "memory".
 */
import { Unreadable } from "../../../read/unreadable.js";
import type { UnitKind } from "../../../table/device/attachment.js";

/** Bytes of a RAM block, and where the guest sees them. */
export interface RamPiece {
  /** Name of the block: the id of its memory backend, or `pc.ram`, `mach-virt.ram` … */
  readonly block: string;
  /** Byte offset within the block. */
  readonly offset: number;
  /** Physical address. */
  readonly address: number;
  readonly bytes: number;
}

export interface UnitAt {
  readonly kind: UnitKind;
  /** Physical address of the register block. */
  readonly address: number;
  readonly bytes: number;
}

export interface AddressMap {
  /** Ascending by address. */
  readonly ram: readonly RamPiece[];
  readonly units: readonly UnitAt[];
}

/** QEMU's names of register blocks. */
const unitNames: Readonly<Record<string, UnitKind>> = {
  intel_iommu: "vtd",
  "amdvi-mmio": "amdvi",
  "arm-smmuv3": "smmuv3",
};

/** `  0000000000100000-000000007fffffff (prio 0, ram): m0 @0000000000100000` */
const row = /^\s+([0-9a-f]{8,16})-([0-9a-f]{8,16}) \(prio -?\d+, (\S+)\): (.+?)(?: @([0-9a-f]+))?(?: KVM)?$/;

/**
 * @param name what messages call the guest
 * @throws Unreadable when the text has no flat view of "memory" or no RAM in it.
 */
export function addressMap(name: string, mtree: string): AddressMap {
  const view = mtree.split(/^FlatView #/m).find((part) => /^ AS "memory", root: /m.test(part));
  if (view === undefined) throw new Unreadable(name, '"info mtree -f"', 'a flat view of "memory"', "none");
  const ram: RamPiece[] = [];
  const units: UnitAt[] = [];
  for (const line of view.split("\n")) {
    const [, from, to, type, owner, at] = row.exec(line) ?? [];
    if (from === undefined) continue;
    const address = Number.parseInt(from, 16);
    const bytes = Number.parseInt(to!, 16) - address + 1;
    const kind = type === "i/o" && Object.hasOwn(unitNames, owner!) ? unitNames[owner!] : undefined;
    if (kind !== undefined) units.push({ kind, address, bytes });
    // A block shows as "rom" where the chipset write-protects it; its bytes are the block's all the same.
    if (type !== "ram" && type !== "rom") continue;
    ram.push({ block: owner!, offset: at === undefined ? 0 : Number.parseInt(at, 16), address, bytes });
  }
  if (ram.length === 0) throw new Unreadable(name, '"info mtree -f"', "RAM in the guest's memory", "none");
  return { ram, units };
}
