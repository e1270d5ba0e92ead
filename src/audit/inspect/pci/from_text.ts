/** The devices on the bus from text: QEMU's `info pci`, or lspci in any of its forms, several of them one after the other. */
import { Unreadable } from "../../../read/unreadable.js";
import type { PciDevice } from "./device.js";
import { fromLspci } from "./lspci.js";
import { fromTree } from "./lspci_tree.js";
import { fromMonitor, isMonitor } from "./monitor.js";
import { hasTree, pastedLines } from "./pasted.js";

/** @throws Unreadable when the text names no device. */
export function pciFromText(name: string, text: string): PciDevice[] {
  const lines = pastedLines(text);
  const tree = hasTree(lines) ? fromTree(lines) : [];
  const listed = isMonitor(lines) ? fromMonitor(lines) : fromLspci(lines);
  if (listed.length + tree.length === 0) {
    const first =
      lines
        .find((l) => l.trim() !== "")
        ?.trim()
        .slice(0, 40) ?? "";
    throw new Unreadable(
      name,
      "",
      "devices as `info pci` or `lspci -nnvv` prints them",
      first === "" ? "an empty file" : `"${first}"`,
    );
  }
  const unique = new Map<number, PciDevice>();
  for (const device of [...tree, ...listed]) {
    const key = device.segment * 65536 + device.requester;
    const buses = device.buses ?? unique.get(key)?.buses ?? null;
    unique.set(key, { ...device, buses });
  }
  return [...unique.values()].toSorted((a, b) => a.segment - b.segment || a.requester - b.requester);
}
