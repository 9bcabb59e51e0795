import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
import { listNodes, type Node } from './find-callbacks.ts';

/** Position of the delay, by function. */
const DELAY_POSITIONS: Readonly<Record<string, number>> = { setTimeout: 1, setInterval: 1 };

/**
 * Returns the calls of timers of Node.js whose delay isn't a constant, as `setTimeout(waitMs)`. A
 * constant is a number, or a name in capital letters. Also finds `AbortSignal.timeout`, and
 * functions that are imported from `node:timers/promises`.
 *
 * @param file path relative to `folder`
 */
export function findVariableDelays(
  file: string,
  folder: string,
  text = readFileSync(join(folder, file), 'utf8'),
): string[] {
  const program = parseAst(text, { lang: 'ts' }) as unknown as Node;
  const nodes = [...listNodes(program)];
  const promiseTimers = new Set<string>(
    nodes
      .filter(
        ({ type, source }) =>
          type === 'ImportDeclaration' && /timers\/promises$/.test(source.value),
      )
      .flatMap(({ specifiers }) => (specifiers as Node[]).map(({ local }) => local.name as string)),
  );
  return nodes.flatMap((node) => {
    if (node.type !== 'CallExpression') return [];
    const { callee } = node;
    const name: unknown = callee.type === 'Identifier' ? callee.name : undefined;
    const isAbort =
      callee.type === 'MemberExpression' &&
      callee.object.name === 'AbortSignal' &&
      callee.property.name === 'timeout';
    const position =
      isAbort || promiseTimers.has(name as string) ? 0 : DELAY_POSITIONS[name as string];
    const delay = position === undefined ? undefined : (node.arguments[position] as Node);
    if (delay === undefined || isConstant(delay)) return [];
    const label = isAbort ? 'AbortSignal.timeout' : String(name);
    return [`${file} ${label}(${text.slice(delay.start, delay.end)})`];
  });
}

function isConstant(node: Node): boolean {
  switch (node.type) {
    case 'Literal':
      return true;
    case 'Identifier':
      return /^[A-Z][A-Z\d_]*$/.test(node.name);
    case 'CallExpression':
      return node.callee.object?.name === 'Math' && (node.arguments as Node[]).every(isConstant);
    case 'BinaryExpression':
      return isConstant(node.left) && isConstant(node.right);
    default:
      return false;
  }
}
