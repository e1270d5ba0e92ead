/**
 * What the doors hand on, as the declarations say that a consumer's compiler reads: every type that is named is exported by
 * the same door, every export has a comment that editors show, no call has two arguments of one type, and nothing of other
 * packages shines through.
 */
import { readdirSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const { exports: doors } = JSON.parse(readFileSync("package.json", "utf8")) as { exports: Record<string, string> };
const files = Object.entries(doors).flatMap(([name, file]) =>
  name === "./package.json" ? [] : [[name, file.replace(/\.js$/, ".d.ts")] as const],
);

const { options: asExamples } = ts.parseJsonConfigFileContent(
  ts.readConfigFile("examples/tsconfig.json", (file) => readFileSync(file, "utf8")).config,
  { ...ts.sys, readDirectory: () => [] },
  "examples",
);
const options: ts.CompilerOptions = { ...asExamples, noEmit: true, rootDir: process.cwd() };

function programOf(names: readonly string[], host?: ts.CompilerHost): ts.Program {
  return ts.createProgram({ rootNames: names, options, ...(host !== undefined && { host }) });
}

/** Exports of a module, those of the namespaces in it too. */
function exportsOf(checker: ts.TypeChecker, module: ts.Symbol): Map<ts.Symbol, string> {
  const found = new Map<ts.Symbol, string>();
  const add = (of: ts.Symbol, within: string) => {
    for (const e of checker.getExportsOfModule(of)) {
      const target = resolved(checker, e);
      const isNamespace = target.flags & ts.SymbolFlags.ValueModule;
      if (isNamespace) add(target, `${within}${e.name}.`);
      else found.set(target, `${within}${e.name}`);
    }
  };
  add(module, "");
  return found;
}

const resolved = (checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;

/** Symbols that the declarations of a symbol name; those of a computed name are brands, which nobody has to write. */
function named(checker: ts.TypeChecker, symbol: ts.Symbol): Set<ts.Symbol> {
  const found = new Set<ts.Symbol>();
  const visit = (node: ts.Node): void => {
    if (ts.isComputedPropertyName(node)) return;
    const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
    if (modifiers.some((m) => m.kind === ts.SyntaxKind.PrivateKeyword)) return;
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : ts.isTypeQueryNode(node)
          ? node.exprName
          : ts.isImportTypeNode(node)
            ? node.qualifier
            : undefined;
    if (name !== undefined) {
      const s = checker.getSymbolAtLocation(name);
      if (s !== undefined) found.add(resolved(checker, s));
    }
    ts.forEachChild(node, visit);
  };
  for (const declaration of symbol.declarations ?? []) visit(declaration);
  return found;
}

/** A unique symbol: nobody writes it. */
const isBrand = (checker: ts.TypeChecker, symbol: ts.Symbol): boolean =>
  (checker.getTypeOfSymbol(symbol).flags & ts.TypeFlags.UniqueESSymbol) !== 0;

/** What a door lacks. */
function lacks(program: ts.Program, file: string): string[] {
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(file)!)!;
  const handed = exportsOf(checker, module);
  const missing: string[] = [];
  for (const [symbol, name] of handed) {
    for (const used of named(checker, symbol)) {
      if (used.flags & ts.SymbolFlags.TypeParameter || handed.has(used) || isBrand(checker, used)) continue;
      const at = used.declarations?.[0]?.getSourceFile().fileName ?? "";
      // Members of what is exported, and the language's and the platform's own.
      if (
        used.flags & ts.SymbolFlags.Property ||
        /node_modules\/(typescript\/lib|@types\/node|undici-types)\//.test(at)
      )
        continue;
      missing.push(`${name} names ${used.name} of ${relative(process.cwd(), at)}`);
    }
    if (ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim() === "")
      missing.push(`${name} has no comment`);
  }
  return missing;
}

/** Calls that a caller could confuse arguments of: two of one type. Each is `name(arguments)`. */
function confusable(program: ts.Program, file: string): string[] {
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(file)!)!;
  const found: string[] = [];
  const look = (name: string, type: ts.Type) => {
    for (const { parameters } of type.getCallSignatures()) {
      const types = parameters.map((p) => checker.typeToString(checker.getNonNullableType(checker.getTypeOfSymbol(p))));
      if (new Set(types).size < types.length) found.push(`${name}(${parameters.map((p) => p.name).join(", ")})`);
    }
  };
  for (const [symbol, name] of exportsOf(checker, module)) {
    if (symbol.flags & ts.SymbolFlags.Value) look(name, checker.getTypeOfSymbol(symbol));
    if ((symbol.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias)) === 0) continue;
    for (const member of checker.getDeclaredTypeOfSymbol(symbol).getProperties()) {
      if (/node_modules/.test(member.declarations?.[0]?.getSourceFile().fileName ?? "")) continue;
      look(`${name}.${member.name}`, checker.getTypeOfSymbol(member));
    }
  }
  return found;
}

