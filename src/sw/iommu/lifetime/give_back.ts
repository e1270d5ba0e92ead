/**
 * A guest gives a page back that a device with a TLB of its own may still reach: what a hypervisor does, step by step, under
 * each policy.
 *
 * Source: D2; Xen xen/common/memory.c (decrease_reservation), xen/drivers/passthrough/vtd/qinval.c; VT-d 4.1, 6.5.2.
 */

import { write } from "../../../bits/field.js";
import type { WideRegisters } from "../../../bus/registers.js";
import type { Memory } from "../../../mem/memory.js";
import * as D from "../../../spec/vtd/descriptors.js";
import { vtdRegisters } from "../../../spec/vtd/register_map.js";
import { FaultStatus } from "../../../spec/vtd/registers.js";
import { cell, end, type Live, program } from "../../../state/index.js";
import type { PageBook } from "./page_book.js";
import type { ReleasePolicy } from "./policies.js";

const { iqt, fsts } = vtdRegisters.registers;
const unanswered = 2 ** FaultStatus.ite.lsb;

export interface GiveBackEnv {
  readonly memory: Memory;
  readonly registers: WideRegisters;
  readonly policy: ReleasePolicy;
  readonly book: PageBook;
  /** The page that is given back. */
  readonly page: number;
  /** The entry that leads to it, and the device's context entry. */
  readonly leafAt: number;
  readonly contextAt: number;
  readonly queueAt: number;
  readonly statusAt: number;
  readonly requester: number;
  readonly did: number;
  /** Frame of the guest's address. */
  readonly frame: number;
}

const locals = {
  tail: cell("bytes from the queue's begin"),
  wait: cell("byte of the last wait in the queue: its status word is its own"),
  posted: cell<0 | 1 | 2>("1 = a submission waits for its answer; 2 = it is the one that fences"),
} as const;
type Locals = Live<typeof locals>;

const isAnswered = ({ memory, statusAt }: GiveBackEnv, s: Locals) => memory.load32(statusAt + s.wait / 4) === 1;
const isGivenUp = ({ registers }: GiveBackEnv) => (registers.read32(fsts.offset) & unanswered) !== 0;

/** The hypervisor's side. Without waiting, the completion is `completion`'s to handle. */
export const giveBack = program<GiveBackEnv>()("hypervisor", locals, {
  clear: {
    atomic: "the entry and its account change under one lock",
    does({ memory, leafAt, book, page }) {
      memory.store64(leafAt, 0, 0);
      book.unmap(page);
      return "post";
    },
  },
  post: {
    atomic: "nobody reads descriptors or a status before the doorbell",
    does(env, s) {
      submit(env, s, [iotlb(env), deviceTlb(env), wait(env, s)]);
      s.posted = 1;
      return "ring";
    },
  },
  ring: {
    atomic: "the position is the program's own",
    does(env, s) {
      ring(env, s);
      return env.policy.waits ? "answered?" : "release";
    },
  },
  "answered?": {
    when: (env, s) => isAnswered(env, s) || isGivenUp(env) || env.policy.patience === "bounded",
    atomic: "the unit's status is read and cleared by one who holds its lock",
    does(env, s) {
      if (isAnswered(env, s)) return "done";
      if (isGivenUp(env)) env.registers.write32(fsts.offset, unanswered);
      if (env.policy.onSilence === "again") return "post";
      return env.policy.onSilence === "free" ? "done" : "block";
    },
  },
  /** Neither translated requests nor others are taken from the device any more. */
  block: {
    does({ memory, contextAt }) {
      memory.store(contextAt, [0, 0, 0, 0]);
      return "post block";
    },
  },
  "post block": {
    atomic: "nobody reads descriptors or a status before the doorbell",
    does(env, s) {
      submit(env, s, [context(env), iotlb(env), wait(env, s)]);
      return "ring block";
    },
  },
  "ring block": {
    atomic: "the position is the program's own",
    does(env, s) {
      ring(env, s);
      return "blocked?";
    },
  },
  /** A queue that stopped for the device goes on once software has seen why. */
  "blocked?": {
    when: (env, s) => isAnswered(env, s) || isGivenUp(env),
    atomic: "the unit's status is read and cleared by one who holds its lock",
    does(env, s) {
      if (isAnswered(env, s)) return "done";
      env.registers.write32(fsts.offset, unanswered);
      return "post block";
    },
  },
  done: {
    atomic: "accounts change under one lock",
    does({ book, page }, s) {
      s.posted = 0;
      book.flushed(page);
      return "release";
    },
  },
  release: {
    atomic: "accounts change under one lock",
    does({ book, page, policy }) {
      if (policy.keeps === "references") book.release(page);
      else book.free(page);
      return end;
    },
  },
});

