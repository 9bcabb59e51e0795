import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { parseDuration } from '../../../core/duration.ts';

/** A label matcher such as `status=~"5.."`. */
export interface LabelMatcher {
  readonly label: string;
  readonly op: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

/** Metrics with label matchers, and with a range if it is a range selector. */
export interface Selector {
  readonly kind: 'selector';
  readonly metric: string;
  readonly matchers: readonly LabelMatcher[];
  /** Length of the range in ms. Undefined for an instant selector. */
  readonly rangeMs: number | undefined;
}

interface Aggregation {
  readonly kind: 'aggregation';
  /** Such as `sum`. */
  readonly op: string;
  readonly args: readonly PromqlExpression[];
  /** Labels of `by (…)` or `without (…)`. Empty if there are none. */
  readonly labels: readonly string[];
  readonly isWithout: boolean;
}

interface BinaryOperation {
  readonly kind: 'binary';
  /** Such as `/`, `>`, or `and`. */
  readonly op: string;
  readonly left: PromqlExpression;
  readonly right: PromqlExpression;
  readonly isBool: boolean;
}

/** A PromQL expression without parentheses. */
export type PromqlExpression =
  | Selector
  | Aggregation
  | BinaryOperation
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly PromqlExpression[] }
  /** A part of the language that no rule of Perfscope has, such as `offset`. */
  | { readonly kind: 'unsupported'; readonly feature: string };

/** A syntax error. `offset` is its position in the text, in UTF-16 units. */
export class PromqlSyntaxError extends Error {
  override readonly name = 'PromqlSyntaxError';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** Deeper expressions would overflow the stack. */
const MAX_DEPTH = 200;
const MAX_LENGTH = 20_000;

/**
 * Parses a PromQL expression.
 *
 * @throws PromqlSyntaxError
 */
export function parsePromql(text: string): PromqlExpression {
  if (text.length > MAX_LENGTH) {
    throw new PromqlSyntaxError(`the expression is longer than ${MAX_LENGTH} characters`, 0);
  }
  const tree = parser.parse(text);
  let errorOffset: number | undefined;
  tree.iterate({
    enter: ({ type, from }) => {
      if (type.isError) errorOffset ??= from;
    },
  });
  const root = tree.topNode.firstChild;
  if (errorOffset !== undefined || !root) {
    const offset = errorOffset ?? 0;
    const near = text.slice(offset).trim().slice(0, 30);
    const place = near === '' ? 'at the end' : `near \`${near}\``;
    throw new PromqlSyntaxError(`the expression is not valid PromQL ${place}`, offset);
  }
  return convert(root, text, 0);
}

function convert(node: SyntaxNode, text: string, depth: number): PromqlExpression {
  if (depth > MAX_DEPTH)
    throw new PromqlSyntaxError('the expression is nested too deeply', node.from);
  const toText = (part: SyntaxNode) => text.slice(part.from, part.to);
  const convertNext = (part: SyntaxNode) => convert(part, text, depth + 1);
  const expressions = () => listChildren(node).filter(({ name }) => EXPRESSIONS.has(name));
  switch (node.name) {
    case 'ParenExpr':
      return convertNext(expressions()[0]!);
    case 'NumberDurationLiteral':
      return { kind: 'number', value: parseNumber(toText(node)) };
    case 'VectorSelector':
      return convertSelector(node, toText);
    case 'MatrixSelector': {
      const [inner] = expressions();
      const range = node.getChild('DurationExpr');
      const rangeMs = range ? parsePromqlDuration(toText(range)) : undefined;
      const selector = convertNext(inner!);
      if (rangeMs === undefined) return { kind: 'unsupported', feature: 'a computed duration' };
      return selector.kind === 'selector' ? { ...selector, rangeMs } : selector;
    }
    case 'FunctionCall': {
      const name = toText(node.getChild('FunctionIdentifier')!);
      const body = node.getChild('FunctionCallBody')!;
      const args = listChildren(body).filter((child) => EXPRESSIONS.has(child.name));
      return { kind: 'call', name, args: args.map(convertNext) };
    }
    case 'AggregateExpr': {
      const modifier = node.getChild('AggregateModifier');
      const labels = modifier?.getChild('GroupingLabels')?.getChildren('LabelName') ?? [];
      const body = node.getChild('FunctionCallBody')!;
      const args = listChildren(body).filter((child) => EXPRESSIONS.has(child.name));
      return {
        kind: 'aggregation',
        op: toText(node.getChild('AggregateOp')!),
        args: args.map(convertNext),
        labels: labels.map(toText),
        isWithout: modifier?.getChild('Without') != null,
      };
    }
    case 'BinaryExpr': {
      const [left, right] = expressions();
      const operator = listChildren(node).find(({ name }) => BINARY_OPERATORS.has(name));
      return {
        kind: 'binary',
        op: toText(operator!),
        left: convertNext(left!),
        right: convertNext(right!),
        isBool: node.getChild('BoolModifier') != null,
      };
    }
    case 'UnaryExpr': {
      const value = convertNext(expressions()[0]!);
      if (toText(node.getChild('UnaryOp')!) === '+') return value;
      return {
        kind: 'binary',
        op: '*',
        left: { kind: 'number', value: -1 },
        right: value,
        isBool: false,
      };
    }
    default:
      return {
        kind: 'unsupported',
        feature: UNSUPPORTED[node.name] ?? `\`${toText(node).slice(0, 40)}\``,
      };
  }
}

function convertSelector(node: SyntaxNode, toText: (node: SyntaxNode) => string): PromqlExpression {
  const identifier = node.getChild('Identifier');
  const matchers = (node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []).map(
    (matcher): LabelMatcher => ({
      label: toText(matcher.getChild('LabelName')!),
      op: toText(matcher.getChild('MatchOp')!) as LabelMatcher['op'],
      value: unquote(toText(matcher.getChild('StringLiteral')!)),
    }),
  );
  const isName = ({ label, op }: LabelMatcher) => label === '__name__' && op === '=';
  const metric = identifier ? toText(identifier) : matchers.find(isName)?.value;
  if (metric === undefined)
    return { kind: 'unsupported', feature: 'a selector without a metric name' };
  return {
    kind: 'selector',
    metric,
    matchers: matchers.filter((matcher) => !isName(matcher)),
    rangeMs: undefined,
  };
}

const UNSUPPORTED: Readonly<Record<string, string>> = {
  OffsetExpr: '`offset`',
  StepInvariantExpr: '`@`',
  SubqueryExpr: 'a subquery',
  AnchoredExpr: '`anchored`',
  SmoothedExpr: '`smoothed`',
  StringLiteral: 'a text',
};

const EXPRESSIONS: ReadonlySet<string> = new Set([
  ...['AggregateExpr', 'BinaryExpr', 'FunctionCall', 'MatrixSelector', 'NumberDurationLiteral'],
  ...['ParenExpr', 'UnaryExpr', 'VectorSelector'],
  ...Object.keys(UNSUPPORTED),
]);

const BINARY_OPERATORS: ReadonlySet<string> = new Set([
  ...['Pow', 'Mul', 'Div', 'Mod', 'Atan2', 'Add', 'Sub', 'Eql', 'Gte', 'Gtr', 'Lte', 'Lss', 'Neq'],
  ...['And', 'Unless', 'Or', 'TrimUpper', 'TrimLower'],
]);

function listChildren(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child);
  return children;
}

