/** Page requests of a VT-d unit: queued, told of once, lost when the queue is full, answered by a descriptor. */
import { expect, test } from "vitest";
import { write } from "../../../src/bits/field.js";
import { type PageGroupAnswer, type PageRequest, PageResponseCode } from "../../../src/bus/page_requests.js";
import { DescriptorType, PageGroupResponse } from "../../../src/spec/vtd/descriptors.js";
import { pageRequestOf } from "../../../src/spec/vtd/queue.js";
import { vtdRegisters } from "../../../src/spec/vtd/register_map.js";
import { scalableAbilities, VtdSoftware } from "./vtd_software.js";

const { registers: at } = vtdRegisters;
const [ppr, pro] = [1, 2];
const prs = 2 ** 29;

const wanted: PageRequest = {
  ...{ requester: 0x18, pasid: 5, frame: 0x1_2345_6789, read: true, write: true, group: 0x155, last: true },
};

function machine(prsBit = prs) {
  const answers: PageGroupAnswer[] = [];
  const s = new VtdSoftware({
    extendedCapability: [scalableAbilities[0] + prsBit, scalableAbilities[1]],
    pageAnswer: (a) => answers.push(a),
  }).start();
  const queue = s.frame() * 4096;
  const { registers } = s.unit;
  registers.write64(at.pqa.offset, queue, 0);
  registers.write32(at.pedata.offset, 7);
  registers.write32(at.pectl.offset, 0);
  const entry = (n: number) => {
    const word = (k: number) => BigInt(s.memory.load32(queue + n * 32 + k * 4));
    return pageRequestOf(word(0) | (word(1) << 32n), word(2) | (word(3) << 32n));
  };
  return { s, answers, entry, registers, status: () => registers.read32(at.prs.offset) };
}

test("a request is where software finds it, and it is told once", () => {
  const { s, entry, registers, status, answers } = machine();
  s.unit.requested(wanted);
  s.unit.requested({ ...wanted, pasid: null, write: false, frame: 3 });
  expect([entry(0), entry(1)]).toEqual([
    { requester: 0x18, pasid: 5, write: true, address: 0x1_2345_6789_000n },
    { requester: 0x18, pasid: null, write: false, address: 0x3000n },
  ]);
  expect([registers.get("pqt"), status(), s.sent.map(({ data }) => data), answers]).toEqual([64, ppr, [7], []]);
  registers.write32(at.prs.offset, ppr);
  s.unit.requested(wanted);
  expect([status(), s.sent.length]).toEqual([ppr, 2]);
});

test("what finds the queue full is lost; the last of a group is answered, so that the device asks again", () => {
  const { s, registers, status, answers } = machine();
  for (let n = 0; n < 127; n++) s.unit.requested(wanted);
  expect([registers.get("pqt"), status(), answers.length]).toEqual([127 * 32, ppr, 0]);
  s.unit.requested({ ...wanted, last: false });
  s.unit.requested({ ...wanted, read: false, write: false });
  expect([status(), answers]).toEqual([ppr | pro, []]);
  s.unit.requested(wanted);
  const { success } = PageResponseCode;
  expect(answers).toEqual([{ requester: 0x18, pasid: 5, group: 0x155, code: success }]);
  // Room alone is not enough: software says that it knows of the loss.
  registers.write64(at.pqh.offset, 127 * 32, 0);
  s.unit.requested(wanted);
  expect([registers.get("pqt"), answers.length]).toEqual([127 * 32, 2]);
  registers.write32(at.prs.offset, ppr | pro);
  s.unit.requested(wanted);
  expect([registers.get("pqt"), status(), answers.length]).toEqual([0, ppr, 2]);
});

test("software answers a group by the invalidation queue", () => {
  const { s, answers } = machine();
  for (const [pasid, code] of [[5, PageResponseCode.failure] as const, [null, PageResponseCode.success] as const])
    s.post((w) => {
      write(w, 0, PageGroupResponse.type, DescriptorType.pageGroupResponse);
      write(w, 0, PageGroupResponse.sid, 0x18);
      write(w, 0, PageGroupResponse.pp, pasid === null ? 0 : 1);
      write(w, 0, PageGroupResponse.pasid, pasid ?? 0);
      write(w, 0, PageGroupResponse.group, 0x155);
      write(w, 0, PageGroupResponse.code, code);
    });
  s.ring();
  expect(answers).toEqual([
    { requester: 0x18, pasid: 5, group: 0x155, code: 15 },
    { requester: 0x18, pasid: null, group: 0x155, code: 0 },
  ]);
});

test("a unit without page requests answers that they are invalid; a queue beyond memory is a full one", () => {
  const without = machine(0);
  without.s.unit.requested(wanted);
  expect([without.answers.map(({ code }) => code), without.status()]).toEqual([[PageResponseCode.invalid], 0]);
  const { s, registers, status } = machine();
  registers.write64(at.pqa.offset, 0xffff_f000, 0xff);
  s.unit.requested(wanted);
  expect(status()).toBe(pro);
});
