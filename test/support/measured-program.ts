import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'vitest';
import {
  REPEATED_EXECUTIONS_METRIC_NAME,
  RETURNED_ROWS_METRIC_NAME,
  TRANSACTION_STATEMENTS_METRIC_NAME,
} from '../../src/core/suggestion-metrics.ts';
import { InstrumentedApp } from './instrumented-app.ts';
import { type LineProtocolRow, parseLine } from './parse-line-protocol.ts';
import { readSpooledLines } from './spool-fixtures.ts';

export interface MeasuredProgramOptions {
  env?: NodeJS.ProcessEnv;
  /** Path of the Node binary. Default: the current one. */
  node?: string;
  args?: string[];
}

/** What a program did, and the rows that the agent stored. */
export interface MeasuredProgram {
  readonly exit: number | NodeJS.Signals;
  readonly output: string;
  /** Rows of all tables, in the spool. */
  readonly rows: readonly LineProtocolRow[];
}

/** Runs a program with the agent. No QuestDB is running, so the rows are in the spool when the program exits. */
export async function runMeasuredProgram(
  script: string,
  { env = {}, node = process.execPath, args = [] }: MeasuredProgramOptions = {},
): Promise<MeasuredProgram> {
  const spool = mkdtempSync(join(tmpdir(), 'perfscope-measured-'));
  try {
    const app = new InstrumentedApp(script, {
      node,
      args,
      env: {
        PATH: process.env.PATH,
        HOME: spool,
        XDG_RUNTIME_DIR: spool,
        PERFORMANCE_SPOOL_DIR: join(spool, 'rows'),
        PERFORMANCE_QUESTDB_URL: 'http://127.0.0.1:1',
        ...env,
      },
    });
    const exit = await app.exited;
    return {
      exit,
      output: app.output,
      rows: readSpooledLines(join(spool, 'rows')).map(parseLine),
    };
  } finally {
    rmSync(spool, { recursive: true, force: true });
  }
}

/** Runs a program without the agent. */
export async function runPlainProgram(
  script: string,
  { env = {}, node = process.execPath, args = [] }: MeasuredProgramOptions = {},
): Promise<Pick<MeasuredProgram, 'exit' | 'output'>> {
  const app = new InstrumentedApp(resolve(script), {
    node,
    args,
    flags: [],
    env: { PATH: process.env.PATH, ...env },
  });
  return { exit: await app.exited, output: app.output };
}

/**
 * Runs a program with and without the agent, and expects the same output and exit code.
 *
 * @param normalize removes what differs between runs. Default: {@link withoutFrames}.
 * @returns the run with the agent. Its output is the one without the agent.
 */
export async function expectSameProgram(
  script: string,
  options: MeasuredProgramOptions,
  normalize: (output: string) => string = withoutFrames,
): Promise<MeasuredProgram> {
  const [plain, measured] = await Promise.all([
    runPlainProgram(script, options),
    runMeasuredProgram(script, options),
  ]);
  expect(normalize(measured.output)).toBe(normalize(plain.output));
  expect(measured.exit).toBe(plain.exit);
  return { ...plain, rows: measured.rows };
}

/**
 * Returns the statements that a program ran: the fingerprint, the error type or `''`, and the count of each, sorted by
 * fingerprint.
 */
export function countStatements(rows: readonly LineProtocolRow[]): [string, string, number][] {
  const counts = new Map<string, number>();
  for (const { table, columns } of rows) {
    if (table !== 'performance_metrics' || columns.metric_type !== 'DATABASE_QUERY_TIME') continue;
    const tags = JSON.parse(columns.tags ?? '{}') as Record<string, string>;
    const key = JSON.stringify([columns.endpoint, tags['error.type'] ?? '']);
    counts.set(key, (counts.get(key) ?? 0) + Number(columns.count));
  }
  return [...counts]
    .map(([key, count]): [string, string, number] => [
      ...(JSON.parse(key) as [string, string]),
      count,
    ])
    .sort((a, b) => (a.slice(0, 2).join('\n') < b.slice(0, 2).join('\n') ? -1 : 1));
}

const EVIDENCE_METRICS = new Set<unknown>([
  RETURNED_ROWS_METRIC_NAME,
  TRANSACTION_STATEMENTS_METRIC_NAME,
  REPEATED_EXECUTIONS_METRIC_NAME,
]);

/** Returns the evidence for suggestions: the metric, the statement, and the sum of the values of each, sorted. */
export function listEvidence(rows: readonly LineProtocolRow[]): [string, string, number][] {
  return rows
    .filter(
      ({ table, columns }) => table === 'performance_metrics' && EVIDENCE_METRICS.has(columns.name),
    )
    .map(({ columns: { name, endpoint, operation, sum } }): [string, string, number] => [
      name ?? '',
      (name === TRANSACTION_STATEMENTS_METRIC_NAME ? operation : endpoint) ?? '',
      Number(sum),
    ])
    .sort((a, b) => (a.join('\n') < b.join('\n') ? -1 : 1));
}

/** Returns the output of a program that ends with an error, without what differs between runs. The agent is a part of the stack. */
export function withoutFrames(output: string): string {
  return output.replaceAll(/^ +at .*\n/gm, '').replaceAll(/\(node:\d+\)/g, '(node)');
}
