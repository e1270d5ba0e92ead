/** Driver and device in front of a message, as `dev_err` and its like print them: `driver device: `. */

export interface Names {
  readonly driver: string | null;
  readonly device: string | null;
}

const unnamed: Names = { driver: null, device: null };

const pci = /(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]/.source;
const pciName = new RegExp(`^(?:([A-Za-z][\\w-]{0,40}) )?(${pci})(?: [^:]{1,80})?: `);
const platformName = /^([A-Za-z][\w-]{0,40}) ([\w-]{1,40}\.[\w.-]{1,40}|[a-z][\w-]{0,30}\d{1,6}|vif-\d{1,5}-\d{1,5}): /;

/** Buses and the like: what stands in a driver's place while a device has none. */
const noDrivers: ReadonlySet<string> = new Set([
  ...["pci", "pci_bus", "acpi", "platform", "iommu", "usb", "scsi", "sd", "net", "block", "kernel"],
]);

/** @returns the driver and the device that a message begins with. */
export function namesOf(message: string): Names {
  const m = pciName.exec(message) ?? platformName.exec(message);
  return m === null ? unnamed : { driver: driverOf(m[1]), device: m[2]! };
}

/** Where the kernel's own words of DMA begin: what stands before them is the device, whatever stands before that. */
const ownWords =
  /(?:DMAR: |AMD-Vi: )?(?:swiotlb (?:buffer|addr) |DMA-API: |\[DMA |Event logged|DMA: Out of |(?:\w{1,40}: )?overflow (?:0x)?[0-9a-f]|DMA addr |Can not allocate SWIOTLB|Device bounce map|event(?: 0x|: )|Unhandled |Unexpected |Buffer overflow |DMA bounce buffers |swiotlb: coherent|coherent allocation|(?:translation|page|unknown) fault )/;
const namesBefore = new RegExp(
  `(?:^|[^\\w:.-])(?:([A-Za-z][\\w+-]{0,40}) )?(${pci}|(?<=[A-Za-z][\\w+-]{0,40} )\\w[\\w:.,@-]{0,59})(?: \\w[\\w:.@-]{0,40})?: $`,
);

/** @returns the driver and the device of a message of DMA, also where a prefix is left that nobody knows. */
export function namesBeforeWords(message: string): Names {
  const m = pciName.exec(message);
  if (m !== null) return { driver: driverOf(m[1]), device: m[2]! };
  const at = ownWords.exec(message)?.index ?? 0;
  const before = at === 0 ? null : namesBefore.exec(message.slice(Math.max(0, at - 200), at));
  return before === null ? namesOf(message) : { driver: driverOf(before[1]), device: before[2]! };
}

function driverOf(word: string | undefined): string | null {
  return word === undefined || noDrivers.has(word) ? null : word;
}
