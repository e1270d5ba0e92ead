/** One reading for all: the kernel against the plain code it stands for, and several threads against one. */
import { describe, expect, test } from "vitest";
import { answer, askAlone, askTogether, type Call, type Crew } from "../../../src/audit/inspect/survey/crew.js";
import { FastTester } from "../../../src/audit/inspect/survey/fast_tester.js";
import { firstWords, Mark, namedWords } from "../../../src/audit/inspect/survey/marks.js";
import { PlainTester } from "../../../src/audit/inspect/survey/plain_tester.js";
import { pointersTask } from "../../../src/audit/inspect/survey/pointers.js";
import { Survey } from "../../../src/audit/inspect/survey/survey.js";
import { surveyTask } from "../../../src/audit/inspect/survey/survey_task.js";
import { wantedFrames } from "../../../src/audit/inspect/survey/wanted.js";
import { Rng } from "../../../src/base/index.js";
import { blockFrames } from "../../../src/read/image/block.js";
import { openImage } from "../../../src/read/index.js";
import { writeElf } from "../../read/image/image_writer.js";
import { amount } from "../../tier.js";

/** Entries of each form at word `w`, as a unit would take them. */
const right: readonly ((rng: Rng, words: Uint32Array, w: number) => void)[] = [
  // VT-d root entries.
  (rng, words, w) => {
    words[w] = (number(rng, 20) << 12) | 1;
    words[w + 1] = number(rng, 20);
  },
  // AMD-Vi device table entries.
  (rng, words, w) => {
    if ((w & 7) !== 0) return;
    if (rng.below(4) > 0) {
      words[w] = (number(rng, 20) << 12) | (rng.below(7) << 9) | [1, 3, 3][rng.below(3)]!;
      words[w + 1] = (rng.below(4) << 29) | number(rng, 20);
      words[w + 2] = number(rng, 16);
    }
    words[w + 5] = number(rng, 20);
    words[w + 6] = rng.below(4) << 15;
  },
  // SMMUv3 stream table entries.
  (rng, words, w) => {
    if ((w & 15) !== 0) return;
    const config = [0, 4, 5, 6, 7][rng.below(5)]!;
    words[w] = (config << 1) | 1;
    if (config < 4) return;
    words[w] = words[w]! | (number(rng, 26) << 6);
    words[w + 1] = number(rng, 24);
    words[w + 6] = number(rng, 20) << 4;
  },
  // SMMUv3 first-level descriptors.
  (rng, words, w) => {
    const span = 1 + rng.below(11);
    words[w] = (number(rng, 27 - span) << (span + 5)) | span;
    words[w + 1] = number(rng, 20);
  },
];

/** Small and large ones, zero among them. */
const number = (rng: Rng, bits: number): number => (rng.below(3) === 0 ? 0 : rng.below(2 ** rng.below(bits + 1)));

/** What a frame is filled with: tables, of which one entry may be wrong by little, and what is no table. */
function fill(rng: Rng, words: Uint32Array): void {
  words.fill(0);
  const form = right[rng.below(right.length)]!;
  const every = [1, 3, 40, 400][rng.below(4)]!;
  const first = rng.below(3) === 0 ? 0 : rng.below(64) * 16;
  for (let w = first; w < 1024; w += 2) if (w === first || rng.below(every) === 0) form(rng, words, w);
  const used = [...words.keys()].filter((w) => words[w] !== 0);
  const w = used.length === 0 ? 0 : used[rng.below(used.length)]! + [0, 0, 1, -1][rng.below(4)]!;
  const change = rng.below(8);
  // Anywhere in the 64 bytes around it.
  if (change === 0) words[(w & 1008) + rng.below(16)]! ^= 1 << rng.below(32);
  if (change === 1) words[w & 1023] = (words[w & 1023]! & ~63) | rng.below(64);
  if (change === 2) words[w & 1023] = [1, 2, 3, 15, 16, 17, 33][rng.below(7)]!;
  if (change === 3) words[w & 1023]! += 2 ** rng.below(32);
  if (change === 4) words[rng.below(1024)] = namedWords[rng.below(namedWords.length)]!;
  if (change === 5) words[0] = firstWords[rng.below(firstWords.length)]!;
  if (change === 6) words[rng.below(1024)] = number(rng, 32);
}

const bytesOf = (words: Uint32Array) => new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

describe("the kernel", () => {
  const fast = FastTester.open()!;
  const plain = new PlainTester();
  /** The same frames to both. */
  const give = (rng: Rng, write: (words: Uint32Array) => void) => {
    const count = 1 + rng.below(blockFrames);
    for (let i = 0; i < count; i++) {
      write(plain.words[i]!);
      fast.words[i]!.set(plain.words[i]!);
    }
    plain.block.count = count;
    fast.block.count = count;
    return count;
  };

  test("there is one here", () => expect(fast).not.toBeNull());

  test("marks the frames that the plain code marks", () => {
    const rng = new Rng(11);
    const seen = new Map<number, number>();
    for (let round = 0; round < amount(25, 4000); round++) {
      const count = give(rng, (words) => fill(rng, words));
      for (const names of [false, true]) {
        const expected = plain.mark(names).slice(0, count);
        expect(fast.mark(names).slice(0, count), `round ${round}`).toEqual(expected);
        for (const marks of expected) seen.set(marks, (seen.get(marks) ?? 0) + 1);
      }
    }
    for (const mark of [0, ...Object.values(Mark)]) expect(seen.get(mark), `mark ${mark}`).toBeGreaterThan(100);
  });

  test("gathers the pointers that the plain code gathers", () => {
    const rng = new Rng(13);
    let found = 0;
    for (let round = 0; round < amount(8, 1000); round++) {
      const addresses = Array.from({ length: 1 + rng.below(40) }, () => number(rng, 28) * 4096);
      const wanted = wantedFrames(addresses);
      give(rng, (words) => {
        for (let w = 0; w < 1024; w += 2) {
          const address = addresses[rng.below(addresses.length)]!;
          const kind = rng.below(5);
          words[w] =
            kind === 0 ? 0 : kind === 1 ? rng.below(2 ** 20) << 12 : address + (kind === 2 ? 2 ** rng.below(12) : 0);
          words[w + 1] = rng.below(2) === 0 ? 0xffff8880 : Math.floor(address / 2 ** 32);
        }
      });
      const expected = plain.pointers(wanted);
      expect(Buffer.compare(bytesOf(fast.pointers(wanted)), bytesOf(expected)), `round ${round}`).toBe(0);
      found += expected.length;
    }
    expect(found).toBeGreaterThan(50_000);
  });
});

