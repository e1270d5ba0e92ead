/** Random input to an SMMUv3: the second half of the machines, in a file of its own so that none takes long. */
import { test } from "vitest";
import { anythingIsAnswered } from "./smmuv3_hostile.js";

test("anything that software writes", () => anythingIsAnswered(100_001));
