import { createServer } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { RollupRepairJob } from '../../../../src/storage/migrations/rollup-repair.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';

it.each([
  [null, 'QuestDB invalidated the roll-up queue_metrics_1m. Perfscope is rebuilding it.'],
  [
    'base table was truncated',
    'QuestDB invalidated the roll-up queue_metrics_1m (base table was truncated). Perfscope is rebuilding it.',
  ],
])('logs an invalid roll-up with the reason %j', async (reason, message) => {
  const server = createServer(({ url }, response) => {
    const dataset = url!.includes('materialized_views')
      ? [['queue_metrics_1m', 'queue_metrics', 'invalid', reason]]
      : [[null]];
    response.end(JSON.stringify({ columns: [], dataset }));
  });
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
  const log: string[] = [];
  const write = (text: string) => void log.push(text);
  const job = new RollupRepairJob(() => ({ url }), { info: write, warn: write, error: write });
  await job.runOnce();
  expect(log).toEqual([message]);
});
