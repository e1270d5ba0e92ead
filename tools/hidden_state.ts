/**
 * What a component keeps beside its declared state: fields that may be assigned, containers that may be filled, variables
 * that outlive a call, locals of generators. A machine that is explored, or that takes steps back, knows nothing of them.
 */
import ts from "typescript";

const containers =
  /^(Map|Set|WeakMap|WeakSet|Array|ArrayBuffer|SharedArrayBuffer|DataView|(Uint|Int|Float|BigInt|BigUint)\d+(Clamped)?Array)$/;
/** Types that let nobody write: `Readonly<…>`, `ReadonlyMap<…>`, `readonly number[]`. */
const readonlyType = /^(readonly\b|Readonly(Array|Map|Set)?<)/;

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
  const filled = new Map<string, ts.Expression[]>();
  const kept: Kept[] = [];
  for (const member of node.members) {
    if (ts.isConstructorDeclaration(member)) {
      for (const p of member.parameters) {
        if (ts.isParameterPropertyDeclaration(p, member) && !isReadonly(p)) {
          kept.push({ name: `${owner}.${p.name.getText()}`, why: "may be assigned" });
        }
      }
      for (const [field, value] of assignedIn(member)) filled.set(field, [...(filled.get(field) ?? []), value]);
    }
  }
  for (const member of node.members) {
    if (!ts.isPropertyDeclaration(member)) continue;
    const field = member.name.getText();
    const values = member.initializer === undefined ? (filled.get(field) ?? []) : [member.initializer];
    if (!isReadonly(member)) kept.push({ name: `${owner}.${field}`, why: "may be assigned" });
    else if (values.some((v) => canBeFilled(v, member.type))) {
      kept.push({ name: `${owner}.${field}`, why: "is a container" });
    }
  }
  return kept;
}

/** Variables of the file, and those of a function that another function in it assigns. */
function keptByVariables(list: ts.VariableDeclarationList): Kept[] {
  const scope = functionAround(list);
  const isConst = (list.flags & ts.NodeFlags.Const) !== 0;
  const kept: Kept[] = [];
  for (const { name, initializer, type } of list.declarations) {
    if (!ts.isIdentifier(name)) continue;
    if (scope === null) {
      if (!isConst) kept.push({ name: name.text, why: "outlives a call" });
      else if (initializer !== undefined && canBeFilled(initializer, type)) {
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

/** A literal or a container that its type, `as const` or a freeze does not protect. */
function canBeFilled(value: ts.Expression, type: ts.TypeNode | undefined): boolean {
  if (type !== undefined && readonlyType.test(type.getText())) return false;
  if (ts.isParenthesizedExpression(value) || ts.isNonNullExpression(value)) return canBeFilled(value.expression, type);
  if (ts.isSatisfiesExpression(value)) return canBeFilled(value.expression, type);
  if (ts.isAsExpression(value))
    return !ts.isConstTypeReference(value.type) && canBeFilled(value.expression, value.type);
  if (ts.isConditionalExpression(value)) return canBeFilled(value.whenTrue, type) || canBeFilled(value.whenFalse, type);
  if (ts.isBinaryExpression(value)) return canBeFilled(value.left, type) || canBeFilled(value.right, type);
  if (ts.isArrayLiteralExpression(value)) return true;
  if (ts.isObjectLiteralExpression(value)) return value.properties.some((p) => !isFunction(p));
  return containers.test(madeOf(value));
}

/** `Map` of `new Map(…)`, `Uint8Array` of `Uint8Array.of(…)`, `Array` of `Array(…)`. */
function madeOf(value: ts.Expression): string {
  if (ts.isNewExpression(value)) return value.expression.getText();
  if (!ts.isCallExpression(value)) return "";
  const { expression } = value;
  const isFactory = ts.isPropertyAccessExpression(expression) && /^(of|from|fromAsync)$/.test(expression.name.text);
  return (isFactory ? expression.expression : expression).getText();
}

/** What `this.field = value` gives in a constructor. */
function assignedIn(member: ts.ConstructorDeclaration): (readonly [string, ts.Expression])[] {
  const found: [string, ts.Expression][] = [];
  const visit = (node: ts.Node): void => {
    if (
      ts.isBinaryExpression(node) &&
      node.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
      ts.isPropertyAccessExpression(node.left) &&
      node.left.expression.kind === ts.SyntaxKind.ThisKeyword
    ) {
      found.push([node.left.name.text, node.right]);
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

function isFunction(p: ts.ObjectLiteralElementLike): boolean {
  if (ts.isMethodDeclaration(p) || ts.isAccessor(p)) return true;
  return ts.isPropertyAssignment(p) && (ts.isArrowFunction(p.initializer) || ts.isFunctionExpression(p.initializer));
}
