/**
 * AMD-Vi: what a device table entry says without guest translation.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification 48882, section 2.2.2.1 (V, TV, Mode, IR, IW).
 */
import { read } from "../../bits/field.js";
import { DeviceEntry } from "../../spec/amdvi/device_entry.js";
import { Allow } from "../root.js";
import { v1Table } from "./amdvi_tables.js";
import type { Attachment } from "./attachment.js";
import type { Path } from "./entry.js";
import { made, type Whose } from "./made.js";

/** Requests that the host table alone decides. */
export function hostDevice(whose: Whose, words: Uint32Array, path: Path): Attachment {
  if (read(words, 0, DeviceEntry.v) === 0) {
    return made(whose, path, "bypass", "the device table entry's V is 0: addresses pass untranslated");
  }
  const domain = read(words, 0, DeviceEntry.did);
  const ats = read(words, 0, DeviceEntry.i) === 1;
  if (read(words, 0, DeviceEntry.tv) === 0) {
    return made(whose, path, "blocked", "V is 1 and TV is 0 in the device table entry: DMA is blocked", { domain });
  }
  const allow = (read(words, 0, DeviceEntry.ir) | (read(words, 0, DeviceEntry.iw) << 1)) as Allow;
  const mode = read(words, 0, DeviceEntry.mode);
  if (allow === Allow.none) {
    return made(whose, path, "blocked", `Mode is ${mode} and IR and IW are 0 in the device table entry`, {
      domain,
      allow,
    });
  }
  if (mode === 0) {
    return made(whose, path, "identity", "Mode is 0 in the device table entry: host addresses are not translated", {
      domain,
      ats,
      allow,
    });
  }
  return made(whose, path, "translated", `Mode is ${mode} in the device table entry`, {
    domain,
    stage: "second",
    ats,
    second: v1Table(whose.unit, words),
  });
}
