/** A device that writes to frames, through translations of its own where it keeps some. */
import { frameBytes } from "../../base/frame.js";
import type { DeviceTlb } from "../../hw/iommu/ats/device_tlb.js";
import { AddressType, Outcome } from "../../hw/iommu/core/request.js";
import type { Transaction } from "../../hw/iommu/core/transaction.js";
import type { Memory } from "../../mem/memory.js";
import { cell, end, type Live, program } from "../../state/index.js";
import { nobody, type PageBook } from "../../sw/iommu/lifetime/page_book.js";
import { type DeviceOptions, place } from "./layout.js";
import type { Seen } from "./watch.js";

export interface DeviceEnv {
  readonly options: DeviceOptions;
  readonly transaction: Transaction;
  readonly tlb: DeviceTlb | null;
  readonly memory: Memory;
  readonly book: PageBook;
  readonly seen: Live<typeof Seen.drafts>;
  readonly presence: { present: 0 | 1 };
  /** The page that its domain's tables lead to for a frame now; -1: none. */
  readonly leafNow: (frame: number) => number;
  /** Whose pages it may write now: an owner, and another one times 256. */
  readonly works: () => number;
  /** Is its ATS on, where it has a TLB? */
  readonly isOn: () => boolean;
}

export const device = program<DeviceEnv>()(
  "device",
  { done: cell("writes so far"), isAsking: cell<0 | 1>("1 = it asked for a translation") },
  {
    "send its request": {
      when: ({ options, tlb, isOn }) => options.writes.length > 0 && (tlb === null || isOn()),
      atomic: "the device's own TLB, and one message",
      does({ options, transaction, tlb }, s) {
        const { requester, writes } = options;
        const wanted = writes[s.done]!;
        const request = { requester, pasid: null, offset: 0, write: true };
        const slot = tlb?.find(null, wanted, 2) ?? -1;
        s.isAsking = tlb !== null && slot < 0 ? 1 : 0;
        if (options.forges !== undefined)
          transaction.begin({ ...request, frame: place.pages + options.forges, type: AddressType.translated });
        else if (tlb === null) transaction.begin({ ...request, frame: wanted, type: AddressType.untranslated });
        else if (slot < 0) transaction.begin({ ...request, frame: wanted, type: AddressType.translationRequest });
        else transaction.begin({ ...request, frame: tlb.translations.outputOf(slot), type: AddressType.translated });
        return "use the answer";
      },
    },
    "use the answer": {
      when: ({ transaction }) => transaction.isDone,
      atomic: "an answer is one message; the device's own TLB",
      does(env, s) {
        const { options, transaction, tlb } = env;
        const { outcome, frame, allow } = transaction.result;
        transaction.end();
        const passes = outcome === Outcome.passes && (allow & 2) !== 0;
        const wanted = options.writes[s.done]!;
        if (s.isAsking === 1 && passes) {
          tlb!.keep(null, { frame: wanted, output: frame, sizeLg2: 12, allow }, 0);
          return options.leaves === true ? "is pulled out" : "send its request";
        }
        if (s.isAsking === 0 && passes) {
          s.isAsking = 0;
          arrive(env, wanted, frame, s.done + 1);
        }
        s.isAsking = 0;
        if (options.leaves === true) return "is pulled out";
        return ++s.done >= options.writes.length ? end : "send its request";
      },
    },
    "is pulled out": {
      does({ presence }) {
        presence.present = 0;
        return end;
      },
    },
  },
);

/** A write reaches memory: whose page is it, and is it the page that the guest sees at that frame? */
function arrive({ memory, book, seen, leafNow, works }: DeviceEnv, wanted: number, frame: number, write: number): void {
  memory.store32(frame * frameBytes, write);
  const page = frame - place.pages;
  const [owner, home] = [book.ownerOf(page), works()];
  const isItsDomains = owner === home % 256 || (home >= 256 && owner === Math.floor(home / 256));
  if (!isItsDomains || book.isProtected(page)) seen.strayed = owner === nobody ? 1 : 2;
  const now = leafNow(wanted);
  if (now >= 0 && now !== page) seen.split = 1;
}
