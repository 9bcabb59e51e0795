import { describe, expect, it } from 'vitest';
import {
  getRedisCommand,
  isBlockingCommand,
} from '../../../../../../src/agent/instrumentation/databases/redis/redis-commands.ts';
import { getRedisErrorType } from '../../../../../../src/agent/instrumentation/databases/redis/redis-errors.ts';

it.each([
  ['get', 'GET'],
  ['GeT', 'GET'],
  ['json.set', 'JSON.SET'],
  ['a key with spaces', '_OTHER'],
  ['x'.repeat(50), '_OTHER'],
])('names the command %s', (name, expected) => {
  expect(getRedisCommand(name).text).toBe(expected);
});

it('has few names for many unknown commands', () => {
  const names = new Set<string>();
  for (let i = 0; i < 10_000; i++) names.add(getRedisCommand(`unknown${i}`).text);
  expect(names.size).toBeLessThan(601);
});

it.each([
  ['BLPOP', ['list', 0], true],
  ['bzpopmin', ['queue', 5], true],
  ['subscribe', ['news'], true],
  ['xread', ['COUNT', 2, 'block', 0, 'STREAMS', 'a', '$'], true],
  ['XREADGROUP', ['XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', '5', 'STREAMS', 'a', '>'], true],
  ['xread', ['STREAMS', 'block', '0'], false],
  ['get', ['block'], false],
])('recognizes whether %s %j waits', (name, args, expected) => {
  expect(isBlockingCommand(getRedisCommand(name), args)).toBe(expected);
});

class SimpleError extends Error {}
class ConnectionTimeoutError extends Error {}
const createError = (name: string, message: string, code?: string) =>
  Object.assign(new Error(message), { name, ...(code !== undefined && { code }) });

describe('the type of an error', () => {
  it.each<[unknown, string]>([
    [createError('ReplyError', 'WRONGTYPE Operation against a key'), 'WRONGTYPE'],
    [createError('ReplyError', 'NOAUTH'), 'NOAUTH'],
    [createError('ReplyError', 'secret value'), 'ReplyError'],
    [new SimpleError('ERR unknown command'), 'ERR'],
    [new ConnectionTimeoutError('Connection timeout'), 'timeout'],
    [
      createError('MaxRetriesPerRequestError', 'Reached the max retries'),
      'MaxRetriesPerRequestError',
    ],
    [createError('Error', 'connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED'), 'ECONNREFUSED'],
    [new Error('Command timed out'), 'timeout'],
    [new Error('secret'), 'Error'],
    ['secret', '_OTHER'],
    [undefined, '_OTHER'],
  ])('of %s is %s', (error, expected) => {
    expect(getRedisErrorType(error)).toBe(expected);
  });
});
