/** The same message behind every prefix, and broken in every way: the answer is that of the plain line. */
import { expect, test } from "vitest";
import { explainLog } from "../../../src/audit/index.js";
import { createRandom } from "../../random.js";
import { amount, long } from "../../tier.js";

const messages: readonly string[] = [
  "nvme 0000:01:00.0: swiotlb buffer is full (sz: 65536 bytes), total 32768 (slots), used 32768 (slots)",
  "nvme 0000:01:00.0: swiotlb buffer is full (sz: 262144 bytes), total 32768 (slots), used 64 (slots)",
  "sdhci-arasan fe330000.mmc: swiotlb addr 0x00000001faf00000+4096 overflow (mask ffffffff, bus limit 0).",
  "snd_hda_intel 0000:00:1b.0: DMA addr 0x0000000103a8b000+4096 overflow (mask ffffffff, bus limit 0).",
  "v3d fec00000.v3d: overflow 0x0000000040898000+536576 of DMA mask 7ffffffff bus mask 3fffffff",
  "e1000 0000:00:03.0: dma_direct_map_page: overflow 0x000000011fd470da+54 of device mask ffffffff",
  "ahci 0000:00:1f.2: DMA: Out of SW-IOMMU space for 65536 bytes",
  "xhci_hcd 0000:0a:00.0: DMAR: Device bounce map: 16ea@1411c0000 dir 1 --- failed",
  "swiotlb: coherent allocation failed for device 0000:07:00.0 size=2097152",
  "igb 0000:00:03.0: Buffer overflow detected. Allocation size: 2048. Mapping size: 4096.",
  "mmci-pl18x 58005000.sdmmc: DMA-API: mapping sg segment longer than device claims to support [len=126976] [max=65536]",
  "net eth0: DMA-API: device driver tries to free DMA memory it has not allocated [device address=0x00000000443d7040] [size=2048 bytes]",
  "mlx4_core 0000:00:07.0: DMA-API: cpu touching an active dma mapped cacheline [cln=0x000000001f405880]",
  "DMAR: [DMA Read NO_PASID] Request device [00:02.0] fault addr 0x7cd80000 [fault reason 0x06] PTE Read access is not set",
  "DMAR: [DMA Write] Request device [00:12.0] fault addr 9c000000 [fault reason 05] PTE Write access is not set",
  "nvme 0000:01:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000d address=0xcfd51ad0 flags=0x0070]",
];

/** Prefixes, and what a continuation has in front. */
const prefixes: readonly (readonly [string, string])[] = [
  ["", ""],
  ["[   12.330410] ", ""],
  ["<4>[   12.330410] ", ""],
  ["<3> [209.5] ", ""],
  ["    [   12.330410] ", "    "],
  ["\t[   12.330410] ", "\t"],
  ["    ", "    "],
  ["> [   12.330410] ", "> "],
  ["> > ", "> > "],
  ["&gt; [   12.330410] ", "&gt; "],
  ["[  +0.000108] ", ""],
  ["[   12.330410 <    0.000012>] ", ""],
  ["[   12.330410][ T1234] ", ""],
  ["11:35:15 kernel: ", ""],
  ["[2017-10-23 09:08:16.331] [   12.330410] ", ""],
  ["Jun 15 11:59:16   kernel: ", ""],
  ["May  4 12:00:00 host ", ""],
  ["May  4 12:00:00 my-host.example kernel: [   12.330410] ", ""],
  ["[Di Mai  4 12:00:00 2021] ", ""],
  ["[Tue May  4 12:00:00 2021] ", ""],
  ["Tue 2021-05-04 12:00:00 CEST host kernel: ", ""],
  ["Tue May  4 12:00:00 2021 kern.warn kernel: [   12.330410] ", ""],
  ["1620122400.123456 host kernel: ", ""],
  ["<3>1 2021-05-04T12:00:00.123Z host kernel - - - ", ""],
  ["2024-05-04T12:00:00,123456+02:00 ", ""],
  ["2024-05-04T12:00:00+0200 host kernel: ", ""],
  ["kern.log:", ""],
  ["/var/log/kern.log.1:4711:May  4 12:00:00 host kernel: ", ""],
  ["node-1    | [   12.330410] ", ""],
  ["05-04 12:00:00.123     0     0 W ", ""],
  ["0x000000000277BBFA |   1263.468579:   ", ""],
  ["kern  :warn  : [   12.330410] ", ""],
  ["4,339,12330410,-;", ""],
  ["May  4 12:00:00 192.168.7.4 kernel: [   12.330410] ", ""],
  ["2024/05/04 12:00:00 ", ""],
  ["04.05.2024 12:00:00 host kernel: ", ""],
  ["(d12) [   12.330410] ", ""],
  ["some-thing unknown ~ ", ""],
];

const essence = (lines: readonly string[]) =>
  explainLog(lines).map(({ kind, device, evidence, cause, count }) => ({ kind, device, evidence, cause, count }));

test.each(messages)("%s", (message) => {
  const plain = essence([message]);
  expect(plain).toHaveLength(1);
  for (const [prefix] of prefixes) expect(essence([prefix + message]), prefix).toEqual(plain);
});

test("broken at any space, by mail and forums", () => {
  const random = createRandom(12);
  for (const message of messages) {
    const plain = essence([message]);
    for (const [prefix, next] of prefixes) {
      const named = /^[\w-]+ \S+: (?=swiotlb |DMA |overflow |Buffer)/.exec(message)?.[0].length;
      if (named !== undefined) {
        const lines = [prefix + message.slice(0, named - 1), next + message.slice(named)];
        expect(essence(lines), lines.join("\n")).toEqual(plain);
      }
      for (const at of breaks(message).filter(() => long || random() < 0.4)) {
        const lines = [prefix + message.slice(0, at), next + message.slice(at + 1), `${prefix}usb 1-1: reset`];
        expect(essence(lines), lines.join("\n")).toEqual(plain);
        expect(essence([`${lines[0]} `, "", ...lines.slice(1)])).toEqual(plain);
      }
    }
  }
});

test("broken anywhere, by quoted-printable text", () => {
  const random = createRandom(11);
  for (const message of messages) {
    const plain = essence([message]);
    for (const [prefix, next] of prefixes) {
      if (/^\s/.test(next)) continue;
      for (let i = 0; i < amount(3, 8); i++) {
        const last = Math.min(message.length - 1, 74 - prefix.length);
        // Behind the first words: what tells driver and device is not looked for in pieces.
        const at = 3 + Math.floor(random() * (last - 3));
        const text = (part: string) => part.replaceAll("=", "=3D");
        const lines = [`${prefix}${text(message.slice(0, at))}=`, next + text(message.slice(at))];
        if (lines[0]!.length > 78) continue;
        expect(essence(lines), lines.join("\n")).toEqual(plain);
      }
    }
  }
});

/** The spaces of a message at which a reader can tell that it goes on: from the first known word on. */
function breaks(message: string): number[] {
  const known =
    /swiotlb |overflow |Out of |coherent |Buffer overflow |DMA-API: device|DMA-API: mapping|DMA-API: cpu|bounce map|\[DMA |Event logged|DMA addr/;
  const first = known.exec(message)!;
  const from = first.index + first[0].trimEnd().length;
  const places: number[] = [];
  for (let at = message.indexOf(" ", from); at !== -1; at = message.indexOf(" ", at + 1)) places.push(at);
  return places;
}
