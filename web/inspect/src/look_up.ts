/** The answers to a search: who reaches a physical page, and where a device's address leads. */
import type { Asked } from "./address";
import { isWithin } from "./columns";
import { data, devicesOf, held, open, reaches } from "./data";

export interface Way {
  readonly device: number;
  /** Page of the device's own address; null: in a stretch of which this page does not carry the exact ranges. */
  readonly iova: number | null;
  readonly allow: number;
  /** The device is not translated. */
  readonly open: boolean;
  /** The range that it belongs to, in pages. */
  readonly range: { readonly iova: number; readonly paddr: number; readonly pages: number } | null;
}

export interface WhoAnswer {
  readonly held: boolean;
  readonly ways: readonly Way[];
}

export function whoReaches(page: number): WhoAnswer {
  const ways: Way[] = [];
  for (const [reach, { rows, rest }] of reaches.entries()) {
    const { iova, paddr, pages, allow, count } = rows;
    for (let row = 0; row < count; row++) {
      const within = page - paddr[row]!;
      if (within < 0 || within >= pages[row]!) continue;
      const range = { iova: iova[row]!, paddr: paddr[row]!, pages: pages[row]! };
      for (const device of devicesOf[reach]!) {
        ways.push({ device, iova: iova[row]! + within, allow: allow[row]!, open: false, range });
      }
    }
    if (rest === null || !isWithin(rest, page)) continue;
    for (const device of devicesOf[reach]!) ways.push({ device, iova: null, allow: 0, open: false, range: null });
  }
  ways.sort((a, b) => a.device - b.device || (a.iova ?? 0) - (b.iova ?? 0));
  for (const device of open) {
    ways.push({ device, iova: page, allow: data.devices[device]!.allow, open: true, range: null });
  }
  return { held: isWithin(held, page), ways };
}

export interface AtAnswer {
  /** The devices that the question names: one for each PASID. */
  readonly devices: readonly {
    readonly device: number;
    /** null: nothing is mapped there, or the device is not translated. */
    readonly way: (Way & { readonly paddr: number }) | null;
    /** Ranges of this device were cut: what is not found may be among those. */
    readonly cut: boolean;
  }[];
}

export function whereLeads(asked: Asked & { kind: "at" }): AtAnswer {
  const page = Number(asked.address >> 12n);
  const named = data.devices.flatMap((d, i) => {
    const first = asked.isStream ? d.stream : d.requester;
    const own = (asked.isStream || d.onBus) && first <= asked.requester && asked.requester < first + d.count;
    const fits = own && (asked.segment === null || asked.segment === d.segment);
    return fits && (asked.pasid === null || asked.pasid === d.pasid) ? [i] : [];
  });
  return { devices: named.map((device) => ({ device, way: wayOf(device, page), cut: isCut(device) })) };
}

const isCut = (device: number): boolean => {
  const { reach } = data.devices[device]!;
  return reach >= 0 && reaches[reach]!.rest !== null;
};

function wayOf(device: number, page: number): (Way & { readonly paddr: number }) | null {
  const { reach, allow } = data.devices[device]!;
  if (open.includes(device)) return { device, iova: page, paddr: page, allow, open: true, range: null };
  if (reach < 0) return null;
  const { rows } = reaches[reach]!;
  for (let row = 0; row < rows.count; row++) {
    const within = page - rows.iova[row]!;
    if (within < 0 || within >= rows.pages[row]!) continue;
    const range = { iova: rows.iova[row]!, paddr: rows.paddr[row]!, pages: rows.pages[row]! };
    return { device, iova: page, paddr: range.paddr + within, allow: rows.allow[row]!, open: false, range };
  }
  return null;
}
