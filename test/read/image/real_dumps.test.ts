/** Dumps of QEMU and makedumpfile, bit for bit, against the same memory as QEMU saved it. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Mfn } from "../../../src/base/frame.js";
import { memorySource } from "../../../src/read/bytes.js";
import { openImage } from "../../../src/read/image/open_image.js";
import { fixture } from "../fixture.js";

/** SHA-256 of what `pmemsave` wrote of the same stopped guest, and where its memory begins. */
const guests = {
  x86: { first: 0, frames: 256, sha256: "118efac1355c981e5136883bbfb6962697cbfbf8c045fb11afd1d09b8d8cb091" },
  arm64: { first: 0x40000, frames: 1024, sha256: "e4121a5510514fb3bd275ddc0bfeadfbee4884be25883d2a893b5248c389bfb3" },
  arm: { first: 0x40000, frames: 1024, sha256: "8bf12318fe8664880ccf4791799ae3bab4128d9240b3fff378bad7b574c97935" },
};
const open = (name: string) => openImage(memorySource(name, fixture(`images/${name}.gz`)));

const rows = [
  ["x86-elf64", "x86", "elf64", "x86"],
  ["x86-kdump", "x86", "kdump", "x86"],
  ["x86-kdump-flattened", "x86", "kdump", "x86"],
  ["x86-makedumpfile-lzo", "x86", "kdump", "x86"],
  ["x86-makedumpfile-lzo-flattened", "x86", "kdump", "x86"],
  ["arm64-elf64", "arm64", "elf64", "aarch64"],
  ["arm64-kdump-flattened", "arm64", "kdump", "aarch64"],
  ["arm-elf32", "arm", "elf32", "arm"],
  ["arm-kdump32-flattened", "arm", "kdump", "arm"],
] as const;

describe("every byte is that of the guest", () => {
  for (const [name, which, format, machine] of rows) {
    test(name, async () => {
      const guest = guests[which];
      const image = await open(name);
      expect([image.format, image.machine, image.warnings]).toEqual([format, machine, []]);
      const direct = createHash("sha256");
      for (let i = 0; i < guest.frames; i++) {
        direct.update(new Uint8Array(image.frame((guest.first + i) as Mfn)!.slice().buffer));
      }
      expect(direct.digest("hex")).toBe(guest.sha256);
      const memory = new Uint8Array(guest.frames * 4096);
      image.each((m, words) => {
        const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
        if (m - guest.first < guest.frames) memory.set(bytes, (m - guest.first) * 4096);
      });
      expect(createHash("sha256").update(memory).digest("hex")).toBe(guest.sha256);
    });
  }

  test("QEMU's core has the guest's memory and its ROM", async () => {
    expect((await open("x86-elf64")).runs).toEqual([
      { first: 0, frameCount: 0x100 },
      { first: 0xffff0, frameCount: 0x10 },
    ]);
    expect((await open("arm64-elf64")).runs).toEqual([{ first: 0x40000, frameCount: 1024 }]);
  });
});

test("an ELF core from which makedumpfile dropped zero pages does not hold them, and says so", async () => {
  const whole = await open("x86-elf64");
  const image = await open("x86-makedumpfile-elf");
  let held = 0;
  for (let f = 0; f < 256; f++) {
    const words = image.frame(f as Mfn);
    if (words !== undefined) held++;
    const expected = whole.frame(f as Mfn)!;
    if (words === undefined) expect(expected.every((w) => w === 0)).toBe(true);
    else expect(words).toEqual(expected);
  }
  expect(held).toBe(112);
  expect(image.warnings.map((w) => w.what).join()).toMatch(/found 5 shorter ones; their rest is not held/);
});

test("the parts of a split dump hold one part each", async () => {
  const rows = [
    ["x86-makedumpfile-part1", { first: 0, frameCount: 256 }, "pages 0x0 to 0x3ffff"],
    ["x86-makedumpfile-part2", { first: 0xffff0, frameCount: 16 }, "pages 0x40000 to 0xfffff"],
  ] as const;
  const whole = await open("x86-elf64");
  for (const [name, run, told] of rows) {
    const image = await open(name);
    expect(image.runs).toEqual([run]);
    expect(image.warnings.map((w) => w.what).join()).toContain(told);
    for (let f = run.first; f < run.first + run.frameCount; f++) {
      expect(image.frame(f as Mfn)).toEqual(whole.frame(f as Mfn));
    }
  }
});
