/** Who holds a page: the IOMMU's entries, flushes that are owed, its owner. */
import { expect, test } from "vitest";
import { MachineState } from "../../../src/state/index.js";
import { nobody, PageBook } from "../../../src/sw/iommu/lifetime/page_book.js";

function booked(entries: number): PageBook {
  const book = new PageBook(new MachineState(), 2);
  book.give(0, 1);
  for (let n = 0; n < entries; n++) book.map(0);
  return book;
}

test("what is given back is kept until its last flush is done", () => {
  const book = booked(2);
  book.release(0);
  expect([book.ownerOf(0), book.isParked(0)]).toEqual([1, true]);
  book.unmap(0);
  book.unmap(0);
  book.flushed(0);
  expect([book.ownerOf(0), book.isParked(0)]).toEqual([1, true]);
  book.flushed(0);
  expect([book.ownerOf(0), book.isParked(0)]).toEqual([nobody, false]);
});

test("a flush that is done gives nothing away that was not given back", () => {
  const book = booked(1);
  book.unmap(0);
  book.flushed(0);
  expect(book.ownerOf(0)).toBe(1);
  book.release(0);
  expect(book.isFree(0)).toBe(true);
});

test("a page that an entry leads to is kept though all flushes are done", () => {
  const book = booked(2);
  book.unmap(0);
  book.release(0);
  book.flushed(0);
  expect([book.isFree(0), book.isParked(0)]).toEqual([false, true]);
});

test("without references it goes whatever leads to it", () => {
  const book = booked(1);
  book.free(0);
  expect(book.isFree(0)).toBe(true);
});
