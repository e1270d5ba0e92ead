/**
 * What SMMUv3 commands have in common: their numbers, and fields that stand at the same place in many.
 *
 * Source: Arm SMMUv3 architecture specification IHI 0070 G, 4.2 to 4.7.
 */
import type { Dfn } from "../../base/frame.js";
import { bit, bits } from "../../bits/field.js";
import type { BitRange } from "../../bits/layout.js";

/** Values of `op`. */
export const Command = {
  prefetchConfig: 0x01,
  prefetchAddress: 0x02,
  ste: 0x03,
  steRange: 0x04,
  cd: 0x05,
  cdAll: 0x06,
  nhAll: 0x10,
  nhAsid: 0x11,
  nhVa: 0x12,
  nhVaa: 0x13,
  el2All: 0x20,
  el2Asid: 0x21,
  el2Va: 0x22,
  el2Vaa: 0x23,
  s12VmAll: 0x28,
  s2Ipa: 0x2a,
  nsnhAll: 0x30,
  atcInv: 0x40,
  priResp: 0x41,
  resume: 0x44,
  stallTerm: 0x45,
  sync: 0x46,
} as const;
export type Command = (typeof Command)[keyof typeof Command];

export const about = (name: string, section: string, reserved: readonly BitRange[]) => ({
  title: `SMMUv3 ${name}`,
  source: `IHI 0070 G, ${section}`,
  bitCount: 128,
  reserved,
});

export const op = bits(7, 0, "what is asked for");
export const ssec = bit(10, "1 = a secure stream, which this queue may not name");
export const ssv = bit(11, "1 = with a substream");
export const ssid = bits(31, 12, "the substream");
export const sid = bits(63, 32, "the stream");
export const vmid = bits(47, 32, "the virtual machine");
export const asid = bits(63, 48, "the address space");
export const leaf = bit(64, "1 = only what is last on the way changed: what leads to it may stay");
export const page = bits<Dfn>(127, 76, "bits 63:12 of the address");
export const range = {
  num: bits(16, 12, "of (num + 1) * 2^scale granules, where tg is not 0"),
  scale: bits(24, 20, "of (num + 1) * 2^scale granules, where tg is not 0"),
  leaf,
  ttl: bits(73, 72, "level of the leaves; 0 = any"),
  tg: bits(75, 74, "granule of the tables: 0 any, and one address; 1 4 KiB; 2 16 KiB; 3 64 KiB"),
};
