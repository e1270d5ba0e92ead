/** Devices and places as findings name them. */
import { countWords } from "../../../base/count_words.js";
import { hex } from "../../../base/hex.js";
import { bytesInWords } from "../../words/quantity.js";
import { deviceName } from "../device_name.js";
import type { DeviceReach } from "../facts/inspection.js";
import type { Stretch } from "../stretch.js";

/** `0000:00:03.0`, `0000:00:03.0 PASID 5`. */
export function reachName(device: DeviceReach): string {
  const name = deviceName(device);
  return device.pasid === null || device.pasid === 0 ? name : `${name} PASID ${device.pasid}`;
}

const namesMax = 6;

/** `0000:00:01.0, 0000:00:02.0 and 240 more`. @param count how many there are in all, of which `names` are the first */
export function someOf(names: readonly string[], count = names.length): string {
  if (count > namesMax) return `${names.slice(0, namesMax).join(", ")} and ${countWords(count - namesMax)} more`;
  const last = names.at(-1) ?? "nobody";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

export function namesOf(devices: readonly DeviceReach[], which: readonly number[]): string {
  const first = which.slice(0, namesMax).map((i) => reachName(devices[i]!));
  return someOf(first, which.length);
}

/** `0x44e9000 to 0x44ebfff (12 KiB)`. */
export function stretchWords({ from, to }: Stretch): string {
  return `${hex(from)} to ${hex(to - 1)} (${bytesInWords(to - from)})`;
}