/** An ELF core of some blocks with something in each of them. */
const core = (() => {
  const rng = new Rng(14);
  const frames = blockFrames * 20 + 7;
  const memory = new Uint8Array(frames * 4096);
  for (let f = 0; f < frames; f += 1 + rng.below(5)) fill(rng, new Uint32Array(memory.buffer, f * 4096, 1024));
  const text = new TextEncoder().encode("OSRELEASE=6.12\nSYMBOL(_stext)=ffffffff81000000\n");
  for (let n = 0; n < 20; n++) {
    const at = rng.below(frames) * 4096;
    memory.fill(0, at, at + 4096);
    memory.set(text, at);
  }
  return writeElf([{ address: 0x100000, bytes: memory }], { bits: 64 });
})();

/** @param cut which of so many MiB end too soon, so that frames there cannot be read; 0 = none */
function image(cut = 0) {
  // A source that promises more than it gives, here and there.
  return openImage({
    name: "image",
    size: core.length,
    read(offset, into) {
      const part = core.subarray(offset, offset + into.length);
      const torn = cut > 0 && Math.floor(offset / 2 ** 20) % cut === 1 ? part.subarray(0, part.length - 5000) : part;
      into.set(torn);
      return torn.length;
    },
  });
}

describe("several threads", () => {
  const input = { names: true };
  /** Others that take their turns before this thread has any. */
  const crewOf = (members: (call: Call) => Promise<readonly Awaited<ReturnType<typeof answer>>[]>): Crew => ({
    call: members,
  });

  test("find what one finds", async () => {
    const alone = askAlone(await image(), surveyTask, input);
    expect(alone.crashInfo.length).toBe(16);
    expect(alone.parts.roots.length).toBeGreaterThan(30);
    expect([...alone.names.values()].every((places) => places.length > 3)).toBe(true);
    const others = [await image(), await image()];
    let done = 0;
    const crew = crewOf(async (call) => {
      // This thread begins at once; the others come in between.
      await Promise.resolve();
      const shares = others.map((own) => answer(own, call));
      done = shares.flatMap((s) => s.done).length;
      return shares;
    });
    const breath = () => Promise.resolve();
    expect(await askTogether(await image(), surveyTask, input, { crew, breath })).toEqual(alone);
    expect(done).toBeGreaterThan(8);
    const counts = askAlone(await image(), pointersTask, [0x100000, 0x200000]);
    const crew2 = crewOf(async (call) => [answer(others[0]!, call)]);
    expect(await askTogether(await image(), pointersTask, [0x100000, 0x200000], { crew: crew2 })).toEqual(counts);
  });

  test("what others took and did not bring back is read again", async () => {
    const alone = askAlone(await image(), surveyTask, input);
    const thief = crewOf(async ({ next }) => {
      Atomics.add(next, 0, 16);
      throw new Error("ended by somebody");
    });
    const late = crewOf(async ({ next }) => {
      Atomics.add(next, 0, 1000);
      return [];
    });
    for (const crew of [thief, late]) {
      expect(await askTogether(await image(), surveyTask, input, { crew })).toEqual(alone);
    }
  });

  test("of what cannot be read is warned once, in one order", async () => {
    const one = await image(3);
    const alone = askAlone(one, surveyTask, input);
    expect(one.warnings.length).toBeGreaterThan(5);
    const helper = await image(3);
    const crew = crewOf(async (call) => [answer(helper, call)]);
    const several = await image(3);
    expect(await askTogether(several, surveyTask, input, { crew })).toEqual(alone);
    expect(several.warnings).toEqual(one.warnings);
    expect(helper.warnings).toEqual([]);
    const visited = await image(3);
    visited.each(() => {});
    expect(visited.warnings).toEqual(one.warnings);
  });

  test("progress rises to 1", async () => {
    const shares: number[] = [];
    await askTogether(await image(), surveyTask, input, { progress: (s) => shares.push(s) });
    expect(shares.at(-1)).toBe(1);
    expect(shares.toSorted((a, b) => a - b)).toEqual(shares);
    expect(shares.length).toBeGreaterThan(3);
  });
});

test("an image is read when something asks, and once", async () => {
  const whole = await image();
  let reads = 0;
  const counted = {
    blockCount: whole.blockCount,
    readBlock: (...a: Parameters<typeof whole.readBlock>) => {
      reads++;
      return whole.readBlock(...a);
    },
  };
  const survey = new Survey(counted, { names: false });
  expect(reads).toBe(0);
  const { crashInfo, names } = survey.found();
  expect(crashInfo.length).toBe(16);
  expect([...names.values()].flat()).toEqual([]);
  await survey.read({});
  survey.found();
  expect(reads).toBe(whole.blockCount);
});
