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
