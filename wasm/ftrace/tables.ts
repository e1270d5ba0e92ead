/** Where in memory what the host told is kept, and where lines and events are. */
import { batchBytes } from "../shared/columns";
import { add, find } from "../shared/known_words";
import { newAttribute, newDevice, newKey, newName, newTask, wordFrom, wordTo } from "../shared/stop";

/** Bytes of a block of lines, with what may be looked at behind them. */
const blockBytes = (1 << 20) + 4096;
const entryBytes = 64;

// Below is asc's own.
const tasks: usize = 4096;
const taskSlots = 4096;
const devices: usize = tasks + entryBytes * taskSlots;
const deviceSlots = 1024;
const names: usize = devices + entryBytes * deviceSlots;
const nameSlots = 1024;
const keys: usize = names + entryBytes * nameSlots;
const keySlots = 256;
const attributes: usize = keys + entryBytes * keySlots;
const attributeSlots = 64;

/** Four words for each form of an event: its kind, `Opening` + 4 * (0 set, 1 unset, 2 coherent), required roles, unused. */
export const forms: i32 = <i32>attributes + entryBytes * attributeSlots;
const formsMax = 256;
export const block: i32 = forms + 16 * formsMax;
export const firstBatch: i32 = (block + blockBytes + 7) & ~7;
export const secondBatch: i32 = firstBatch + batchBytes;
export const end: i32 = secondBatch + batchBytes;

export function findTask(p: usize, end: usize): i32 {
  return find(tasks, taskSlots, p, <i32>(end - p));
}
export function findDevice(p: usize, end: usize): i32 {
  return find(devices, deviceSlots, p, <i32>(end - p));
}
export function findName(p: usize, end: usize): i32 {
  return find(names, nameSlots, p, <i32>(end - p));
}
export function findKey(p: usize, end: usize): i32 {
  return find(keys, keySlots, p, <i32>(end - p));
}
export function findAttribute(p: usize, end: usize): i32 {
  return find(attributes, attributeSlots, p, <i32>(end - p));
}

/** Remember the number of the word that `reason` asked for. */
export function learn(reason: i32, number: i32): void {
  const p = <usize>wordFrom;
  const length = wordTo - wordFrom;
  if (reason === newTask) add(tasks, taskSlots, p, length, number);
  else if (reason === newDevice) add(devices, deviceSlots, p, length, number);
  else if (reason === newName) add(names, nameSlots, p, length, number);
  else if (reason === newKey) add(keys, keySlots, p, length, number);
  else if (reason === newAttribute) add(attributes, attributeSlots, p, length, number);
}

/** Forget all words. */
export function forget(): void {
  memory.fill(tasks, 0, <usize>forms - tasks);
}
