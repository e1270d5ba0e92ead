/** A unit of QEMU's and one of ours, of which one entry is replaced while a device reads and writes through it. */
import type { RegisterFile } from "../../../src/bus/registers.js";
import type { ReplacedEntry } from "../../../src/lab/replace/replaced_entry.js";
import type { MemoryView } from "../../../src/mem/view.js";
import type { UnitRoot } from "../../../src/table/device/index.js";
import type { CodeSet } from "../../../src/table/index.js";
import type { Edu } from "../edu.js";
import type { Answering } from "../program/ours.js";
import type { ProgramUnit } from "../program/program_unit.js";
import type { Act, Twin } from "../program/twin.js";
import type { KnownReplaceFaults } from "./known.js";
import type { Pages } from "./pages.js";

/** Our unit, QEMU's, and how software asks both: the units of random programs are such. */
export interface Asked extends Answering, Pick<ProgramUnit, "qemuFaults" | "progress"> {
  readonly twin: Twin;
  readonly registers: RegisterFile<string>;
  /** What software does to have commands carried out, to the wait behind them. */
  asking(commands: readonly Uint32Array[]): Act[];
  /** Our unit does what it was asked. */
  work(): void;
}

export interface ReplacedUnit {
  readonly name: string;
  readonly unit: Asked;
  /** Its entries lead to tables of this machine. */
  readonly of: ReplacedEntry;
  /** As registers describe the unit. */
  readonly root: UnitRoot;
  readonly codes: CodeSet;
  readonly known: KnownReplaceFaults;
  readonly edu: Edu;
  readonly entryAt: number;
  /** Memory while the device is away from home, with this entry in it. */
  with(entry: Uint32Array): MemoryView;
  readonly pages: Pages;
  /** Stores after which all that the device asks for passes as it is, and those after which the entry counts again. */
  readonly home: readonly Act[];
  readonly away: readonly Act[];
  /** Commands by which all is forgotten. */
  readonly forgetAll: readonly Uint32Array[];
  /** The ways to have the entry forgotten, which the last command of each does; then, what is under way waited for. */
  readonly forgetEntry: readonly (readonly Uint32Array[])[];
  readonly drain: readonly Uint32Array[];
  /** Translations under the tag of an entry. */
  forgetTag(entry: Uint32Array): readonly Uint32Array[];
}
