import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { getElasticsearchErrorType } from '../../../../../../src/agent/instrumentation/databases/elasticsearch/elasticsearch-errors.ts';
import {
  getElasticsearchCommand,
  normalizeIndex,
} from '../../../../../../src/agent/instrumentation/databases/elasticsearch/elasticsearch-request.ts';

describe('normalizeIndex', () => {
  it.each<[unknown, string | undefined]>([
    ['rooms', 'rooms'],
    ['logs-2026.11.30', 'logs-[date]'],
    ['logs-2026.11', 'logs-[date]'],
    ['logs-2026-11-30-v2', 'logs-[date]-v2'],
    ['logs-20261130', 'logs-[date]'],
    ['logs-202611', 'logs-[date]'],
    ['.ds-logs-2026.11.30-000001', '.ds-logs-[date]-[number]'],
    ['logs-2026.11.*', 'logs-[date]'],
    ['logs-*', 'logs-*'],
    ['<logs-{now/d{yyyy.MM.dd|+12:00}}>', 'logs-[date]'],
    ['tenant-550e8400-e29b-41d4-a716-446655440000', 'tenant-[id]'],
    ['logs-2026.11.29,logs-2026.11.30', 'logs-[date]'],
    [['a', 'b', 'a', 'c', 'd'], 'a,b,c,…'],
    ['v2', 'v2'],
    [undefined, undefined],
    [{ index: 'x' }, undefined],
    ['', undefined],
  ])('of %j', (index, expected) => {
    expect(normalizeIndex(index)).toBe(expected);
  });

  it('replaces each date', () => {
    const dates = fc.date({ min: new Date('2000'), max: new Date('2099'), noInvalidDate: true });
    fc.assert(
      fc.property(dates, fc.constantFrom('.', '-', '_', ''), (date, separator) => {
        const text = date.toISOString().slice(0, 10).replaceAll('-', separator);
        expect(normalizeIndex(`logs-${text}`)).toBe('logs-[date]');
      }),
    );
  });

  it('accepts any text in linear time', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 3000 }), fc.array(fc.anything())), (index) => {
        expect((normalizeIndex(index) ?? '').length).toBeLessThan(500);
      }),
    );
    for (const hostile of ['{now', '2026.', '0', 'a-', '<', ',', '1234-'])
      normalizeIndex(hostile.repeat(5000));
  });
});

describe('getElasticsearchCommand', () => {
  it.each<[method: string, path: string, expected: string]>([
    ['GET', '/', 'info'],
    ['HEAD', '/', 'ping'],
    ['POST', '/rooms/_search?q=secret', 'search rooms'],
    ['POST', '/_search', 'search'],
    ['POST', '/_bulk', 'bulk'],
    ['GET', '/rooms/_doc/secret', 'get rooms'],
    ['PUT', '/rooms/_doc/secret', 'index rooms'],
    ['PUT', '/rooms/_create/secret', 'create rooms'],
    ['DELETE', '/rooms/_doc/secret', 'delete rooms'],
    ['PUT', '/rooms', 'indices.create rooms'],
    ['HEAD', '/rooms', 'indices.exists rooms'],
    ['GET', '/_cat/indices', 'cat.indices'],
    ['GET', '/_cluster/health/rooms', 'cluster.health'],
    ['GET', '/_snapshot/My-Secret', 'snapshot'],
    ['GET', '/logs-2026.11.30/_count', 'count logs-[date]'],
    ['GET', '/%E0%A4%A/_count', 'count %E0%A4%A'],
    ['BREW', '/rooms', '_OTHER rooms'],
  ])('%s %s', (method, path, expected) => {
    expect(getElasticsearchCommand({ method, path }).text).toBe(expected);
  });

  it('prefers the name of the endpoint', () => {
    const meta = { name: 'indices.put_mapping', pathParts: { index: ['a-2026.11.30', 'b'] } };
    const command = getElasticsearchCommand({ method: 'PUT', path: '/x/_mapping', meta });
    expect(command).toEqual({
      system: 'elasticsearch',
      text: 'indices.put_mapping a-[date],b',
      operation: 'indices.put_mapping',
      table: 'a-[date],b',
    });
  });

  it('accepts any request', () => {
    const requests = fc.record({
      method: fc.anything(),
      path: fc.oneof(fc.string(), fc.anything()),
      meta: fc.option(
        fc.record({
          name: fc.anything(),
          pathParts: fc.option(fc.record({ index: fc.anything() }), { nil: undefined }),
        }),
        { nil: undefined },
      ),
    });
    fc.assert(
      fc.property(requests, (request) => {
        const { operation } = getElasticsearchCommand(request as never);
        expect(operation).toMatch(/^(?:_OTHER|[a-z][\w.]{0,60})$/);
      }),
    );
  });
});

describe('getElasticsearchErrorType', () => {
  it.each<[error: unknown, expected: string]>([
    [
      { name: 'ResponseError', meta: { body: { error: { type: 'parsing_exception' } } } },
      'parsing_exception',
    ],
    [{ name: 'ResponseError', meta: { body: 'text', statusCode: 502 } }, '502'],
    [{ name: 'ConnectionError', message: 'connect ECONNREFUSED 127.0.0.1:1' }, 'ECONNREFUSED'],
    [{ name: 'TimeoutError', message: 'Request timed out' }, 'timeout'],
    [{ name: 'RequestAbortedError' }, 'aborted'],
    [undefined, '_OTHER'],
  ])('of %j', (error, expected) => {
    expect(getElasticsearchErrorType(error)).toBe(expected);
  });
});
