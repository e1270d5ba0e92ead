/**
 * What a component keeps beside its declared state: fields that may be assigned, containers that may be filled, variables
 * that outlive a call, locals of generators. A machine that is explored, or that takes steps back, knows nothing of them.
 */
import ts from "typescript";

const containers = /^(Map|Set|WeakMap|WeakSet|Array|DataView|(Uint|Int|Float|BigInt|BigUint)\d+(Clamped)?Array)$/;

/** One place that keeps something: `Disk.medium`. */
export interface Kept {
  readonly name: string;
  readonly why: "may be assigned" | "is a container" | "outlives a call" | "keeps its locals between steps";
}

/** @param text of a TypeScript file @returns what is kept there, in the order of the text */
export function keptIn(text: string): Kept[] {
  const file = ts.createSourceFile("a.ts", text, ts.ScriptTarget.Latest, true);
  const kept: Kept[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isClassLike(node)) kept.push(...keptByClass(node));
    if (ts.isVariableDeclarationList(node)) kept.push(...keptByVariables(node));
    if (isGenerator(node))
      kept.push({ name: node.name?.getText() ?? "generator", why: "keeps its locals between steps" });
    ts.forEachChild(node, visit);
  };
  visit(file);
  return kept;
}

function keptByClass(node: ts.ClassLikeDeclaration): Kept[] {
  const owner = node.name?.text ?? "class";
  const filled = new Map<string, ts.Expression>();
  const kept: Kept[] = [];
  for (const member of node.members) {
    if (ts.isConstructorDeclaration(member)) {
      for (const p of member.parameters) {
        if (ts.isParameterPropertyDeclaration(p, member) && !isReadonly(p)) {
          kept.push({ name: `${owner}.${p.name.getText()}`, why: "may be assigned" });
        }
      }
      for (const [field, value] of assignedIn(member)) filled.set(field, value);
    }
  }
  for (const member of node.members) {
    if (!ts.isPropertyDeclaration(member)) continue;
    const field = member.name.getText();
    const value = member.initializer ?? filled.get(field);
    if (!isReadonly(member)) kept.push({ name: `${owner}.${field}`, why: "may be assigned" });
    else if (value !== undefined && isContainer(value)) kept.push({ name: `${owner}.${field}`, why: "is a container" });
  }
  return kept;
}

/** Variables of the file, and those of a function that another function in it assigns. */
function keptByVariables(list: ts.VariableDeclarationList): Kept[] {
  const scope = functionAround(list);
  const isConst = (list.flags & ts.NodeFlags.Const) !== 0;
  const kept: Kept[] = [];
  for (const { name, initializer } of list.declarations) {
    if (!ts.isIdentifier(name)) continue;
    if (scope === null) {
      if (!isConst) kept.push({ name: name.text, why: "outlives a call" });
      else if (initializer !== undefined && isContainer(initializer) && !/^(Map|Set)$/.test(madeOf(initializer))) {
        kept.push({ name: name.text, why: "is a container" });
      }
    } else if (!isConst && isAssignedDeeper(scope, name.text)) kept.push({ name: name.text, why: "outlives a call" });
  }
  return kept;
}

function isReadonly(node: ts.HasModifiers): boolean {
  return ts.getModifiers(node)?.some((m) => m.kind === ts.SyntaxKind.ReadonlyKeyword) === true;
}

function isGenerator(node: ts.Node): node is ts.FunctionDeclaration | ts.FunctionExpression | ts.MethodDeclaration {
  return (
    (ts.isFunctionDeclaration(node) || ts.isFunctionExpression(node) || ts.isMethodDeclaration(node)) &&
    node.asteriskToken !== undefined
  );
}

function madeOf(value: ts.Expression): string {
  return ts.isNewExpression(value) ? value.expression.getText() : "";
}

function isContainer(value: ts.Expression): boolean {
  if (ts.isArrayLiteralExpression(value)) return value.elements.length === 0;
  return containers.test(madeOf(value));
}

/** What `this.field = value` gives in a constructor. */
function assignedIn(member: ts.ConstructorDeclaration): Map<string, ts.Expression> {
  const found = new Map<string, ts.Expression>();
  const visit = (node: ts.Node): void => {
    if (
      ts.isBinaryExpression(node) &&
      node.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
      ts.isPropertyAccessExpression(node.left) &&
      node.left.expression.kind === ts.SyntaxKind.ThisKeyword
    ) {
      found.set(node.left.name.text, node.right);
    }
    ts.forEachChild(node, visit);
  };
  if (member.body !== undefined) visit(member.body);
  return found;
}

function functionAround(node: ts.Node): ts.Node | null {
  for (let at = node.parent; at !== undefined; at = at.parent) if (ts.isFunctionLike(at)) return at;
  return null;
}

function isAssignedDeeper(scope: ts.Node, name: string): boolean {
  let found = false;
  const visit = (node: ts.Node): void => {
    const target = ts.isBinaryExpression(node)
      ? isAssignment(node.operatorToken.kind) && node.left
      : (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) &&
        isStep(node.operator) &&
        node.operand;
    if (target && ts.isIdentifier(target) && target.text === name && functionAround(node) !== scope) found = true;
    ts.forEachChild(node, visit);
  };
  visit(scope);
  return found;
}

const isAssignment = (kind: ts.SyntaxKind): boolean =>
  kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
const isStep = (kind: ts.SyntaxKind): boolean =>
  kind === ts.SyntaxKind.PlusPlusToken || kind === ts.SyntaxKind.MinusMinusToken;
