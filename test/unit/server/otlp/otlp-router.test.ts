import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../../../src/core/duration.ts';
import { createError } from '../../../../src/core/perfscope-error.ts';
import { generateApiKey, parseApiKey } from '../../../../src/server/access/api-key-secret.ts';
import { createPrincipal } from '../../../../src/server/access/principal.ts';
import { DEFAULT_BODY_LIMITS } from '../../../../src/server/otlp/read-body.ts';
import { OtlpServer } from '../../../support/otlp-server.ts';
import { waitFor } from '../../../support/wait-for.ts';

const MIB = 2 ** 20;
const PROTOBUF = { 'content-type': 'application/x-protobuf' };

let server: OtlpServer;

async function restart(limits: ConstructorParameters<typeof OtlpServer>[0]) {
  await server.close();
  server = new OtlpServer(limits);
  await server.start();
}

beforeEach(async () => {
  server = new OtlpServer();
  await server.start();
});
afterEach(() => server.close());

describe('content types', () => {
  it('responds in the encoding of the request', async () => {
    const json = await server.send('/v1/metrics', '{}', {
      'content-type': 'Application/JSON; Charset=UTF-8',
    });
    expect(json).toMatchObject({ status: 200, body: '{}' });
    expect(json.headers['content-type']).toBe('application/json');
    const protobuf = await server.send('/v1/traces', '', PROTOBUF);
    expect(protobuf).toMatchObject({ status: 200, body: '' });
    expect(protobuf.headers['content-type']).toBe('application/x-protobuf');
    expect(server.received.map(({ signal, encoding }) => `${signal} ${encoding}`)).toEqual([
      'metrics json',
      'traces protobuf',
    ]);
  });

  it.each(['text/plain', 'application/json; charset=latin1', '__proto__', ''])(
    'rejects %j',
    async (contentType) => {
      const { status, headers, body } = await server.send('/v1/metrics', '{}', {
        'content-type': contentType,
      });
      expect(status).toBe(415);
      expect(headers['content-type']).toBe('application/json');
      expect(JSON.parse(body).message).toContain('application/x-protobuf or application/json');
      expect(server.received).toEqual([]);
    },
  );

  it.each(['application/grpc', 'application/grpc+proto'])(
    'explains to senders of %s how to use HTTP',
    async (contentType) => {
      const path = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
      for (const target of [path, '/v1/metrics']) {
        const response = await server.send(target, '', { 'content-type': contentType });
        expect(response.status).toBe(415);
        expect(response.body).toContain('OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf');
      }
    },
  );

  it('returns a partial success with the number of rejected points', async () => {
    server.store = async () => ({ rejected: 3, message: '3 points rejected' });
    const { status, body } = await server.send('/v1/metrics', '{}');
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({
      partialSuccess: { rejectedDataPoints: '3', errorMessage: '3 points rejected' },
    });
  });
});

describe('compression', () => {
  const body = Buffer.from('{"resourceMetrics":[]}');

  it.each([
    ['gzip', gzipSync(body)],
    ['x-gzip', gzipSync(body)],
    ['GZIP', Buffer.concat([gzipSync(body.subarray(0, 5)), gzipSync(body.subarray(5))])],
    ['deflate', deflateSync(body)],
    ['zstd', zstdCompressSync(body)],
    ['identity', body],
  ])('accepts %s', async (coding, compressed) => {
    const { status } = await server.send('/v1/metrics', compressed, { 'content-encoding': coding });
    expect(status).toBe(200);
    expect(server.received[0]!.body).toEqual(body);
  });

  it.each(['br', 'gzip, gzip', 'snappy', '__proto__'])('rejects %s with 415', async (coding) => {
    const response = await server.send('/v1/metrics', body, { 'content-encoding': coding });
    expect(response.status).toBe(415);
    expect(response.headers['accept-encoding']).toBe('identity, gzip, deflate, zstd');
  });

  it.each([
    ['gzip', Buffer.from('not compressed')],
    ['gzip', gzipSync(body).subarray(0, 20)],
    ['deflate', deflateSync(body).subarray(0, 10)],
    ['zstd', Buffer.from('not compressed')],
    ['zstd', zstdCompressSync(body).subarray(0, 12)],
  ])('rejects a damaged %s body with 400', async (coding, damaged) => {
    const response = await server.send('/v1/metrics', damaged, { 'content-encoding': coding });
    expect(response.status).toBe(400);
    expect(response.headers['retry-after']).toBeUndefined();
    expect(JSON.parse(response.body)).toMatchObject({
      code: 3,
      message: expect.stringContaining('the compressed body is invalid'),
    });
    expect(server.received).toEqual([]);
  });

  it.each(['gzip', 'deflate', 'zstd', 'identity'])(
    'accepts an empty %s body as an empty request',
    async (coding) => {
      const headers = { ...PROTOBUF, 'content-encoding': coding };
      const { status } = await server.send('/v1/metrics', '', headers);
      expect(status).toBe(200);
      expect(server.received[0]!.body).toHaveLength(0);
    },
  );
});

