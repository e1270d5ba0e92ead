/**
 * A plugin of StrykerJS: of the mutations in the ranges that it was given, those that were drawn are tried. Several
 * mutations share one range, and a block's range holds all that is in the block.
 */
import { readFileSync } from "node:fs";
import { commonTokens, declareClassPlugin, PluginKind, tokens } from "@stryker-mutator/api/plugin";
import { identity } from "./sample.mjs";

export const strykerValidationSchema = {
  type: "object",
  properties: {
    drawn: { type: "string", description: "A file with the identities of the mutations that were drawn." },
  },
};

/** StrykerJS asks checkers which mutations compile; one that was not drawn is said not to. */
class DrawnOnly {
  static inject = tokens(commonTokens.options);
  #drawn;

  constructor(options) {
    this.#drawn = new Set(JSON.parse(readFileSync(options.drawn, "utf8")));
  }

  async init() {}

  async check(mutants) {
    const verdict = (m) =>
      this.#drawn.has(identity(m)) ? { status: "passed" } : { status: "compileError", reason: "not drawn" };
    return Object.fromEntries(mutants.map((m) => [m.id, verdict(m)]));
  }

  async group(mutants) {
    return [mutants.map((m) => m.id)];
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.Checker, "drawn-only", DrawnOnly)];
