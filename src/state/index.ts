/** State that can be copied, compared and explored: declared records, a journal of writes, programs of named steps. */
export type { Mark } from "./journal.js";
export type { OnAccess } from "./live.js";
export { type Changed, type Described, lineWords, MachineState } from "./machine_state.js";
export type { Part } from "./part.js";
export { end, type Next, type Program, program, type Running, type Step } from "./program.js";
export { RawRecord } from "./raw.js";
export {
  type Cell,
  type CellArray,
  type Cells,
  cell,
  cells,
  type Drafts,
  type Elements,
  type Live,
  type Place,
  type RecordType,
  record,
  type Wide,
  wide,
} from "./record.js";
