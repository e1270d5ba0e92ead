/** Random input to a VT-d unit in scalable mode. */
import { test } from "vitest";
import { anythingIsAnswered } from "./vtd_hostile.js";

test("anything that software writes", () =>
  anythingIsAnswered(true, [0x39, 0x44, 0x51, 0x84, 0x46, 0x59, 0x79, 0x80, 0x3a, 0x41, 0x58, 0x70, 0x71]));
