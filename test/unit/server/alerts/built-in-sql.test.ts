import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  checkSelect,
  findBuiltInStatement,
} from '../../../../src/server/alerts/rules/parse-sql-rule.ts';
import { findRule, loadTestRules } from '../../../support/alert-rule-fixtures.ts';

const FOLDER = 'src/server/alerts/rules/default-rules';
const statements = readdirSync(FOLDER).flatMap((file) => {
  const { rules = [] } = parse(readFileSync(join(FOLDER, file), 'utf8')) as {
    rules?: { name: string; sql?: string }[];
  };
  return rules.flatMap(({ name, sql }) => (sql === undefined ? [] : [{ name, sql }]));
});

// Must run first, because the next test loads the parser.
it('loads the built-in rules without the SQL parser', () => {
  expect(findRule(loadTestRules(''), 'coverage-lost')).toMatchObject({ source: { kind: 'sql' } });
  const { cache } = createRequire(import.meta.url);
  expect(Object.keys(cache).filter((path) => path.includes('sql-parser'))).toEqual([]);
});

it.each(statements)('knows the columns and tables of $name', ({ sql }) => {
  const problems: string[] = [];
  const checked = checkSelect(sql, (message) => problems.push(message));
  expect(problems).toEqual([]);
  expect(findBuiltInStatement(sql)).toEqual({ ...checked, text: sql });
});

it('checks every other statement', () => {
  expect(findBuiltInStatement(`${statements[0]!.sql} `)).toBeUndefined();
});
