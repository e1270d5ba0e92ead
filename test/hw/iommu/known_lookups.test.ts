/** What look-ups came to is remembered by all that decides about them, and by nothing less. */
import { expect, test } from "vitest";
import { EntryView } from "../../../src/hw/iommu/core/entry_view.js";
import { KnownLookups } from "../../../src/hw/iommu/core/known_lookups.js";
import type { UnitModel, Whose } from "../../../src/hw/iommu/core/model.js";
import { AddressType } from "../../../src/hw/iommu/core/request.js";
import { Memory } from "../../../src/mem/memory.js";

const { untranslated, translated } = AddressType;

/** A unit whose devices have two entries of two words: the first says where the second is, and its sum is what is found. */
function unit(o: { readonly readsPages?: boolean } = {}) {
  let settings: object = {};
  let asked = 0;
  const model = {
    settings: () => settings,
    lookup(view: EntryView, { requester, pasid, type }: Whose) {
      asked++;
      if (o.readsPages === true) view.frame(0 as never);
      const first = view.entry(0x100, 2);
      const second = first === undefined ? undefined : view.entry(first[0]!, 2);
      return { sum: `${requester} ${pasid} ${type} ${first?.join()} ${second?.join()} ${Object.keys(settings)}` };
    },
  } as unknown as UnitModel;
  return {
    known: new KnownLookups(model),
    model,
    asked: () => asked,
    set: (s: object) => {
      settings = s;
    },
  };
}

const view = () => new EntryView(new Memory(4), () => true);
const words = (...of: readonly number[]) => Uint32Array.from([...of, 0, 0, 0, 0]);

test("the same words, asked for the same device, are looked up once, and leave the view as the look-up does", () => {
  const { known, model, asked } = unit();
  const whose = { requester: 8, pasid: null, type: untranslated };
  for (const [of, count] of [
    [words(0x200, 1), 0],
    [words(0x200, 1), 2],
    [words(0x200, 1, 7, 8), 4],
  ] as const) {
    const [fresh, remembered] = [view().begin(of, count), view().begin(of, count)];
    const found = model.lookup(fresh, whose);
    const before = asked();
    const answers = [0, 1].map(() => known.find(remembered.begin(of, count), 8, null, untranslated));
    expect([answers, asked() - before]).toEqual([[found, found], 1]);
    expect(remembered.asLooked()).toEqual(fresh.asLooked());
    expect(remembered.wordsOf(1)).toBe(fresh.wordsOf(1));
  }
});

test("another device, PASID, kind of address, setting or word is looked up anew", () => {
  const { known, asked, set } = unit();
  const find = (requester: number, pasid: number | null, type: Whose["type"], ...of: readonly number[]) =>
    known.find(view().begin(words(...of), of.length), requester, pasid, type);
  const seen = [
    find(8, null, untranslated, 0x200, 1, 7, 8),
    find(9, null, untranslated, 0x200, 1, 7, 8),
    find(8, 0, untranslated, 0x200, 1, 7, 8),
    find(8, null, translated, 0x200, 1, 7, 8),
    find(8, null, untranslated, 0x200, 1, 7, 9),
    find(8, null, untranslated, 0x200, 1),
  ];
  set({ other: 1 });
  seen.push(find(8, null, untranslated, 0x200, 1, 7, 8));
  expect([new Set(seen.map((found) => JSON.stringify(found))).size, asked()]).toEqual([7, 7]);
});

test("who read pages besides is asked again, for pages may have changed", () => {
  const { known, asked } = unit({ readsPages: true });
  for (let n = 0; n < 3; n++) known.find(view().begin(words(0x200, 1, 7, 8), 4), 8, null, untranslated);
  expect(asked()).toBe(3);
});

test("of many devices each is answered as it is asked, whatever is still known", () => {
  const { known, model } = unit();
  for (let round = 0; round < 3; round++)
    for (let requester = 0; requester < 100; requester++) {
      const of = words(0x200, requester % 7, requester, round % 2);
      const found = known.find(view().begin(of, 4), requester, null, untranslated);
      expect(found).toEqual(model.lookup(view().begin(of, 4), { requester, pasid: null, type: untranslated }));
    }
});
