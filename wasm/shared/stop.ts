/** Why what comes next was left to the host. Modules name the same reasons; each has some of them. */

/** It was not: the batch is full, or all is read. */
export const nothing: i32 = 0;
/** It has another form than most: a line, or an event (a loss, a record of a task or a device that is not known, too). */
export const oddForm: i32 = 1;
/** It has a word that a table does not know: of its task, its device, its event, a key, an attribute. */
export const newTask: i32 = 2;
export const newDevice: i32 = 3;
export const newName: i32 = 4;
export const newKey: i32 = 5;
export const newAttribute: i32 = 6;
/** The next event is in another block, on a damaged page, or damaged itself. */
export const advance: i32 = 7;

export let reason: i32 = nothing;
/** The unknown word. */
export let wordFrom: i32 = 0;
export let wordTo: i32 = 0;

export function begin(): void {
  reason = nothing;
}

/** @returns false, which is 0: no place in a line. */
export function stop(why: i32): bool {
  reason = why;
  return false;
}

/** @returns as `stop` */
export function odd(): bool {
  return stop(oddForm);
}

/** @param table that does not know it @returns as `stop` */
export function unknownWord(table: i32, from: usize, to: usize): bool {
  wordFrom = <i32>from;
  wordTo = <i32>to;
  return stop(table);
}
