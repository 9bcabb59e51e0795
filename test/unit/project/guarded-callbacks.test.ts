import { describe, expect, it } from 'vitest';
import { findCallbacks, listImportedFiles } from '../../support/find-callbacks.ts';

const GUARDED_INSIDE = 'Only the original method runs outside of a guard.';
const CALLS_SAFELY = "The callback of the application runs in `callSafely`, which doesn't throw.";

/** Calls that don't use `guard`, with the reason. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "agent/instrumentation/frameworks/nextjs/next-14-errors.ts wrapMethod('trace')":
    'runs code of Next.js; the code of the agent in it is guarded',
  "agent/instrumentation/frameworks/nextjs/next-errors.ts wrapMethod('logErrorWithOriginalStack')":
    'runs code of Next.js; the code of the agent in it is guarded',
  'agent/instrumentation/loading/method-patching.ts wrapMethod(name)': GUARDED_INSIDE,
  'agent/instrumentation/loading/instrumentation-registry.ts Hook()':
    'It returns the exports of the library, and calls one guarded function.',
  "agent/instrumentation/frameworks/express/express.ts wrapMethod('handle')": GUARDED_INSIDE,
  'agent/instrumentation/frameworks/express/express.ts wrapMethod(ConditionalExpression)':
    GUARDED_INSIDE,
  'agent/instrumentation/frameworks/express/express.ts wrapMethod(name)': GUARDED_INSIDE,
  "agent/instrumentation/frameworks/fastify.ts wrapMethod('buildRequest')": GUARDED_INSIDE,
  "agent/instrumentation/frameworks/koa/koa-router.ts wrapMethod('middleware')": GUARDED_INSIDE,
  "agent/instrumentation/frameworks/koa/koa-router.ts wrapMethod('routes')": GUARDED_INSIDE,
  "agent/instrumentation/requests/first-byte.ts wrapMethod('_send')": GUARDED_INSIDE,
  "agent/instrumentation/websocket/socket-io.ts wrapMethod('dispatch')": GUARDED_INSIDE,
  "agent/instrumentation/websocket/socket-io.ts wrapMethod('emitReserved')": GUARDED_INSIDE,
  "agent/instrumentation/websocket/socket-io.ts wrapMethod('ondata')": GUARDED_INSIDE,
  "agent/instrumentation/websocket/socket-io.ts wrapMethod('sendPacket')": GUARDED_INSIDE,
  "agent/instrumentation/websocket/socket-io.ts wrapMethod('emitUntyped')": GUARDED_INSIDE,
  "agent/instrumentation/websocket/ws.ts wrapMethod('handleUpgrade')": GUARDED_INSIDE,
  "agent/instrumentation/websocket/ws.ts wrapMethod('completeUpgrade')": GUARDED_INSIDE,
  "agent/instrumentation/websocket/ws.ts wrapMethod('emit')": GUARDED_INSIDE,
  "agent/instrumentation/websocket/ws.ts wrapMethod('send')": GUARDED_INSIDE,
  "agent/instrumentation/frameworks/grpc/grpc-server.ts wrapMethod('register')": GUARDED_INSIDE,
  "agent/instrumentation/frameworks/grpc/grpc-server.ts wrapMethod('push')": GUARDED_INSIDE,
  'agent/instrumentation/websocket/message-listeners.ts wrapMethod(name)': GUARDED_INSIDE,
  "agent/instrumentation/requests/close-listener.ts once('close')":
    'The caller passes a guarded function.',
  "agent/instrumentation/queues/bullmq/bullmq.ts wrapMethod('callProcessJob')": GUARDED_INSIDE,
  "agent/instrumentation/queues/bullmq/bullmq-tenant.ts wrapMethod('asJSON')": GUARDED_INSIDE,
  "agent/instrumentation/databases/postgres/postgres.ts wrapMethod('query')": GUARDED_INSIDE,
  "agent/instrumentation/databases/postgres/postgres-connects.ts wrapMethod('_connect')":
    GUARDED_INSIDE,
  "agent/instrumentation/databases/postgres/postgres-pools.ts wrapMethod('connect')":
    GUARDED_INSIDE,
  "agent/instrumentation/databases/postgres/postgres-pools.ts wrapMethod('newClient')":
    GUARDED_INSIDE,
  "agent/instrumentation/databases/postgres/postgres-pools.ts wrapMethod('query')": GUARDED_INSIDE,
  "agent/instrumentation/databases/mysql2/mysql2.ts wrapMethod('query')": GUARDED_INSIDE,
  "agent/instrumentation/databases/mysql2/mysql2.ts wrapMethod('execute')": GUARDED_INSIDE,
  "agent/instrumentation/databases/mysql2/mysql2-pools.ts wrapMethod('getConnection')":
    GUARDED_INSIDE,
  "agent/instrumentation/databases/redis/ioredis.ts wrapMethod('sendCommand')": GUARDED_INSIDE,
  'agent/instrumentation/databases/redis/ioredis.ts wrapMethod(name)': GUARDED_INSIDE,
  'agent/instrumentation/databases/mongodb/mongodb-calls.ts wrapMethod(name)': GUARDED_INSIDE,
  "agent/instrumentation/databases/redis/node-redis.ts wrapMethod('addCommand')": GUARDED_INSIDE,
  "agent/instrumentation/databases/redis/node-redis-connects.ts wrapMethod('connect')":
    GUARDED_INSIDE,
  "agent/instrumentation/databases/redis/node-redis-pools.ts wrapMethod('create')": GUARDED_INSIDE,
  "agent/instrumentation/databases/redis/node-redis-pools.ts wrapMethod('execute')": GUARDED_INSIDE,
  "agent/instrumentation/databases/prisma/prisma.ts wrapMethod('_executeRequest')": GUARDED_INSIDE,
  "agent/instrumentation/databases/prisma/prisma.ts wrapMethod('getPrismaClient')": GUARDED_INSIDE,
  'agent/instrumentation/databases/cassandra/cassandra.ts wrapMethod(name)': GUARDED_INSIDE,
  "agent/instrumentation/frameworks/h3/h3.ts wrapMethod('handler')": GUARDED_INSIDE,
  "agent/instrumentation/frameworks/h3/h3-1.ts wrapMethod('handler')": GUARDED_INSIDE,
  "agent/instrumentation/frameworks/h3/h3-1.ts wrapMethod('use')": GUARDED_INSIDE,
  "agent/instrumentation/frameworks/hapi.ts wrapMethod('execute')": GUARDED_INSIDE,
  'agent/instrumentation/frameworks/trpc/trpc.ts wrapMethod(name)': GUARDED_INSIDE,
  "agent/instrumentation/databases/clickhouse.ts wrapMethod('createClientRequest')": GUARDED_INSIDE,
  'agent/instrumentation/databases/clickhouse.ts wrapMethod(name)': GUARDED_INSIDE,
  "agent/instrumentation/databases/elasticsearch/elasticsearch.ts wrapMethod('request')":
    GUARDED_INSIDE,
  "agent/instrumentation/databases/memcached/memcached.ts wrapMethod('command')": GUARDED_INSIDE,
  "agent/instrumentation/databases/memcached/memcached.ts wrapMethod('getMulti')": GUARDED_INSIDE,
  "agent/instrumentation/databases/memcached/memcached.ts wrapMethod('connect')": GUARDED_INSIDE,
  'agent/instrumentation/databases/sqlite/sqlite-statements.ts wrapMethod(name)': GUARDED_INSIDE,
  "agent/instrumentation/queues/bullmq/bullmq-connections.ts wrapMethod('init')": GUARDED_INSIDE,
  'agent/instrumentation/queues/bullmq/bullmq-connections.ts wrapMethod(name)': GUARDED_INSIDE,
  'agent/instrumentation/queues/queue-operations.ts wrapMethod(name)': GUARDED_INSIDE,
  "agent/instrumentation/queues/amqplib/amqplib.ts wrapMethod('publish')": GUARDED_INSIDE,
  "agent/instrumentation/queues/amqplib/amqplib.ts wrapMethod('consume')": GUARDED_INSIDE,
  "agent/instrumentation/queues/amqplib/amqplib.ts wrapMethod('get')": GUARDED_INSIDE,
  "agent/instrumentation/queues/amqplib/amqplib.ts wrapMethod('connect')": GUARDED_INSIDE,
  "agent/instrumentation/queues/kafkajs/kafkajs.ts wrapMethod('resolveOffset')": GUARDED_INSIDE,
  'agent/instrumentation/queues/kafkajs/kafkajs.ts wrapMethod(name)': GUARDED_INSIDE,
  "agent/instrumentation/queues/bee-queue/bee-queue-tenant.ts wrapMethod('toData')": GUARDED_INSIDE,
  "agent/instrumentation/queues/bull/bull-sandbox.ts on('message')": GUARDED_INSIDE,
  "agent/instrumentation/queues/bull/bull-tenant.ts wrapMethod('nextRepeatableJob')":
    GUARDED_INSIDE,
  "agent/instrumentation/queues/bullmq/bullmq-sandbox.ts wrapMethod('default')": GUARDED_INSIDE,
  'agent/instrumentation/queues/bullmq/bullmq-schedulers.ts wrapMethod(name)': GUARDED_INSIDE,
  "agent/instrumentation/queues/agenda/agenda.ts wrapMethod('run')": GUARDED_INSIDE,
  "agent/instrumentation/queues/agenda/agenda.ts wrapMethod('save')": GUARDED_INSIDE,
  "agent/instrumentation/queues/agenda/agenda.ts wrapMethod('toJSON')": GUARDED_INSIDE,
  "agent/instrumentation/queues/agenda/agenda.ts wrapMethod('saveJob')": GUARDED_INSIDE,
  "agent/instrumentation/queues/pg-boss/pg-boss.ts wrapMethod('work')": GUARDED_INSIDE,
  "agent/instrumentation/queues/pg-boss/pg-boss.ts wrapMethod('fetch')": GUARDED_INSIDE,
  'agent/instrumentation/queues/pg-boss/pg-boss-sends.ts wrapMethod(name)': GUARDED_INSIDE,
  "agent/instrumentation/queues/pg-boss/pg-boss-statements.ts wrapMethod('executeSql')":
    GUARDED_INSIDE,
  "agent/instrumentation/queues/sqs/sqs.ts wrapMethod('send')": GUARDED_INSIDE,
  "agent/instrumentation/queues/sqs/sqs.ts wrapMethod('destroy')": GUARDED_INSIDE,
  "agent/process/process-events.ts wrapMethod('emit')": GUARDED_INSIDE,
  "agent/process/process-events.ts wrapMethod('kill')": GUARDED_INSIDE,
  'agent/lambda/wrap-lambda-handler.ts setImmediate()':
    'the callback of the runtime, whose errors must be uncaught',
  'agent/opentelemetry-api/application-meters.ts addBatchObservableCallback()': CALLS_SAFELY,
  'agent/opentelemetry-api/application-meters.ts addCallback()': CALLS_SAFELY,
  'agent/opentelemetry-api/meter-mirror.ts addCallback()': CALLS_SAFELY,
  ...Object.fromEntries(
    [
      ...["'getMeter'", 'kind', 'method', "'addCallback'", "'removeCallback'"],
      ...["'addBatchObservableCallback'", "'removeBatchObservableCallback'"],
    ].map((method) => [
      `agent/opentelemetry-api/meter-mirror.ts wrapMethod(${method})`,
      GUARDED_INSIDE,
    ]),
  ),
};

const ENTRIES = [
  'register.ts',
  'index.ts',
  'opentelemetry.ts',
  'unsupported-library.ts',
  'unsupported-opentelemetry.ts',
  'agent/doctor/doctor-preload.ts',
];
const files = listImportedFiles(ENTRIES);
const callbacks = files.flatMap((file) => findCallbacks(file));
const unguarded = callbacks.filter(({ isGuarded }) => !isGuarded);
const names = unguarded.map(({ file, call }) => `${file} ${call}`);

describe('the callbacks that the agent installs', () => {
  it('are found in all files of the bundle', () => {
    expect(files).toContain('agent/instrumentation/requests/http.ts');
    expect(files).toContain('storage/questdb/query-client.ts');
    expect(callbacks.length).toBeGreaterThan(40);
  });

  it('all run through `guard`', () => {
    expect(names.filter((name) => !Object.hasOwn(EXCEPTIONS, name))).toEqual([]);
  });

  it('have no outdated exceptions', () => {
    expect(Object.keys(EXCEPTIONS).filter((name) => !names.includes(name))).toEqual([]);
  });
});

it.each([
  ['a function', 'setTimeout(() => send(), 5);', false],
  ['a guarded function', "setTimeout(guard('sending', send), 5);", true],
  ['a function that does nothing', "socket.on('error', () => {});", true],
  ['a guarded variable', "const f = guard('x', send); process.once('exit', f);", true],
  ['an unguarded variable', "const f = () => send(); process.once('exit', f);", false],
  ['a guarded field', "class A { f = guard('x', send); g() { a.on('x', this.f); } }", true],
  [
    'a function that returns guarded functions',
    "const f = (s) => guard('x', s); a.on('x', f(1));",
    true,
  ],
  ['a function that returns others', "const f = (s) => () => s; a.on('x', f(1));", false],
  ['an observer', 'new PerformanceObserver((list) => record(list));', false],
  ['a callback with a type', "meter.addCallback(guard('x', f) as Callback);", true],
  ['a patched method', "wrapMethod(process, 'emit', (original) => original);", false],
])('recognizes %s', (_, text, isGuarded) => {
  expect(findCallbacks('example.ts', text)).toEqual([expect.objectContaining({ isGuarded })]);
});
