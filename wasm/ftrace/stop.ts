/** Why a line was left to the host. */

/** None was: all is read, or the batch is full. */
export const nothing: i32 = 0;
/** The line has another form than most. */
export const oddLine: i32 = 1;
/** The line has a word that a table does not know: of its task, its device, its event, a key, an attribute. */
export const newTask: i32 = 2;
export const newDevice: i32 = 3;
export const newName: i32 = 4;
export const newKey: i32 = 5;
export const newAttribute: i32 = 6;

export let reason: i32 = nothing;
/** The unknown word. */
export let wordFrom: i32 = 0;
export let wordTo: i32 = 0;

export function begin(): void {
  reason = nothing;
}

/** @returns 0, which is no place in a line. */
export function odd(): usize {
  reason = oddLine;
  return 0;
}

/** @returns 0, which is no place in a line. */
export function unknownWord(kind: i32, from: usize, to: usize): usize {
  reason = kind;
  wordFrom = <i32>from;
  wordTo = <i32>to;
  return 0;
}
