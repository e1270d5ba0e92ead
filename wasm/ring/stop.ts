/** Why a stream was left to the host. */

/** None was: the batch is full, or all streams are done. */
export const nothing: i32 = 0;
/** Its present event is for the host: a loss, a record of another form, of a task or a device that is not known. */
export const event: i32 = 1;
export const newTask: i32 = 2;
export const newDevice: i32 = 3;
/** Its next event is: it is in another block, on a damaged page, or damaged itself. */
export const advance: i32 = 4;

export let reason: i32 = nothing;
/** The device's name that is not known. */
export let nameAt: i32 = 0;
export let nameBytes: i32 = 0;

/** @returns false: the host has to go on. */
export function stop(why: i32): bool {
  reason = why;
  return false;
}

export function stopAtDevice(at: usize, bytes: i32): bool {
  nameAt = <i32>at;
  nameBytes = bytes;
  return stop(newDevice);
}

export function begin(): void {
  reason = nothing;
}
