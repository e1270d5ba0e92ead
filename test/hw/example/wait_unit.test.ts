/** The example of ARCHITECTURE.md: it is printed there as it stands here, and explored. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { frameBytes } from "../../../src/base/frame.js";
import { explore } from "../../../src/check/explore.js";
import { coarseSteps } from "../../../src/check/granularity.js";
import type { Universe } from "../../../src/check/universe.js";
import { Memory } from "../../../src/mem/memory.js";
import { vtdRegisters } from "../../../src/spec/vtd/register_map.js";
import type { OnAccess } from "../../../src/state/live.js";
import { MachineState } from "../../../src/state/machine_state.js";
import { keptIn } from "../../../tools/hidden_state.js";
import { flush, queueAt, WaitUnit } from "./wait_unit.js";

const limits = { statesMax: 1000, bytesMax: 2 ** 24 };

function machine(onAccess?: OnAccess): Universe {
  const state = new MachineState(onAccess === undefined ? {} : { onAccess });
  const memory = new Memory(3);
  memory.noteIn(state);
  const unit = new WaitUnit({ state, memory });
  const { registers } = unit;
  registers.write64(vtdRegisters.registers.iqa.offset, queueAt, 0);
  const driver = flush.start(state, { memory, registers });
  const posted = () => driver.locals.tail / 16;
  return {
    state,
    actors: [driver, unit],
    always: {
      "nothing is taken that was not posted": () => registers.get("iqh") <= driver.locals.tail,
      "nothing is done that was not posted": () => driver.locals.round <= posted(),
    },
    sometimes: { "the unit lags behind": () => registers.get("iqh") < registers.get("iqt") },
    atRest: { "the driver is done": () => driver.isDone },
  };
}

test("it is explored to its end, and tells its registers by name", () => {
  const found = explore(() => machine(), limits);
  expect(found).toMatchObject({ states: 11, complete: true, violated: null, atRest: 1 });
  expect(found.sometimes).toEqual({ "the unit lags behind": true });
  const wrong = explore(() => ({ ...machine(), always: {}, atRest: { never: () => false } }), limits);
  expect(wrong.violated!.steps.slice(0, 3).map(({ step, changes }) => [step, ...changes.map((c) => c.cell)])).toEqual([
    ["post", "0x1000", "0x1004", "0x1008", "position"],
    ["ring", "tail", "iqt", "position"],
    ["fetch descriptor", "descriptor[0]", "descriptor[1]", "descriptor[2]", "iqh", "taken"],
  ]);
});

test("its steps are fine enough, and it keeps declared state only", () => {
  expect(coarseSteps(machine, limits).coarse).toEqual([]);
  const kept = keptIn(readFileSync("test/hw/example/wait_unit.ts", "utf8")).map((k) => k.name);
  expect(kept).toEqual(["WaitUnit.#words"]);
});

test("ARCHITECTURE.md prints it as it stands here", () => {
  const text = readFileSync("test/hw/example/wait_unit.ts", "utf8");
  const architecture = readFileSync("ARCHITECTURE.md", "utf8");
  for (const part of ["unit", "driver"]) {
    const code = text.split(`// [${part}]\n`)[1]!.split(`// [/${part}]`)[0]!;
    expect(architecture, part).toContain(code);
  }
});

test("the queue lies in one frame", () => expect(queueAt % frameBytes).toBe(0));
