/**
 * Whether caches were told to forget a domain's entry in the order that hardware asks for: first the entry, by which translations
 * would be cached anew, then translations, then those that the device took for itself.
 *
 * Source: VT-d 4.1, 6.5.3.3; Linux drivers/iommu/intel/pasid.c (intel_pasid_tear_down_entry, intel_context_flush_no_pasid).
 */
import { type Asked, takes, takesOf } from "./asked.js";

export const deviceNotTold = "the device's own TLB was not told to forget";

/**
 * @param hasDeviceTlb whether the device may hold translations of its own
 * @param requester the device; -1 where it is not known
 * @returns what is missing or out of order; null where nothing is
 */
export function disorder(
  asked: readonly Asked[],
  {
    domain,
    pasid,
    hasDeviceTlb,
    requester,
  }: { domain: number; pasid: number; hasDeviceTlb: boolean; requester: number },
): string | null {
  const ofIt = (of: Asked["of"]) => (a: Asked) => a.of === of && takes(a, domain, pasid) && takesOf(a, requester);
  const entry = asked.findLastIndex(ofIt("entries"));
  if (entry < 0) return `no cache was told to forget its entry of domain ${domain}`;
  const translations = asked.findLastIndex(ofIt("translations"));
  if (translations < 0) return `the IOTLB was not told to forget domain ${domain}`;
  if (translations < entry) return `the IOTLB was told to forget domain ${domain} before the entry was forgotten`;
  if (!hasDeviceTlb) return null;
  const device = asked.findLastIndex(ofIt("device"));
  if (device < 0) return deviceNotTold;
  return device < translations ? "the device's own TLB was told to forget before the IOTLB was" : null;
}
