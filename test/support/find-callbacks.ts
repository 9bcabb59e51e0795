import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parseAst } from 'rolldown/parseAst';

/** A node of the syntax tree (https://github.com/estree/estree). */
export interface Node {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: each kind of node has its own properties.
  readonly [property: string]: any;
}

/** A call that installs a callback, such as `socket.once('close', onClose)`. */
export interface InstalledCallback {
  /** File in `src`. */
  readonly file: string;
  /** Name of the called function, with the first argument if it is a string: `once('close')`. */
  readonly call: string;
  readonly isGuarded: boolean;
}

/** Position of the callback, by function. */
const CALLBACK_POSITIONS: Readonly<Record<string, number>> = {
  setTimeout: 0,
  setInterval: 0,
  setImmediate: 0,
  queueMicrotask: 0,
  nextTick: 0,
  on: 1,
  once: 1,
  addListener: 1,
  prependListener: 1,
  prependOnceListener: 1,
  addEventListener: 1,
  subscribe: 1,
  addCallback: 0,
  addBatchObservableCallback: 0,
  PerformanceObserver: 0,
  FinalizationRegistry: 0,
  Hook: 2,
  wrapMethod: 2,
};

/** Returns the files in `src` that the entry files import, including the entry files. */
export function listImportedFiles(entries: readonly string[]): string[] {
  const files = new Set(entries);
  // A Set also iterates over the items that are added in the loop.
  for (const file of files) {
    for (const node of listNodes(parseFile(file))) {
      const isImport = /^Import(Declaration|Expression)$|^Export(All|Named)Declaration$/.test(
        node.type,
      );
      const kind = node.importKind ?? node.exportKind;
      const specifier: unknown = isImport && kind !== 'type' ? node.source?.value : undefined;
      if (typeof specifier !== 'string' || !specifier.startsWith('.')) continue;
      files.add(normalize(join(dirname(file), specifier)));
    }
  }
  return [...files].filter((file) => file.endsWith('.ts'));
}

/** Returns the callbacks that a file in `src` installs. */
export function findCallbacks(file: string, text?: string): InstalledCallback[] {
  const program = parseFile(file, text);
  const nodes = [...listNodes(program)];
  const declarations = findDeclarations(nodes);
  return nodes.flatMap((node) => {
    if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return [];
    const name = getCalleeName(node.callee);
    const position = name === undefined ? undefined : CALLBACK_POSITIONS[name];
    const callback = position === undefined ? undefined : node.arguments[position];
    if (callback === undefined) return [];
    const [first] = node.arguments as Node[];
    const argument = typeof first?.value === 'string' ? first.value : '';
    const label = position === 1 && argument !== '' ? `${name}('${argument}')` : `${name}()`;
    const call = name === 'wrapMethod' ? `wrapMethod(${getText(node.arguments[1])})` : label;
    return [{ file, call, isGuarded: isGuarded(callback, declarations) }];
  });
}

function parseFile(file: string, text = readFileSync(join('src', file), 'utf8')): Node {
  return parseAst(text, { lang: 'ts' }) as unknown as Node;
}

/** Yields a node and everything in it. */
export function* listNodes(node: Node): Generator<Node> {
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === 'string') yield* listNodes(child as Node);
    }
  }
}

/** Returns the values of the variables, functions, and class fields of a file, by name. */
function findDeclarations(nodes: readonly Node[]): Map<string, Node> {
  const declarations = new Map<string, Node>();
  for (const node of nodes) {
    if (node.type === 'VariableDeclarator' && node.init) declarations.set(node.id.name, node.init);
    if (node.type === 'FunctionDeclaration') declarations.set(node.id.name, node);
    if (node.type === 'PropertyDefinition' && node.value)
      declarations.set(node.key.name, node.value);
  }
  return declarations;
}

function getCalleeName(callee: Node): string | undefined {
  return callee.type === 'MemberExpression' ? callee.property.name : callee.name;
}

function getText(node: Node): string {
  return node.type === 'Literal' ? `'${node.value}'` : (node.name ?? node.type);
}

/** Whether a callback comes from `guard(…)`, or does nothing. */
function isGuarded(callback: Node, declarations: Map<string, Node>, depth = 0): boolean {
  if (depth > 5) return false;
  const check = (node: Node | undefined) =>
    node !== undefined && isGuarded(node, declarations, depth + 1);
  switch (callback.type) {
    case 'TSAsExpression':
    case 'TSNonNullExpression':
      return check(callback.expression);
    case 'Identifier':
      return check(declarations.get(callback.name));
    case 'MemberExpression':
      return check(declarations.get(callback.property.name));
    case 'CallExpression': {
      const name = getCalleeName(callback.callee);
      return (
        name === 'guard' || (name !== undefined && returnsGuarded(declarations.get(name), check))
      );
    }
    case 'ArrowFunctionExpression':
    case 'FunctionExpression':
      return callback.body.type === 'BlockStatement' && callback.body.body.length === 0;
    default:
      return false;
  }
}

/** Whether a function returns only callbacks that come from `guard(…)`. */
function returnsGuarded(fn: Node | undefined, check: (node: Node) => boolean): boolean {
  if (fn === undefined || !/Function/.test(fn.type)) return false;
  if (fn.body.type !== 'BlockStatement') return check(fn.body);
  const returned = (fn.body.body as Node[]).filter(({ type }) => type === 'ReturnStatement');
  return returned.length > 0 && returned.every(({ argument }) => check(argument));
}
