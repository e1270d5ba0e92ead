/** Descriptions of machines for programs: checked, and as a schema. */
import { describeMachine } from "../lab/machine/description/description.js";
import { machineJsonSchema as schema } from "../lab/machine/description/json_schema.js";
import type { MachineDescription } from "./machine_description.js";

/**
 * Read a description and see whether such a machine can be.
 * @param description YAML, or an object
 * @param name what messages call it
 * @throws Unreadable: a line for each mistake, with line and column, or of an object with its path.
 */
export function checkMachine(description: string | MachineDescription, name = "machine"): void {
  describeMachine(name, description);
}

/** The description as JSON Schema (draft 2020-12): editors complete and check descriptions with it. */
export const machineJsonSchema = (): object => schema();