describe('limits', () => {
  it('rejects a body that is too large before it reads the body', async () => {
    const { request, response } = server.open('/v1/metrics', {
      ...PROTOBUF,
      'content-length': 200 * MIB,
    });
    request.flushHeaders();
    expect(await response).toMatchObject({ status: 413 });
    request.destroy();
  });

  it('rejects a body without a length while it reads the body', async () => {
    const { request, response } = server.open('/v1/metrics', PROTOBUF);
    request.on('error', () => {});
    for (let i = 0; i < 20; i++) request.write(Buffer.alloc(MIB));
    expect(await response).toMatchObject({ status: 413 });
    request.destroy();
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['zstd', zstdCompressSync],
  ])('stops to decompress a %s bomb at the limit', async (coding, compress) => {
    await restart({ body: { ...DEFAULT_BODY_LIMITS, maxBytes: MIB } });
    const bomb = compress(Buffer.alloc(100 * MIB));
    const { status, body } = await server.send('/v1/metrics', bomb, { 'content-encoding': coding });
    expect(status).toBe(413);
    expect(JSON.parse(body).message).toContain('1 MiB after decompression');
    expect(server.received).toEqual([]);
  });

  it('rejects a zstd frame that needs a large window', async () => {
    // Magic number, a frame header without a size, and a window of 2 GiB.
    const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00]);
    const { status } = await server.send('/v1/metrics', frame, { 'content-encoding': 'zstd' });
    expect(status).toBe(400);
  });

  it('rejects bodies over the budget with 429, and accepts them after the other requests', async () => {
    await restart({ totalBytes: 2 * MIB, bytesPerSender: 2 * MIB });
    const finish = Promise.withResolvers<undefined>();
    server.store = () => finish.promise;
    const first = server.send('/v1/metrics', Buffer.alloc(1.5 * MIB), PROTOBUF);
    await waitFor(async () => server.received.length === 1);
    const second = await server.send('/v1/metrics', Buffer.alloc(MIB), PROTOBUF);
    expect(second).toMatchObject({ status: 429, headers: { 'retry-after': '2' } });
    finish.resolve(undefined);
    expect(await first).toMatchObject({ status: 200 });
    expect(await server.send('/v1/metrics', Buffer.alloc(MIB), PROTOBUF)).toMatchObject({
      status: 200,
    });
  });

  it('limits the bytes of one key, so that others can still send', async () => {
    await restart({ totalBytes: 4 * MIB, bytesPerSender: 2 * MIB });
    const finish = Promise.withResolvers<undefined>();
    server.store = () => finish.promise;
    server.principal = createPrincipal('key:1', { role: 'INGEST' });
    const first = server.send('/v1/metrics', Buffer.alloc(1.5 * MIB), PROTOBUF);
    await waitFor(async () => server.received.length === 1);
    const second = await server.send('/v1/metrics', Buffer.alloc(MIB), PROTOBUF);
    expect(second.status).toBe(429);
    server.principal = createPrincipal('key:2', { role: 'INGEST' });
    const third = server.send('/v1/metrics', Buffer.alloc(1.5 * MIB), PROTOBUF);
    await waitFor(async () => server.received.length === 2);
    finish.resolve(undefined);
    expect((await Promise.all([first, third])).map(({ status }) => status)).toEqual([200, 200]);
  });

  it('limits the bytes of an organization with several keys, so that others can still send', async () => {
    await restart({ totalBytes: 4 * MIB, bytesPerSender: 2 * MIB });
    const finish = Promise.withResolvers<undefined>();
    server.store = () => finish.promise;
    const setSender = (id: string, organizationId: string) => {
      server.principal = createPrincipal(`key:${id}`, { role: 'INGEST', organizationId });
    };
    setSender('1', 'alpha');
    const first = server.send('/v1/metrics', Buffer.alloc(1.5 * MIB), PROTOBUF);
    await waitFor(async () => server.received.length === 1);
    setSender('2', 'alpha');
    const second = await server.send('/v1/metrics', Buffer.alloc(MIB), PROTOBUF);
    expect(second).toMatchObject({
      status: 429,
      body: expect.stringContaining('2 MiB per organization') as string,
    });
    setSender('3', 'beta');
    const third = server.send('/v1/metrics', Buffer.alloc(1.5 * MIB), PROTOBUF);
    await waitFor(async () => server.received.length === 2);
    finish.resolve(undefined);
    expect((await Promise.all([first, third])).map(({ status }) => status)).toEqual([200, 200]);
  });

  it('frees the budget of an upload that the client aborts', async () => {
    await restart({ totalBytes: 2 * MIB, bytesPerSender: 2 * MIB });
    for (let i = 0; i < 4; i++) {
      const { request, response } = server.open('/v1/metrics', {
        ...PROTOBUF,
        'content-length': 2 * MIB,
      });
      await new Promise((done) => request.write(Buffer.alloc(1.5 * MIB), done));
      request.destroy();
      await expect(response).rejects.toThrow();
    }
    await waitFor(async () => {
      const { status } = await server.send('/v1/metrics', Buffer.alloc(1.5 * MIB), PROTOBUF);
      return status === 200;
    });
    expect(server.logMessages).toEqual([]);
  });

  it('ends uploads that stop or are too slow', async () => {
    const body = { ...DEFAULT_BODY_LIMITS, idleTimeoutMs: 50, timeoutMs: 60_000 };
    await restart({ body });
    const stopped = server.open('/v1/metrics', { ...PROTOBUF, 'content-length': 100 });
    stopped.request.write('x');
    expect(await stopped.response).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    stopped.request.destroy();
    await restart({ body: { ...body, idleTimeoutMs: 60_000, timeoutMs: 50 } });
    const slow = server.open('/v1/metrics', { ...PROTOBUF, 'content-encoding': 'gzip' });
    slow.request.write(gzipSync('x').subarray(0, 5));
    expect(await slow.response).toMatchObject({ status: 503 });
    slow.request.destroy();
  });

  it('limits the concurrent requests of a key', async () => {
    const finish = Promise.withResolvers<undefined>();
    server.store = () => finish.promise;
    const open = Array.from({ length: 100 }, () => server.send('/v1/metrics', '{}'));
    await waitFor(async () => server.received.length === 100);
    const more = await server.send('/v1/metrics', '{}');
    expect(more).toMatchObject({ status: 429, headers: { 'retry-after': '2' } });
    finish.resolve(undefined);
    for (const { status } of await Promise.all(open)) expect(status).toBe(200);
  });
});

