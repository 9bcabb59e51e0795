import { getMissingColumnAdvice, getMissingTableAdvice } from './name-advice.ts';
import { parseSql, type SqlSyntaxError, tokenize } from './sql-parser.ts';

/** Texts for rejected statements: the position of the problem, and the syntax to write instead. */

const WRITE_ADVICE =
  'Perfscope only runs statements that read. Use a SELECT, or the QuestDB console.';

/** Advice for statements that are not a SELECT, by their first word. */
export const STATEMENT_ADVICE: ReadonlyMap<string, string> = new Map([
  ['SHOW', 'To list tables or columns, use SELECT * FROM tables() or table_columns(…).'],
  ['DESCRIBE', "Use SELECT * FROM table_columns('performance_metrics')."],
  ['EXPLAIN', 'Run the SELECT without EXPLAIN, or use the QuestDB console.'],
  ['COPY', 'To write the rows to a file, use `perfscope export`.'],
  ['DELETE', 'QuestDB has no DELETE. Old rows are removed after the retention period.'],
  ...['INSERT', 'UPDATE', 'CREATE', 'ALTER', 'DROP', 'TRUNCATE'].map(
    (word) => [word, WRITE_ADVICE] as const,
  ),
]);

/** Syntax of other databases that QuestDB doesn't have, and what to write instead. */
const SYNTAX_ADVICE: readonly (readonly [RegExp, string])[] = [
  [/\$__?\w/, "Replace the Grafana macros. Example: WHERE timestamp > dateadd('h', -1, now())."],
  [/\$\d/, 'Write the values into the statement. It has no parameters.'],
  [/`/, 'Quote names with double quotes, such as "my column".'],
  [
    /\bHAVING\b/i,
    'QuestDB has no HAVING. Use a subquery: SELECT * FROM (SELECT a, count() n FROM t) WHERE n > 1.',
  ],
  [/\bOFFSET\b/i, 'QuestDB has no OFFSET. To get rows 6 to 15, write LIMIT 5, 15.'],
  [
    /\bFILTER\s*\(/i,
    'QuestDB has no FILTER. Write sum(CASE WHEN value > 1 THEN 1 ELSE 0 END) instead.',
  ],
  [
    /\bWITHIN\s+GROUP\b/i,
    'For percentiles, use approx_percentile(value, 0.95), or the p95 of `perfscope top`.',
  ],
  [/\bINTERVAL\s+'/i, "Write dateadd('m', -5, now()) instead of now() - interval '5 minutes'."],
  [/\bNULLS\s+(FIRST|LAST)\b/i, 'QuestDB has no NULLS FIRST or NULLS LAST. Leave it out.'],
  [/\bUSING\s*\(/i, 'Write ON (id) or ON a.id = b.id instead of USING (id).'],
  [/\bEXISTS\s*\(/i, 'QuestDB has no EXISTS. Write a JOIN, or WHERE a IN (SELECT a FROM t).'],
  [/\b(ANY|SOME)\s*\(/i, "Write IN ('a', 'b') instead of = ANY(…)."],
  [/\bSELECT\s+TOP\b/i, 'Write LIMIT 5 at the end instead of TOP 5.'],
  [/,\s*(FROM|WHERE|GROUP|ORDER|\))/i, 'Remove the comma before it.'],
];

const FUNCTION_ADVICE: Readonly<Record<string, string>> = {
  percentile_cont: 'Use approx_percentile(value, 0.95) instead.',
  percentile_disc: 'Use approx_percentile(value, 0.95) instead.',
  median: 'Use approx_median(value) instead.',
  time_bucket: 'Use SAMPLE BY 5m instead.',
  unnest: 'QuestDB has no UNNEST.',
};

/** Maximum number of tokens of a statement whose end is searched. */
const MAX_SEARCHED_TOKENS = 300;

/** Returns the first word of a statement in upper case, after comments. */
export function getFirstWord(source: string): string {
  return (tokenize(source)[0]?.image ?? '').toUpperCase();
}

/** Returns the advice for a statement that is not a SELECT. */
export function getStatementAdvice(source: string): string {
  return STATEMENT_ADVICE.get(getFirstWord(source)) ?? WRITE_ADVICE;
}

/** Returns the advice for a function that QuestDB doesn't have. `name` is in lower case. */
export function getFunctionAdvice(name: string): string {
  const advice = Object.hasOwn(FUNCTION_ADVICE, name) ? FUNCTION_ADVICE[name] : undefined;
  return advice ?? 'Run SELECT name FROM functions() to list all functions.';
}

/**
 * Returns the syntax to write instead of invalid syntax.
 *
 * @param error the parser's error. Undefined if text follows the end of a valid statement.
 */
export function getSyntaxAdvice(source: string, error?: SqlSyntaxError): string | undefined {
  const withoutStrings = source.replaceAll(/'(?:[^']|'')*'|"[^"]*"/g, "''");
  const advice = SYNTAX_ADVICE.find(([pattern]) => pattern.test(withoutStrings))?.[1];
  if (advice !== undefined || error === undefined) return advice;
  const found = findUnexpectedText(error);
  if (found === '') return 'Complete the statement.';
  return found !== undefined && /^[a-z]+$/i.test(found)
    ? `Correct the statement. If ${found} is a name, write it in double quotes.`
    : 'Correct the statement.';
}

function findUnexpectedText({ message }: SqlSyntaxError): string | undefined {
  return (
    /but found(?: -->|:) ?'?(.*?)'?(?: <--)?$/s.exec(message)?.[1] ??
    /^Unexpected token: '(.*)'$/s.exec(message)?.[1] ??
    /^unexpected character: ->(.*)<-/s.exec(message)?.[1]
  );
}

/**
 * Returns the advice for an error message of QuestDB.
 *
 * @param source the statement that QuestDB rejected
 */
export function getRejectionAdvice(message: string, source: string): string {
  const table = /^table does not exist \[table=([^\]]*)\]/.exec(message)?.[1];
  if (table !== undefined) return getMissingTableAdvice(table);
  const column = /^invalid column: (\w+)/i.exec(message)?.[1];
  return column === undefined ? 'Correct the statement.' : getMissingColumnAdvice(column, source);
}

/** Formats an error of the parser, with the unexpected text and its line. */
export function formatSyntaxError(error: SqlSyntaxError): string {
  const found = findUnexpectedText(error);
  if (found === undefined) return error.message;
  if (found === '') return 'it ends too early';
  const place = error.line ? ` in line ${error.line}` : '';
  return `unexpected ${JSON.stringify(found.slice(0, 60))}${place}`;
}

/** Describes the text after the end of the first statement. */
export function describeRest(source: string): string {
  const tokens = tokenize(source);
  for (let n = Math.min(tokens.length - 1, MAX_SEARCHED_TOKENS); n > 0; n--) {
    const { image, startOffset } = tokens[n]!;
    const { ast, errors } = parseSql(source.slice(0, startOffset));
    if (errors.length > 0 || ast.length !== 1) continue;
    const isSeparated = image === ';' || tokens[n - 1]?.image === ';';
    if (isSeparated || STATEMENT_ADVICE.has(image.toUpperCase())) break;
    return `"${image.slice(0, 60)}" is not expected after "${tokens[n - 1]?.image.slice(0, 60)}"`;
  }
  return 'it contains more than one statement';
}
