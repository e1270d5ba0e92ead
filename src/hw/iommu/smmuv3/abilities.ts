/** What this SMMUv3 is able to do: of what its identification registers are asked to say, what is modelled. */
import { write } from "../../../bits/field.js";
import { Idr0, Idr1, Idr3, Idr5 } from "../../../spec/smmuv3/registers.js";

/** Identification registers. */
export interface Identification {
  readonly idr0: number;
  readonly idr1: number;
  readonly idr3: number;
  readonly idr5: number;
}

/**
 * Left out are hardware updates of tables, tables of 32 and 128 bits, of big-endian words and of 52-bit addresses with
 * small granules; broadcasts, address translation operations, realms, enhanced queues, MPAM, permission tables and
 * permission indirection; ATS of the first stage alone; tables and queues whose place is fixed.
 */
export function modelled(asked: Identification): Identification {
  const w = Uint32Array.of(asked.idr0, asked.idr1, asked.idr3, asked.idr5);
  for (const f of [Idr0.httu, Idr0.btm, Idr0.atos, Idr0.vatos, Idr0.dormhint, Idr0.rme]) write(w, 0, f, 0);
  write(w, 0, Idr0.ttf, 2);
  write(w, 0, Idr0.ttendian, 2);
  write(w, 0, Idr0.ns1ats, 1);
  for (const f of [Idr1.rel, Idr1.queuesPreset, Idr1.tablesPreset, Idr1.ecmdq]) write(w, 1, f, 0);
  const unused = [Idr3.pbha, Idr3.mpam, Idr3.dpt, Idr3.pasidTt, Idr3.s1pi, Idr3.s2pi, Idr3.s2po];
  for (const f of [...unused, Idr3.the, Idr3.mtePerm, Idr3.aie]) write(w, 2, f, 0);
  for (const f of [Idr5.ds, Idr5.d128]) write(w, 3, f, 0);
  return { idr0: w[0]!, idr1: w[1]!, idr3: w[2]!, idr5: w[3]! };
}