/** Where the order is that of the thing itself. */
const inOrder: readonly string[] = [
  // Of Uint32Array, which these words are.
  ...["ReadonlyWords.subarray(first, end)", "ReadonlyWords.slice(first, end)"],
  // A store: where, then what; of two words the lower first.
  ...["Registers.write32(offset, value)", "Memory.store64(address, low, high)"],
  // Words as they lie in memory.
  "smmuv3.recordFields(low0, high0, low1, high1)",
  // What a transaction on the bus carries, as it stands in one: from whom, to where.
  ...["DmaPort.read(requester, address, into)", "DmaPort.write(requester, address, from)"],
];

describe("what the test sees", () => {
  const sources: Readonly<Record<string, string>> = {
    "/door.d.ts": 'export { f, g, I, Known, n } from "./inside.js";',
    "/inside.d.ts": `
      import type { z } from "other";
      interface Hidden { a: number }
      /** Known. */ export interface Known extends Hidden { b: Known; c: Map<string, Hidden> }
      /** F. */ export declare function f<T extends Known>(a: T, b: readonly Hidden[]): typeof n;
      export declare const n: number;
      /** G. */ export declare function g(a: number, b?: number): void;
      /** I. */ export interface I { m(a: string, b: number, c: string): void; o(a: string, b: number): void }
      /** Z. */ export type Z = z;`,
  };
  const host = ts.createCompilerHost({});
  const own = { ...host, fileExists: (f: string) => f in sources || host.fileExists(f) };
  const program = programOf(["/door.d.ts"], {
    ...own,
    readFile: (f) => sources[f] ?? host.readFile(f),
    getSourceFile: (f, v) => (f in sources ? ts.createSourceFile(f, sources[f]!, v, true) : host.getSourceFile(f, v)),
  });

  test("a type that is named and not exported, and an export without a comment", () => {
    expect(lacks(program, "/door.d.ts").map((l) => l.replace(/ of .*/, ""))).toEqual([
      "f names Hidden",
      "Known names Hidden",
      "n has no comment",
    ]);
  });

  test("two arguments of one type", () => {
    expect(confusable(program, "/door.d.ts")).toEqual(["g(a, b)", "I.m(a, b, c)"]);
  });
});

const examples = readdirSync("examples").flatMap((file) => (file.endsWith(".ts") ? [`examples/${file}`] : []));

describe("the doors", () => {
  const program = programOf([...files.map(([, file]) => file), ...examples]);

  test.each(files)("%s", (_, file) => expect(lacks(program, file)).toEqual([]));

  test.each(files)("%s has no two arguments of one type in a call", (_, file) => {
    expect(confusable(program, file).filter((call) => !inOrder.includes(call))).toEqual([]);
  });

  test.each(examples)("%s compiles against them", (file) => {
    const source = program.getSourceFile(file)!;
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    expect(found.map((d) => ts.flattenDiagnosticMessageText(d.messageText, " "))).toEqual([]);
  });

  test.each(files)("%s says at its head what it promises", (_, file) => {
    expect(program.getSourceFile(file)!.text).toMatch(/^\/\*\*[^/]* Promised: [^/]*@packageDocumentation\n \*\//);
  });
});
