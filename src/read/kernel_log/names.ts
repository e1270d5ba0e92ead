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
  /(?:swiotlb (?:buffer|addr) |DMA-API: |\[DMA |Event logged|DMA: Out of |overflow (?:0x)?[0-9a-f]|DMA addr |Can not allocate SWIOTLB|Device bounce map|event(?: 0x|: )|Unhandled |Unexpected |Buffer overflow |DMA bounce buffers |swiotlb: coherent|coherent allocation|(?:translation|page|unknown) fault )/;
/** Sticky patterns that look back from where the words begin. */
const behind = (pattern: string): RegExp => new RegExp(`(?<=${pattern})`, "y");
const pciBefore = behind(`(?:([A-Za-z][\\w-]{0,40}) )?\\b(${pci})(?: [^:]{1,40})?: `);
/** Of three words the middle one is the device where the last is a network interface of USB. */
const usbBefore = behind(/([A-Za-z][\w-]{0,40}) (\d{1,3}-[\d.]{1,20}:\d\.\d) [a-z]\w{2,15}: /.source);
const anyBefore = behind(/([A-Za-z][\w+-]{0,40}) (\w[\w:.,@-]{0,58}\w): /.source);
/** A subsystem or a function between the device and the words: "DMAR: ", "dma_direct_map_page: ". */
const subject = behind(/: ([A-Za-z][\w-]{1,40}: )/.source);

/** @returns the driver and the device of a message of DMA, also where a prefix is left that nobody knows. */
export function namesBeforeWords(message: string): Names {
  const first = pciName.exec(message);
  if (first !== null) return { driver: driverOf(first[1]), device: first[2]! };
  const words = ownWords.exec(message)?.index ?? 0;
  if (words === 0) return namesOf(message);
  const at = words - (execAt(subject, message, words)?.[1]?.length ?? 0);
  const m = execAt(pciBefore, message, at) ?? execAt(usbBefore, message, at) ?? execAt(anyBefore, message, at);
  return m === null ? namesOf(message) : { driver: driverOf(m[1]), device: m[2]! };
}

function execAt(sticky: RegExp, text: string, at: number): RegExpExecArray | null {
  sticky.lastIndex = at;
  return sticky.exec(text);
}

function driverOf(word: string | undefined): string | null {
  return word === undefined || noDrivers.has(word) ? null : word;
}
