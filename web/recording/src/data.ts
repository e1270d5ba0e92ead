/** What the report carries, read once: it never changes while the page is open. */
import type { PageData } from "dmalab/report";
import { devicePlaces } from "./colours";
import { decodeRuns } from "./runs";

export const data = JSON.parse(document.getElementById("data")!.textContent!) as PageData;

/** Each device's place in the palette. */
export const places = devicePlaces(data.devices);

/** Cells of the slot map, empty without one. */
export const cells =
  data.slotMap === null ? new Uint8Array(0) : decodeRuns(data.slotMap.cells, data.slotMap.columns * data.slotMap.rows);
