import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { FakeQuestdb } from '../test/support/fake-questdb.ts';
import { LambdaRuntime } from '../test/support/lambda-runtime.ts';
import { atMost, type BenchOptions, median, type Report, roundToFourDigits } from './report.ts';

/** Default of PERFORMANCE_LAMBDA_FLUSH_TIMEOUT, with the time to write the spool. */
const BUDGET_LIMIT_MS = 230;

interface LambdaCase {
  readonly name: string;
  readonly questdb: 'stores' | 'hangs' | undefined;
  /** Maximum delay of the first invocation after the cold start, and of the next ones, in ms. */
  readonly firstLimitMs: number;
  readonly limitMs: number;
}

const CASES: readonly LambdaCase[] = [
  { name: 'QuestDB responds', questdb: 'stores', firstLimitMs: BUDGET_LIMIT_MS, limitMs: 30 },
  { name: 'QuestDB hangs', questdb: 'hangs', firstLimitMs: BUDGET_LIMIT_MS, limitMs: 15 },
  { name: 'connection refused', questdb: undefined, firstLimitMs: 60, limitMs: 15 },
];

/** Measures how long the agent delays the result of an AWS Lambda invocation, with the stand-in of the tests. */
export async function benchLambda({ quick, log }: BenchOptions): Promise<Report> {
  const rounds = quick ? 1 : 7;
  const invocations = quick ? 5 : 20;
  const details: Report['details'] = { rounds, invocations };
  const targets: Report['targets'] = [];
  for (const { name, questdb, firstLimitMs, limitMs } of CASES) {
    const first: number[] = [];
    const next: number[] = [];
    const coldStarts: number[] = [];
    for (let round = 0; round < rounds; round++) {
      log(`round ${round + 1} of ${rounds}: ${name}`);
      const plain = await measureInvocations(undefined, invocations, false);
      const measured = await measureInvocations(questdb, invocations, true);
      first.push(measured[1]! - plain[1]!);
      next.push(median(measured.slice(2)) - median(plain.slice(2)));
      coldStarts.push(measured[0]! - plain[0]!);
    }
    details[`${name}, cold start`] = `+${roundToFourDigits(median(coldStarts))} ms`;
    targets.push(
      atMost(`${name}, second invocation`, median(first), firstLimitMs, 'ms'),
      atMost(`${name}, later invocations`, median(next), limitMs, 'ms'),
    );
  }
  return { targets, details };
}

/** Returns the durations of invocations, in ms. */
async function measureInvocations(
  questdb: LambdaCase['questdb'],
  count: number,
  isMeasured: boolean,
): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-lambda-'));
  const server = new FakeQuestdb(questdb);
  await server.start();
  const lambda = new LambdaRuntime({
    handler: 'handlers.get',
    taskRoot: resolve('test/apps/lambda'),
    node: process.execPath,
    env: {
      PERFORMANCE_QUESTDB_URL: questdb ? server.url : 'http://127.0.0.1:1',
      PERFORMANCE_SPOOL_DIR: folder,
    },
    ...(!isMeasured && { register: '' }),
  });
  try {
    await lambda.start();
    const durations: number[] = [];
    for (let i = 0; i < count; i++) durations.push((await lambda.invoke({})).durationMs);
    return durations;
  } finally {
    await lambda.remove();
    server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