function parseNumber(text: string): number {
  if (/^[+-]?inf$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  const value = Number(text.replaceAll('_', ''));
  // PromQL converts a duration such as `5m` to seconds.
  const durationMs = Number.isNaN(value) ? parsePromqlDuration(text) : undefined;
  return durationMs === undefined ? value : durationMs / 1000;
}

/**
 * Parses a duration of Prometheus, such as `5m` or `1d12h`, or a number of seconds.
 *
 * @returns the duration in ms, or undefined if the text isn't a duration
 */
export function parsePromqlDuration(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return 1000 * Number(text);
  const years = /^(\d+)y(.*)$/.exec(text);
  if (!years) return parseDuration(text);
  const rest = years[2] === '' ? 0 : parseDuration(years[2]!);
  return rest === undefined ? undefined : Number(years[1]) * 365 * 86_400_000 + rest;
}

/** Removes the quotes and escapes of a string literal. */
function unquote(literal: string): string {
  const text = literal.slice(1, -1);
  if (literal.startsWith('`')) return text;
  const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };
  return text.replace(/\\(.)/gs, (_match, character: string) => escapes[character] ?? character);
}

/** Computes an expression of numbers. Returns undefined for other expressions. */
export function computeNumber(expression: PromqlExpression): number | undefined {
  if (expression.kind === 'number') return expression.value;
  if (expression.kind === 'call' && ['scalar', 'vector'].includes(expression.name)) {
    return expression.args[0] && computeNumber(expression.args[0]);
  }
  if (expression.kind !== 'binary') return undefined;
  const [a, b] = [computeNumber(expression.left), computeNumber(expression.right)];
  if (a === undefined || b === undefined) return undefined;
  switch (expression.op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '^':
      return a ** b;
    default:
      return undefined;
  }
}
