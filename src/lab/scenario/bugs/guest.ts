/** Demonstrations of bugs of Linux as a guest of Xen: page maps, regions, grants, foreign pages. */
import { GrantType } from "../../../spec/xen/grant_entry.js";
import { MapFlag } from "../../../spec/xen/grant_op.js";
import { entryAddress } from "../../../sw/xen/grant/entry.js";
import { ArmTree, makePool, mapGrant, type XenBugId } from "../../../sw/xen/index.js";
import { bytesAt, filled, page, type XenStageOptions, xenStage } from "../stage.js";
import { bytesText, placeWords } from "../story.js";
import { type Demonstration, judge, type Operation, type Program, solo } from "./demonstration.js";

type Stage = ReturnType<typeof xenStage>;

/** The same small machine with and without the bug. */
function demo(
  title: string,
  id: XenBugId,
  program: (s: Stage) => Program,
  o: XenStageOptions = {},
  actor = "domain 0",
): Demonstration {
  return solo(title, actor, (on) => program(xenStage({ ...o, bugs: on ? [id] : [] })));
}

export const guestDemonstrations = {
  "masked-local-test": demo(
    "another domain's page passes for our own when both count it alike",
    "masked-local-test",
    function* (s) {
      const shared = s.grants.allocShared()!;
      const ref = s.grants.grant(0, shared, false);
      yield `domain 1 grants its page ${placeWords(shared)} as reference ${ref}`;
      const { bus } = mapGrant(s.h, s.d0, { flags: MapFlag.host, domain: 1, ref, page: shared });
      s.back.setForeign(shared, bus / page, true);
      yield `maps it at its own page ${placeWords(shared)}: P2M[${placeWords(shared)}] = ${placeWords(bus / page)} with the foreign flag, M2P[${placeWords(bus / page)}] = ${placeWords(shared)}`;
      const local = s.back.busToLocalPhys(bus);
      yield judge(
        `asks whether ${placeWords(bus)} is local: ${local < 0 ? "no" : `yes, ${placeWords(local)}`}`,
        local < 0,
        "domain 1's page counts as domain 0's",
      );
    },
  ),
  "handle-not-set": demo(
    "a stub says that memory is contiguous and sets no handle",
    "handle-not-set",
    function* (s) {
      const at = s.back.allocPages(1)!;
      const made = s.back.createContiguous(at * page, 1, 32);
      const bus = s.back.physToBus(at * page);
      yield judge(
        `makes two pages at ${placeWords(at * page)} contiguous: ${made.ok ? "success" : "failure"}, handle ${placeWords(made.handle)}; their bus address is ${placeWords(bus)}`,
        made.handle === bus,
        "the handle does not lead to the memory",
      );
    },
    { model: "vp+iommu" },
  ),
  "region-never-given-back": demo("contiguous frames are never given back", "region-never-given-back", function* (s) {
    const low = () => s.h.frames.owner.subarray(0, 2048).filter((o) => o === 0).length;
    const before = low();
    yield `owns ${before} of the 2048 lowest frames`;
    for (let n = 1; n <= 4; n++) {
      const at = s.back.allocPages(3)!;
      s.back.createContiguous(at * page, 3, 23);
      s.back.destroyContiguous(at * page, 3);
      yield judge(
        `makes 8 pages contiguous below 8 MiB and destroys the region, time ${n}: ${low()} low frames`,
        low() <= before,
        `${low() - before} low frames stay behind`,
      );
    }
  }),
  "unaligned-exchange": demo("a pool that is not aligned cannot be exchanged", "unaligned-exchange", function* (s) {
    s.back.allocPages(0);
    yield "takes a page, so that free memory begins at an odd one";
    const pool = makePool(s.back, 2 ** 20);
    yield judge(
      `makes a pool of 1 MiB: ${pool === null ? "Xen refuses the exchange" : `at page ${placeWords(pool.first)}`}`,
      pool !== null,
      "the first page of an extent is not aligned to it",
    );
  }),
  "contiguous-order-limit": demo(
    "4 MiB cannot be had in one piece",
    "contiguous-order-limit",
    function* (s) {
      const at = s.back.allocPages(10)!;
      const { ok } = s.back.createContiguous(at * page, 10, 32);
      yield judge(`makes 1024 pages contiguous: ${ok ? "done" : "refused"}`, ok, "a driver that needs 4 MiB has none");
    },
    { frames: 16384, pages: 4096 },
  ),
  "tree-root-unlocked": {
    title: "the tree of foreign pages is read while another CPU changes it",
    world(on) {
      const tree = new ArmTree();
      tree.add(50, 900, 1);
      tree.add(70, 901, 1);
      let found: number | null = null;
      function* lookup(): Operation {
        found = yield* tree.frameOfSteps(70, on);
        return `looks up page 0x46: frame ${placeWords(found)}`;
      }
      function* removal(): Program {
        tree.remove(50);
        yield "unmaps page 0x32, the root of the tree";
      }
      return {
        actors: [
          { name: "CPU 0", program: lookup() },
          { name: "CPU 1", program: removal() },
        ],
        broken: () => (found === null || found === 901 ? null : `page 0x46 was mapped to 0x385 all the time`),
      };
    },
  },
  "batch-errors-ignored": demo("a failed grant hides the ones mapped after it", "batch-errors-ignored", function* (s) {
    const [a, b] = [0, 1].map(() => s.grants.grant(0, s.grants.allocShared()!, false));
    yield `domain 1 grants references ${a} and ${b}`;
    const got = s.foreign.map([a!, 7777, b!].map((ref) => ({ domain: 1, ref, readOnly: false })));
    const told = got.map(
      (g) => `status ${g.status}${g.page >= 0 && s.back.p2m!.isForeign(g.page) ? ", in the P2M" : ""}`,
    );
    yield judge(
      `maps ${a}, 7777 (which is none) and ${b} in one call: ${told.join("; ")}`,
      got.every((g) => (g.status === 0) === (g.page >= 0 && s.back.p2m!.isForeign(g.page))),
      "a page is mapped and the P2M does not say so",
    );
  }),
  "test-then-free": {
    title: "a page is freed after a test that is no longer true",
    world(on) {
      const s = xenStage({ frames: 1024, pages: 128, guestPages: 32, bugs: on ? ["test-then-free"] : [] });
      const shared = s.grants.allocShared()!;
      const ref = s.grants.grant(0, shared, false);
      function* freeing(): Operation {
        const now = yield* s.grants.endAccessAndFreeSteps(ref, shared);
        return now ? `frees page ${placeWords(shared)}` : "lets the page wait until the other side has let go";
      }
      function* mapping(): Program {
        const [got] = s.foreign.map([{ domain: 1, ref, readOnly: false }]);
        yield `maps reference ${ref}: status ${got!.status}`;
      }
      return {
        actors: [
          { name: "domain 1", program: freeing() },
          { name: "domain 0", program: mapping() },
        ],
        broken: () =>
          !s.grants.live.has(ref) && s.gate.foreignCount > 0 ? "the page is free and domain 0 has it mapped" : null,
      };
    },
  },
  "rest-of-page-leaked": demo(
    "the rest of a granted page is seen by the other side",
    "rest-of-page-leaked",
    function* (s) {
      const secret = s.kernel.allocPages(0)!;
      s.kernel.memory.write(secret * page, filled(page, 0x5a));
      s.kernel.freePages(secret, 0);
      yield `fills page ${placeWords(secret)} with a secret (5a) and frees it`;
      const shared = s.grants.allocShared()!;
      const ref = s.grants.grant(0, shared, true);
      s.kernel.memory.write(shared * page, Uint8Array.of(1, 2, 3));
      yield `takes page ${placeWords(shared)} for three bytes, and grants it`;
      const [got] = s.foreign.map([{ domain: 1, ref, readOnly: true }]);
      const seen = bytesAt(s.back.memory, got!.page * page, page);
      yield judge(
        `domain 0 maps it and reads ${bytesText(seen)}`,
        seen.subarray(3).every((b) => b === 0),
        `${seen.filter((b) => b === 0x5a).length} bytes of the secret are domain 0's`,
      );
    },
    {},
    "domain 1",
  ),
  "restore-window": demo(
    "for a moment a page has no frame",
    "restore-window",
    function* (s) {
      const ref = s.grants.grant(0, s.grants.allocShared()!, false);
      const got = s.foreign.map([{ domain: 1, ref, readOnly: false }]);
      const at = got[0]!.page;
      yield `maps reference ${ref} at its page ${placeWords(at)}`;
      const unmapping = s.foreign.unmapSteps(got);
      for (let step = unmapping.next(); step.done !== true; step = unmapping.next()) {
        const frame = s.d0.map.frameOf(at);
        yield judge(
          `${step.value}: page ${placeWords(at)} has frame ${placeWords(frame)}`,
          frame >= 0,
          "another CPU that reads the page faults",
        );
      }
    },
    { era: "2013" },
  ),
  "loop-back": demo(
    "the reverse of a page mapped from oneself is the wrong one",
    "loop-back",
    function* (s) {
      const own = s.back.allocPages(0)!;
      s.h.memory.store32(entryAddress(s.d0, 9) + 4, s.d0.map.frameOf(own));
      s.h.memory.store32(entryAddress(s.d0, 9), GrantType.permitAccess);
      yield `grants its page ${placeWords(own)} to itself`;
      const [got] = s.foreign.map([{ domain: 0, ref: 9, readOnly: false }]);
      const back = s.back.busToPhys(got!.bus);
      yield judge(
        `maps it at page ${placeWords(got!.page)}; the reverse of ${placeWords(got!.bus)} is ${placeWords(back)}`,
        back === got!.page * page,
        "a lock is taken on the page that is already locked",
      );
    },
    { era: "2011" },
  ),
} satisfies Readonly<Partial<Record<XenBugId, Demonstration>>>;
