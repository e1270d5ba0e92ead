/** What the page carries, read once: it never changes while the page is open. */
import type { InspectPage } from "dmalab/report";
import { decodeBlocks, decodeRows } from "./columns";
import { countPages, type Reached, sweep } from "./sweep";

export const data = JSON.parse(document.getElementById("data")!.textContent!) as InspectPage;

export const reaches: readonly Reached[] = data.reaches.map((reach) => ({
  rows: decodeRows(reach.rows, reach.carried),
  rest: reach.rest === null ? null : decodeBlocks(reach.rest.packed, reach.rest.count),
}));

export const held = decodeBlocks(data.held, data.heldCount);

/** Everything, whoever is hidden on the map. */
export const whole = sweep(reaches, () => false);
export const counts = countPages(whole);

/** Devices of each reach, as indices. */
export const devicesOf: readonly (readonly number[])[] = data.reaches.map((_, reach) =>
  data.devices.flatMap((device, i) => (device.reach === reach ? [i] : [])),
);

/** Devices that no table confines. */
export const open: readonly number[] = data.devices.flatMap((d, i) =>
  (d.state === "identity" || d.state === "bypass") && d.allow !== 0 ? [i] : [],
);

/** Reaches in the order of their colours: those that reach most come first. */
export const byColour: readonly number[] = data.reaches
  .map((_, i) => i)
  .filter((i) => data.reaches[i]!.total > 0)
  .sort((a, b) => (counts.own.get(b) ?? 0) - (counts.own.get(a) ?? 0));

export function nameOf(device: number): string {
  const { name, last, count, pasid } = data.devices[device]!;
  const own = pasid === null || pasid === 0 ? name : `${name}/${pasid}`;
  return count > 1 ? `${own} to ${last}` : own;
}

/** The devices of a reach: `0000:00:1f.0 and 2 more`. */
export function reachName(reach: number): string {
  const own = devicesOf[reach]!;
  const first = own.length === 0 ? "no device" : nameOf(own[0]!);
  return own.length < 2 ? first : `${first} and ${own.length - 1} more`;
}

export const permWords = ["--", "r-", "-w", "rw"] as const;
