/** Which mappings may lie beside others. */
import { Direction } from "../../spec/dma/direction.js";

/** SKIP_CPU_SYNC, CACHELINES_OVERLAP, REQUIRE_COHERENT: the kernel's checker leaves these mappings out. */
const exemptAttrs = (1 << 5) | (1 << 11) | (1 << 12);

/** Whether a mapping's memory may not be shared with another one's: its device writes, and nothing says it is known. */
export const mayWrite = (direction: number, attrs: number): boolean =>
  direction !== Direction.toDevice && (attrs & exemptAttrs) === 0;
