/** Random input to an SMMUv3: the first half of the machines. */
import { test } from "vitest";
import { anythingIsAnswered } from "./smmuv3_hostile.js";

test("anything that software writes", () => anythingIsAnswered(1));
