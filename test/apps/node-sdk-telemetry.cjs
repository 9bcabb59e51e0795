// Starts an OpenTelemetry SDK with the standard instrumentations. Loaded with `--require`.
const { startSdk } = require('./node-sdk-setup.cjs');

const NAMES = {
  http: 'HttpInstrumentation',
  express: 'ExpressInstrumentation',
  fastify: 'FastifyInstrumentation',
  pg: 'PgInstrumentation',
  mysql2: 'MySQL2Instrumentation',
  ioredis: 'IORedisInstrumentation',
  undici: 'UndiciInstrumentation',
  'runtime-node': 'RuntimeNodeInstrumentation',
};

startSdk({
  sdkNode: require('@opentelemetry/sdk-node'),
  sdkMetrics: require('@opentelemetry/sdk-metrics'),
  hostMetrics: require('@opentelemetry/host-metrics'),
  perfscope: require('@perfscope/agent/opentelemetry'),
  instrumentations: Object.entries(NAMES).map(([name, className]) => {
    const Instrumentation = require(`@opentelemetry/instrumentation-${name}`)[className];
    return new Instrumentation();
  }),
});
