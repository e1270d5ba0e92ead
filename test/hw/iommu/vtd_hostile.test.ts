/** Random input to a VT-d unit in legacy mode. */
import { test } from "vitest";
import { anythingIsAnswered } from "./vtd_hostile.js";

test("anything that software writes", () => anythingIsAnswered(false, [1, 4, 5, 6, 0xd, 2, 3, 7, 8, 0xa, 0xb, 0xc]));
