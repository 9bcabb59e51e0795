import { beforeEach, expect, it } from 'vitest';
import { SendStatus } from '../../../../src/storage/write/send-status.ts';

let nowMs: number;
let messages: string[];
let status: SendStatus;
beforeEach(() => {
  nowMs = 1000;
  messages = [];
  const log = { info: (text: string) => messages.push(text), warn: () => {}, error: () => {} };
  status = new SendStatus(log, () => nowMs);
});

it('reports failures that last longer than some seconds, and the first success after them', () => {
  for (; nowMs < 60_000; nowMs += 1000) status.onFailure(nowMs, 'ECONNREFUSED');
  expect(status.onStored('a')).toBe(true);
  expect(status.onStored('a')).toBe(false);
  expect(messages).toEqual([
    'QuestDB does not accept rows (ECONNREFUSED). Rows are kept in the spool and will be retried.',
    'QuestDB accepts rows again.',
  ]);
});

it('reports a request without a response as soon as it fails', () => {
  nowMs += 10_000;
  status.onFailure(1000, 'no response within 10 s');
  expect(messages).toHaveLength(1);
});

it('reports nothing about a short failure', () => {
  status.onFailure(nowMs, 'ECONNREFUSED');
  nowMs += 3000;
  status.onFailure(nowMs, 'ECONNREFUSED');
  expect(status.onStored('a')).toBe(false);
  nowMs += 60_000;
  status.onFailure(nowMs, 'ECONNREFUSED');
  status.onStored('a');
  expect(messages).toEqual([]);
});

it('reports a table if the rows of other tables are stored', () => {
  for (; nowMs < 60_000; nowMs += 1000) {
    status.onTableFailure('bad', nowMs, 'HTTP 500');
    nowMs += 1000;
    status.onStored('good');
  }
  status.onStored('bad');
  expect(messages).toEqual([
    'QuestDB does not accept rows of the table bad (HTTP 500). Rows are kept in the spool and will be retried.',
    'QuestDB accepts rows of the table bad again.',
  ]);
});

it('reports a failure of all tables once', () => {
  for (; nowMs < 60_000; nowMs += 1000) {
    status.onTableFailure('a', nowMs, 'HTTP 500');
    status.onTableFailure('b', nowMs, 'HTTP 500');
  }
  status.onStored('a');
  status.onStored('b');
  expect(messages).toEqual([
    'QuestDB does not accept rows (HTTP 500). Rows are kept in the spool and will be retried.',
    'QuestDB accepts rows again.',
  ]);
});
