/** The description that programs write says what the schema says that it is held against. The compiler is the test. */
import type { z } from "zod";
import type { MachineDescription } from "../../src/doors/machine.js";
import type { machineSchema } from "../../src/lab/machine/description/schema.js";

/** Without what the two need not share: who may write it, and whether left out is a value. */
type Bare<T> = T extends readonly (infer Item)[]
  ? readonly Bare<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Bare<Exclude<T[Key], undefined>> }
    : T;
/** Each key and each name of one is one of the other. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

type Written = Bare<MachineDescription>;
type Held = Bare<z.input<typeof machineSchema>>;
type Program<T extends Written> = NonNullable<T["workload"]>[number];

export const same: Same<Written, Held> = true;

// @ts-expect-error a key is missing
export const key: Same<Omit<Written, "seed">, Held> = true;
// @ts-expect-error a program is missing
export const program: Same<Exclude<Program<Written>["program"], "disk">, Program<Held>["program"]> = true;
