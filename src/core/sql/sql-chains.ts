/** A word of a statement, or a group in parentheses or brackets with its content. */
export interface SqlPart {
  readonly text: string;
  /** Whether the part has no column names. */
  readonly isConstant: boolean;
  readonly isGroup: boolean;
}

type JoinParts = (parts: readonly SqlPart[]) => string;

/** Words that end an operand of `OR`. */
const CLAUSE_KEYWORDS = new Set(
  (
    'WHERE ON HAVING WHEN THEN ELSE END CASE GROUP ORDER LIMIT OFFSET FETCH FOR RETURNING FROM JOIN LEFT RIGHT ' +
    'INNER FULL CROSS NATURAL WINDOW SELECT SET AS ASC DESC UNION INTERSECT EXCEPT , ;'
  ).split(' '),
);
const SET_OPERATORS = new Set(['UNION', 'INTERSECT', 'EXCEPT']);
/** Words that can follow the last operand of a set operation. */
const KEYWORDS_AFTER_SET = new Set(['ORDER', 'LIMIT', 'OFFSET', 'FETCH', 'FOR', 'ON', 'RETURNING']);
const QUERY_KEYWORDS = new Set(['SELECT', 'VALUES', 'TABLE']);

/**
 * Shortens chains of equal operands: `a = ? OR a = ? OR a = ?` becomes `a = ? OR …`. Also shortens
 * chains of `UNION`, and the branches of `CASE`. Chains of two and more operands become the same text.
 */
export function shortenChains(parts: readonly SqlPart[], join: JoinParts): readonly SqlPart[] {
  if (parts.length < 3) return parts;
  return shortenUnions(shortenAlternatives(shortenBranches(parts, join), join), join);
}

/** Keeps one of several equal branches of `CASE`. */
function shortenBranches(parts: readonly SqlPart[], join: JoinParts): readonly SqlPart[] {
  const starts = parts.flatMap(({ text }, i) =>
    ['WHEN', 'ELSE', 'END'].includes(text.toUpperCase()) ? [i] : [],
  );
  if (starts.length < 3) return parts;
  const kept: SqlPart[] = parts.slice(0, starts[0]);
  let previous = '';
  for (const [i, start] of starts.entries()) {
    const branch = parts.slice(start, starts[i + 1] ?? parts.length);
    const form = join(branch);
    if (form !== previous || !isKeyword(branch[0], 'WHEN')) kept.push(...branch);
    previous = form;
  }
  return kept;
}

/** Shortens chains of `OR`. */
function shortenAlternatives(parts: readonly SqlPart[], join: JoinParts): readonly SqlPart[] {
  const operator = parts.find((part) => isKeyword(part, 'OR'));
  if (!operator) return parts;
  const kept: SqlPart[] = [];
  let start = 0;
  for (let i = 0; i <= parts.length; i++) {
    const part = parts[i];
    if (part && !CLAUSE_KEYWORDS.has(part.text.toUpperCase())) continue;
    const operands = splitParts(parts.slice(start, i), (each) => isKeyword(each, 'OR'));
    kept.push(...joinOperands(operands, [operator.text], operands.map(join)));
    if (part) kept.push(part);
    start = i + 1;
  }
  return kept;
}

/** Shortens chains of `UNION`, `INTERSECT`, and `EXCEPT` with the same operator. */
function shortenUnions(parts: readonly SqlPart[], join: JoinParts): readonly SqlPart[] {
  const first = parts.findIndex(({ text }) => SET_OPERATORS.has(text.toUpperCase()));
  if (first < 0) return parts;
  const operator = [parts[first]!.text];
  const next = parts[first + 1];
  if (isKeyword(next, 'ALL') || isKeyword(next, 'DISTINCT')) operator.push(next!.text);
  const withOperator = splitParts(parts, ({ text }) => SET_OPERATORS.has(text.toUpperCase()));
  const operators = parts.flatMap((part, i) =>
    SET_OPERATORS.has(part.text.toUpperCase())
      ? [join(parts.slice(i, i + operator.length)).toUpperCase()]
      : [],
  );
  if (new Set(operators).size > 1) return parts;
  const [head = [], ...tail] = withOperator;
  const operands = [head, ...tail.map((operand) => operand.slice(operator.length - 1))];
  const query = head.findLastIndex(({ text }) => QUERY_KEYWORDS.has(text.toUpperCase()));
  const last = operands.at(-1)!;
  const end = last.findIndex(({ text }) => KEYWORDS_AFTER_SET.has(text.toUpperCase()));
  const lastEnd = end < 0 ? last.length : end;
  const trimmed = [
    head.slice(Math.max(query, 0)),
    ...operands.slice(1, -1),
    last.slice(0, lastEnd),
  ];
  return [
    ...head.slice(0, Math.max(query, 0)),
    ...joinOperands(trimmed, operator, trimmed.map(join)),
    ...last.slice(lastEnd),
  ];
}

/** Joins operands, and keeps one of several equal operands in a row. */
function joinOperands(
  operands: readonly (readonly SqlPart[])[],
  operator: readonly string[],
  forms: readonly string[],
): SqlPart[] {
  const separator = operator.map(toWord);
  const kept = operands.filter((_, i) => forms[i] !== forms[i - 1]);
  if (operands.length > 1 && kept.length === 1) kept.push([toWord('…')]);
  return kept.flatMap((operand, i) => (i === 0 ? operand : [...separator, ...operand]));
}

function splitParts(
  parts: readonly SqlPart[],
  isSeparator: (part: SqlPart) => boolean,
): SqlPart[][] {
  const split: SqlPart[][] = [[]];
  for (const part of parts) {
    if (isSeparator(part)) split.push([]);
    else split.at(-1)!.push(part);
  }
  return split;
}

function toWord(text: string): SqlPart {
  return { text, isConstant: true, isGroup: false };
}

function isKeyword(part: SqlPart | undefined, keyword: string): boolean {
  return part?.text.toUpperCase() === keyword;
}
