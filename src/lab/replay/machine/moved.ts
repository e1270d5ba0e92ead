/**
 * What became of buffers whose bus address is not their physical one, in a recording that has dma:* events alone: a
 * bounce and a translation look alike there, and only the machine's log or the addresses tell which it was.
 *
 * Source: Linux kernel/dma/direct.h (a direct mapping's address), drivers/iommu/dma-iommu.c (addresses are given out from
 * below 4 GiB, and the buffers of a list are merged).
 */
import { EventKind } from "../../../read/event.js";
import type { FirstReading } from "./first_reading.js";
import { isArm64, type LogFacts } from "./log_facts.js";

/** Fewer buffers that lie equally far from their bus addresses may do so by chance. */
const fewMoved = 20;

/** told: the recording's own events show it. */
export type Moved = "told" | "bounced" | "translated" | "unknown";

/**
 * @param kernel the release that the recording itself says
 * @param isXen whether bus addresses are a hypervisor's
 */
export function movedAre(
  firstReading: FirstReading,
  log: LogFacts | null,
  kernel: string | null,
  isXen: boolean,
): Moved {
  const { kinds } = firstReading;
  const { bounced, iommuMap, iommuUnmap, iommuDevice, iommuFault, iommuDetached, iommuJoined, iommuLeft } = EventKind;
  const ofGroups = [iommuDetached, iommuJoined, iommuLeft];
  const tells = [bounced, iommuMap, iommuUnmap, iommuDevice, iommuFault, ...ofGroups].some((kind) => kinds[kind]! > 0);
  if (isXen || tells || firstReading.shows !== "mappings") return "told";
  if (firstReading.merged || (firstReading.inFirmware && !isArm64(log, kernel))) return "translated";
  // Devices that see memory at an offset, as on some boards.
  if (firstReading.movedBy < 2) return firstReading.moved < fewMoved ? "unknown" : "translated";
  if (log?.iommus === undefined || log.kernel === null) return "unknown";
  if (log.iommus.length === 0) return "bounced";
  // VT-d is found, and translates only where it is asked to.
  const translates = log.iommus.some((unit) => unit !== "vtd") && log.iommuDefault !== "Passthrough";
  return translates ? "translated" : "unknown";
}

export const movedWords =
  "bounced or translated: the recording has neither swiotlb nor iommu events (-e swiotlb -e iommu), and no log decides";
