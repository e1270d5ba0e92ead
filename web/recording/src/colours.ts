/** Which device has which colour. */
import type { DeviceOutcome } from "dmalab/report";
import { light, type Palette } from "../../shared/palette.js";

export { dark, light, type Palette, pixelOf } from "../../shared/palette.js";

/** For each device its place in the palette, -1 = one of the others. Those that held most slots come first. */
export function devicePlaces(devices: readonly DeviceOutcome[]): number[] {
  const places = new Array<number>(devices.length).fill(-1);
  const order = devices.map((_, device) => device).sort((a, b) => devices[b]!.slotsPeak - devices[a]!.slotsPeak);
  order.slice(0, light.devices.length).forEach((device, place) => {
    places[device] = place;
  });
  return places;
}

/** @param device index of a device; -1 = a mapping of unknown origin. */
export function deviceColour(palette: Palette, places: readonly number[], device: number): string {
  const place = places[device];
  return place === undefined ? palette.unknown : place === -1 ? palette.others : palette.devices[place]!;
}