describe('unknown paths', () => {
  it.each([
    ['/v1/metric', 'json'],
    ['/v1/metrics/v1/metrics', 'protobuf'],
    ['/v1/trace', 'protobuf'],
    ['/otlp/v1/traces', 'json'],
    ['/', 'json'],
    ['/', 'protobuf'],
    ['/collect', 'protobuf'],
  ])('explains the right path to a sender that uses %s in %s', async (path, encoding) => {
    const contentType = encoding === 'json' ? 'application/json' : 'application/x-protobuf';
    const host = 'perfscope.example:4001';
    const response = await server.send(path, 'x', { 'content-type': contentType, host });
    expect(response.status).toBe(404);
    expect(response.headers['content-type']).toBe(contentType);
    const advice = `OTLP is received at /v1/metrics and /v1/traces. Set OTEL_EXPORTER_OTLP_ENDPOINT to http://${host}, without a path.`;
    if (encoding === 'json') {
      expect(JSON.parse(response.body)).toEqual({ code: 12, message: advice });
    } else expect(response.body.slice(-advice.length)).toBe(advice);
    expect(server.logMessages).toEqual([
      `OTLP requests from 127.0.0.1 to "${path}" are rejected (404), so their data is lost. ${advice.replace(host, 'HOST:PORT')}`,
    ]);
  });

  it('does not repeat a Host header that is not an address', async () => {
    const { body } = await server.send('/v1/metric', '', { host: 'a"<b>' });
    expect(JSON.parse(body).message).toContain('http://HOST:PORT,');
  });

  it.each([
    ['POST', '/api/performance/metrics'],
    ['POST', '/collect'],
    ['GET', '/v1/metric'],
  ])('leaves other requests to other routes: %s %s', async (method, path) => {
    const { status, headers } = await server.send(path, '', {}, method);
    expect([status, headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
  });
});

describe('the log', () => {
  it('contains one warning per hour for each sender and kind of error', async () => {
    const { id, text } = generateApiKey();
    server.rejectedKeys.set(text, 'the key is revoked');
    const sendAll = async () => {
      for (const key of [text, 'wrong', text, 'wrong']) {
        await server.send('/v1/metrics', '{}', { 'x-api-key': key });
      }
    };
    await sendAll();
    const revoked = `OTLP requests from 127.0.0.1 with the API key ${id} are rejected (401), so their data is lost. Authentication required: the key is revoked. `;
    const advice =
      'Create an API key on the server with `perfscope keys create --role INGEST --name NAME`, and send it as `Authorization: Bearer …`.';
    expect(server.logMessages).toEqual([
      revoked + advice,
      expect.stringMatching(/^OTLP requests from 127\.0\.0\.1 are rejected .*the key is wrong/),
    ]);
    expect(server.logMessages.join()).not.toContain(parseApiKey(text)!.secret);
    server.nowMs += HOUR_MS - 1;
    await sendAll();
    expect(server.logMessages).toHaveLength(2);
    server.nowMs += 1;
    await sendAll();
    expect(server.logMessages).toHaveLength(4);
  });

  it('names the roles that can send', async () => {
    server.principal = createPrincipal('key:1', { role: 'VIEWER', organizationId: 'org' });
    await server.send('/v1/traces', '{}');
    expect(server.logMessages).toEqual([
      "OTLP requests from 127.0.0.1 are rejected (403), so their data is lost. VIEWER can't send measurements or alerts. Use a key with the role INGEST or ADMIN.",
    ]);
  });

  it('contains no key that is sent in another header', async () => {
    const { text } = generateApiKey();
    const { body } = await server.send('/v1/traces', '{}', { 'content-type': text });
    expect(server.logMessages).toHaveLength(1);
    expect(server.logMessages.join() + body).not.toContain(text.slice(0, 40));
  });

  it('contains no requests that are sent again', async () => {
    await server.send('/v1/metrics', '{}', { 'x-api-key': 'later' });
    server.store = async () => {
      throw createError('PS_OTLP_BUSY', { mebibytes: 1, per: 'server', seconds: 2 });
    };
    expect((await server.send('/v1/metrics', '{}')).status).toBe(429);
    await server.send('/v1/metrics', '', {}, 'GET');
    expect(server.logMessages).toEqual([]);
  });
});

describe('errors', () => {
  it('explains that logs are not stored', async () => {
    const { status, body, headers } = await server.send('/v1/logs', '{}');
    expect(status).toBe(404);
    expect(headers['retry-after']).toBeUndefined();
    expect(JSON.parse(body)).toMatchObject({ code: 12, message: expect.stringContaining('logs') });
  });

  it('allows only POST', async () => {
    const { status, headers } = await server.send('/v1/metrics', '', {}, 'GET');
    expect({ status, allow: headers.allow }).toEqual({ status: 405, allow: 'POST, OPTIONS' });
    expect(await server.send('/v1/traces', '', {}, 'OPTIONS')).toMatchObject({ status: 204 });
  });

  it('rejects callers without a valid key or without permission', async () => {
    const rejected = await server.send('/v1/metrics', '{}', { 'x-api-key': 'wrong' });
    expect(rejected).toMatchObject({ status: 401 });
    expect(rejected.headers['www-authenticate']).toContain('Bearer');
    expect(JSON.parse(rejected.body)).toMatchObject({ code: 16 });
    server.principal = createPrincipal('key:1', { role: 'VIEWER', organizationId: 'org' });
    const forbidden = await server.send('/v1/metrics', '{}');
    expect(forbidden).toMatchObject({ status: 403 });
    expect(JSON.parse(forbidden.body)).toMatchObject({ code: 7 });
    expect(server.received).toEqual([]);
  });

  it('asks senders to retry while keys can not be checked', async () => {
    const { status, headers } = await server.send('/v1/metrics', '{}', { 'x-api-key': 'later' });
    expect({ status, retryAfter: headers['retry-after'] }).toEqual({
      status: 503,
      retryAfter: '5',
    });
  });

  it('passes the organization of the key, and no other one', async () => {
    server.principal = createPrincipal('key:1', { role: 'INGEST', organizationId: 'org' });
    await server.send('/v1/metrics', '{}');
    server.principal = createPrincipal('key:2', { role: 'INGEST' });
    await server.send('/v1/metrics', '{}');
    expect(server.received.map(({ organizationId }) => organizationId)).toEqual(['org', undefined]);
  });

  it('reports the position of a fault, as JSON and as protobuf', async () => {
    server.store = async () => {
      throw createError('PS_OTLP_INVALID', { position: 'byte 12', reason: 'the body ends' });
    };
    const json = await server.send('/v1/metrics', '{}');
    expect(json.status).toBe(400);
    expect(JSON.parse(json.body).details[0].fieldViolations).toEqual([
      { field: 'byte 12', description: 'the body ends' },
    ]);
    const protobuf = await server.send('/v1/metrics', '', PROTOBUF);
    expect(protobuf.headers['content-type']).toBe('application/x-protobuf');
    expect(protobuf.body).toContain('byte 12');
  });

  it('hides the text of unexpected errors, and asks the sender to retry', async () => {
    server.store = async () => {
      throw new Error('secret path');
    };
    const { status, headers, body } = await server.send('/v1/metrics', '{}');
    expect({ status, retryAfter: headers['retry-after'] }).toEqual({
      status: 503,
      retryAfter: '5',
    });
    expect(body).not.toContain('secret path');
    expect(server.logMessages).toEqual(['An OTLP request failed: secret path']);
    await waitFor(async () => server.responses.includes('metrics 503'));
  });

  it('keeps the connection for the next request after an error', async () => {
    const { Agent, request } = await import('node:http');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    for (const contentType of ['text/plain', 'application/json', 'text/plain']) {
      await new Promise<void>((resolve, reject) => {
        const options = { agent, port: server.port, path: '/v1/metrics', method: 'POST' };
        const sent = request({ ...options, headers: { 'content-type': contentType } }, (response) =>
          response.resume().on('end', resolve),
        );
        sent.on('socket', (socket) => sockets.add(socket)).on('error', reject);
        sent.end('{}');
      });
    }
    agent.destroy();
    expect(sockets.size).toBe(1);
  });
});
