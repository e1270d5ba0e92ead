/** Where an event of a batch stands, and which page an address is in. */
import { frameBytes } from "../../../base/frame.js";
import type { EventBatch } from "../../../read/event.js";
import type { Mark } from "./unmapping.js";

export const markOf = (b: EventBatch, i: number): Mark => ({ time: b.time[i]!, cpu: b.cpu[i]!, task: b.task[i]! });

/** The first byte of the address's page. */
export const down = (address: number): number => address - (address % frameBytes);