/** The handler of the completion, where nobody waits for it. */
export const completion = program<GiveBackEnv & { readonly of: Locals }>()(
  "completion handler",
  { none: cell("nothing") },
  {
    "answered?": {
      when: (env) => env.of.posted === 1 && (isAnswered(env, env.of) || isGivenUp(env)),
      atomic: "the unit's status is read and cleared, and accounts change, under one lock",
      does(env) {
        if (isAnswered(env, env.of)) {
          env.of.posted = 0;
          env.book.flushed(env.page);
          return end;
        }
        env.registers.write32(fsts.offset, unanswered);
        return "post";
      },
    },
    post: {
      atomic: "nobody reads descriptors or a status before the doorbell",
      does(env) {
        submit(env, env.of, [iotlb(env), deviceTlb(env), wait(env, env.of)]);
        return "ring";
      },
    },
    ring: {
      atomic: "the position is the program's own",
      does(env) {
        ring(env, env.of);
        return "answered?";
      },
    },
  },
);

const descriptorBytes = 16;
/** Where the wait of the next submission stands: the third descriptor. */
const waitOf = (s: Locals) => (s.tail + 2 * descriptorBytes) % queueBytes;

const queueBytes = 4096;

/** Three descriptors are one store of 48 bytes here: nobody reads them before the doorbell. */
function submit({ memory, queueAt, statusAt }: GiveBackEnv, s: Locals, descriptors: readonly Uint32Array[]): void {
  memory.store32(statusAt + waitOf(s) / 4, 0);
  for (const [n, words] of descriptors.entries())
    memory.store(queueAt + ((s.tail + n * descriptorBytes) % queueBytes), words);
}

function ring({ registers }: GiveBackEnv, s: Locals): void {
  s.wait = waitOf(s);
  s.tail = (s.tail + 3 * descriptorBytes) % queueBytes;
  registers.write64(iqt.offset, s.tail, 0);
}

function descriptor(set: (w: Uint32Array) => void): Uint32Array {
  const words = new Uint32Array(4);
  set(words);
  return words;
}

const iotlb = ({ did, frame }: GiveBackEnv) =>
  descriptor((w) => {
    write(w, 0, D.IotlbInvalidate.type, D.DescriptorType.iotlb);
    write(w, 0, D.IotlbInvalidate.g, 3);
    write(w, 0, D.IotlbInvalidate.dw, 1);
    write(w, 0, D.IotlbInvalidate.did, did);
    write(w, 0, D.IotlbInvalidate.page, frame as never);
  });

const context = ({ did, requester }: GiveBackEnv) =>
  descriptor((w) => {
    write(w, 0, D.ContextInvalidate.type, D.DescriptorType.context);
    write(w, 0, D.ContextInvalidate.g, 3);
    write(w, 0, D.ContextInvalidate.did, did);
    write(w, 0, D.ContextInvalidate.sid, requester);
  });

const deviceTlb = ({ requester, frame }: GiveBackEnv) =>
  descriptor((w) => {
    write(w, 0, D.DeviceTlbInvalidate.type, D.DescriptorType.deviceTlb);
    write(w, 0, D.DeviceTlbInvalidate.sid, requester);
    write(w, 0, D.DeviceTlbInvalidate.page, frame as never);
  });

/**
 * A wait stores into the word of its own slot: one that was given up may be answered later, and is not to be taken for
 * another (XSA-373).
 */
const wait = ({ statusAt }: GiveBackEnv, s: Locals) =>
  descriptor((w) => {
    write(w, 0, D.InvalidationWait.type, D.DescriptorType.wait);
    write(w, 0, D.InvalidationWait.sw, 1);
    write(w, 0, D.InvalidationWait.data, 1);
    write(w, 0, D.InvalidationWait.at, statusAt + waitOf(s) / 4);
  });
