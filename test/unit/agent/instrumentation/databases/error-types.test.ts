import { expect, it } from 'vitest';
import { getDatabaseErrorType } from '../../../../../src/agent/instrumentation/databases/error-types.ts';
import {
  getMongoErrorType,
  getSelectionErrorType,
} from '../../../../../src/agent/instrumentation/databases/mongodb/mongodb-errors.ts';
import { getPrismaErrorType } from '../../../../../src/agent/instrumentation/databases/prisma/prisma-errors.ts';
import { getRedisErrorType } from '../../../../../src/agent/instrumentation/databases/redis/redis-errors.ts';

const fail = () => {
  throw new Error('the error must not be read');
};
const HOSTILE_ERRORS: readonly [string, () => unknown][] = [
  ['a Proxy', () => new Proxy(new Error('proxy'), { get: fail, has: fail, getPrototypeOf: fail })],
  [
    'getters that throw',
    () =>
      Object.defineProperties(
        new Error('getters'),
        Object.fromEntries(
          [
            'name',
            'message',
            'code',
            'codeName',
            'errorCode',
            'reason',
            'cause',
            'constructor',
          ].map((name) => [name, { get: fail }]),
        ),
      ),
  ],
];

it.each(HOSTILE_ERRORS)('an error with %s has the type _OTHER', (_kind, createError) => {
  for (const getType of [
    ...[getDatabaseErrorType, getRedisErrorType, getMongoErrorType],
    ...[getSelectionErrorType, getPrismaErrorType],
  ])
    expect(getType(createError())).toBe('_OTHER');
});

it.each([undefined, null, 1, 'text', Symbol('error')])('%s has the type _OTHER', (error) => {
  for (const getType of [
    getDatabaseErrorType,
    getRedisErrorType,
    getMongoErrorType,
    getPrismaErrorType,
  ])
    expect(getType(error)).toBe('_OTHER');
});
