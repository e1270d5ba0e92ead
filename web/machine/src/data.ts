/** What the report carries, read once: it never changes while the page is open. */
import type { MachinePageData } from "dmalab/report";
import type { Palette } from "../../shared/palette";

export const data = JSON.parse(document.getElementById("data")!.textContent!) as MachinePageData;

/** Events of each DMA, as indices. */
export const eventsOf: readonly (readonly number[])[] = (() => {
  const lists: number[][] = data.dmas.map(() => []);
  for (const [n, e] of data.events.entries()) lists[e.dma]?.push(n);
  return lists;
})();

/** DMAs that met with something that is wrong. */
export const troubled: ReadonlySet<number> = new Set(data.events.filter((e) => e.trouble === true).map((e) => e.dma));

export const colourOf = (palette: Palette, device: number): string =>
  device < 0 ? palette.others : (palette.devices[device] ?? palette.others);

export const nameOf = (device: number): string => data.devices[device]?.name ?? "no device";
