/**
 * Historic bugs of the hypervisor's and the guests' memory as switches: each is a named flag that one place asks.
 *
 * Source: the commits and advisories named with each (Xen Security Advisories by number).
 */
export interface XenBug {
  readonly id: string;
  readonly year: number;
  /** The commit or advisory that fixed it. */
  readonly source: string;
  /** What must hold and does not with the bug. */
  readonly breaks: string;
}

export const xenBugs = [
  {
    id: "masked-local-test",
    year: 2010,
    source: "xen-devel, swiotlb_engine review: addr == physical->bus(bus->physical(addr))",
    breaks: "a foreign page is never local, also when both domains count it alike",
  },
  {
    id: "handle-not-set",
    year: 2021,
    source: "xen-devel, stub of xen_create_contiguous_region",
    breaks: "the handle of a created region is the machine address of its first byte",
  },
  {
    id: "region-never-given-back",
    year: 2018,
    source: "4855c92dbb7b",
    breaks: "destroying a created region gives its contiguous frames back",
  },
  {
    id: "unaligned-exchange",
    year: 2021,
    source: "9074c79b62b6",
    breaks: "the first page of an exchanged extent is aligned to the extent",
  },
  {
    id: "contiguous-order-limit",
    year: 2025,
    source: "x86/xen: allow larger contiguous memory regions in PV guests",
    breaks: "a region of 4 MiB can be made contiguous",
  },
  {
    id: "tree-root-unlocked",
    year: 2022,
    source: "CVE-2022-33744, XSA-406",
    breaks: "a lookup that began sees the page map before or after an update",
  },
  {
    id: "batch-errors-ignored",
    year: 2021,
    source: "CVE-2021-26932, XSA-361",
    breaks: "the page map holds a foreign frame exactly where the map of that slot succeeded",
  },
  {
    id: "test-then-free",
    year: 2022,
    source: "CVE-2022-23036 to 23042, XSA-396",
    breaks: "a page is freed only when its grant is revoked",
  },
  {
    id: "rest-of-page-leaked",
    year: 2022,
    source: "CVE-2022-26365, CVE-2022-33740, XSA-403",
    breaks: "a granted page shows nothing but what was put there for the grantee",
  },
  {
    id: "restore-window",
    year: 2013,
    source: "ee0726407fea",
    breaks: "a page that stands in for a foreign one is at no moment without a frame",
  },
  {
    id: "loop-back",
    year: 2011,
    source: "m2p_override, the comment on local grants",
    breaks: "the reverse of a frame mapped from oneself is the page it is mapped at",
  },
  {
    id: "exchange-progress-unchecked",
    year: 2017,
    source: "CVE-2012-5513, XSA-29; CVE-2017-7228, XSA-212 (938fd2586e)",
    breaks: "an exchange writes its results inside the caller's list only",
  },
  {
    id: "status-pages-listed",
    year: 2012,
    source: "CVE-2012-5510, XSA-26 (23d9492080)",
    breaks: "a freed status page is on no list",
  },
  {
    id: "swap-unbounded",
    year: 2015,
    source: "CVE-2012-3516, XSA-18; XSA-134 (5d5c09d853)",
    breaks: "a swap names entries of the table",
  },
  {
    id: "bits-cleared-early",
    year: 2017,
    source: "XSA-218 (9a0bd460cf)",
    breaks: "an entry that shows no use is not mapped any more",
  },
  {
    id: "handle-freed-twice",
    year: 2017,
    source: "XSA-218 (b7f6cbb9d4)",
    breaks: "a handle is free once",
  },
  {
    id: "zero-address-drops-references",
    year: 2017,
    source: "XSA-224 (8fdfcb2b6b, 75b384ece6)",
    breaks: "as many references are dropped as were taken",
  },
  {
    id: "bits-cleared-with-device-pins",
    year: 2017,
    source: "XSA-230 (6e2a4c7356)",
    breaks: "an entry shows use while any pin remains",
  },
  {
    id: "status-freed-while-mapped",
    year: 2018,
    source: "XSA-255 (38bfcc165d), XSA-379, XSA-384, XSA-486 (02708d3b51)",
    breaks: "no guest page map names a freed status page",
  },
  {
    id: "positive-status",
    year: 2020,
    source: "XSA-316 (da0c66c8f4)",
    breaks: "a status is never above zero",
  },
  {
    id: "device-count-on-half-unmap",
    year: 2022,
    source: "CVE-2022-23034, XSA-394 (975a8fb45c)",
    breaks: "the device table counts one for each live handle",
  },
  {
    id: "status-capacity-units",
    year: 2021,
    source: "CVE-2021-28699, XSA-382 (ec820035b8)",
    breaks: "a list of status pages is no longer than the caller's buffer",
  },
  {
    id: "shared-entry-after-pin",
    year: 2026,
    source: "CVE-2026-62428, XSA-500 (61b0a59ce2)",
    breaks: "a pinned entry stands for one frame until its last pin is gone",
  },
  {
    id: "version-unchecked-after-relock",
    year: 2026,
    source: "CVE-2026-62435, CVE-2026-62436, XSA-501 (96dfeb4177)",
    breaks: "an operation that let go of the lock checks the table again",
  },
] as const satisfies readonly XenBug[];

export type XenBugId = (typeof xenBugs)[number]["id"];

/** Which bugs are on. */
export type XenFlags = Readonly<Record<XenBugId, boolean>>;

export function xenFlags(on: readonly XenBugId[] = []): XenFlags {
  return Object.freeze(Object.fromEntries(xenBugs.map((bug) => [bug.id, on.includes(bug.id)])) as XenFlags);
}
