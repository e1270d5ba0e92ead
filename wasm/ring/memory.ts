/** Where in memory what the host put there is, and where events go. */
import { batchBytes } from "../shared/columns";

const eventNumbers = 65536;
const taskSlots = 1 << 15;
/** Words that all plans may have: far more than there are tracepoints. */
export const planWords: i32 = 1 << 14;
export const streamsMax: i32 = 8192;
/** Bytes of a stream's state. */
export const streamBytes: i32 = 64;

// Below is asc's own.
/** By event number: where its plan begins among the words of `plans`, `notRead` for those that are `other`, or `hostReads`. */
export const planOf: i32 = 4096;
export const plans: i32 = planOf + 4 * eventNumbers;
/** Process numbers that the host has told the task of: each with the task's number plus one, 0 for a free entry. */
const tasks: i32 = plans + 4 * planWords;
export const streams: i32 = tasks + 8 * taskSlots;
/** Numbers of the streams that are not done, as a heap. */
export const heap: i32 = streams + streamBytes * streamsMax;
export const devices: i32 = heap + 4 * streamsMax;
export const deviceSlots: i32 = 1024;
export const batch: i32 = devices + 64 * deviceSlots;
/** Where the blocks of pages begin. */
export const blocks: i32 = (batch + batchBytes + 4095) & ~4095;

/** Of `planOf`. */
export const notRead: i32 = -1;
export const hostReads: i32 = -2;

/** Entries looked at for a process number. */
const mostTries = 8;

/** @returns the number of the task of process `pid`; -1 when the host has not told it. */
export function taskOf(pid: i32): i32 {
  for (let tries = 0; tries < mostTries; tries++) {
    const entry = tasks + (((pid + tries) & (taskSlots - 1)) << 3);
    const task = load<i32>(entry, 4);
    if (task === 0 || load<i32>(entry) === pid) return task - 1;
  }
  return -1;
}

/** Remember the number of the task of process `pid`, if there is room. */
export function learnTask(pid: i32, task: i32): void {
  for (let tries = 0; tries < mostTries; tries++) {
    const entry = tasks + (((pid + tries) & (taskSlots - 1)) << 3);
    if (load<i32>(entry, 4) !== 0) continue;
    store<i32>(entry, pid);
    store<i32>(entry, task + 1, 4);
    return;
  }
}

/** Forget all tasks and devices that the host has told. */
export function forgetNames(): void {
  memory.fill(tasks, 0, streams - tasks);
  memory.fill(devices, 0, batch - devices);
}
