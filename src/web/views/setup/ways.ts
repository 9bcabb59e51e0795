/** A step with a command or a piece of code to copy. */
interface Step {
  readonly title: string;
  readonly code?: string;
  readonly note?: string;
}

/** A way to send measurements. */
export interface Way {
  readonly id: string;
  readonly label: string;
  /** Whether the agent must be installed. */
  readonly needsAgent: boolean;
  /** Whether the measurements reach the server over OTLP, which can need a key. */
  readonly isOtlp: boolean;
  readonly steps: (server: ServerAddress) => readonly Step[];
}

interface ServerAddress {
  /** For example `https://perfscope.example`. */
  readonly url: string;
  /** Whether requests need a key. */
  readonly needsKey: boolean;
}

const REGISTER = 'node --import @perfscope/agent/register';

function startWith(command: string, note?: string): Step[] {
  return [
    {
      title: 'Start the service with the agent',
      code: `OTEL_SERVICE_NAME=booking ${command}`,
      note: note ?? 'Your code does not change. Replace booking with the name of your service.',
    },
  ];
}

/** Frameworks and other ways, most common first. */
export const WAYS: readonly Way[] = [
  agentWay('node', 'Node.js', startWith(`${REGISTER} app.js`)),
  agentWay('express', 'Express', startWith(`${REGISTER} server.js`)),
  agentWay('fastify', 'Fastify', startWith(`${REGISTER} server.js`)),
  agentWay(
    'nestjs',
    'NestJS',
    startWith(
      `${REGISTER} dist/main.js`,
      'Build the application first. The flag belongs to the command that starts the compiled file.',
    ),
  ),
  agentWay(
    'koa',
    'Koa',
    startWith(`${REGISTER} server.js`, 'The names of routes come from @koa/router.'),
  ),
  agentWay(
    'hono',
    'Hono',
    startWith(`${REGISTER} server.js`, 'This measures Hono on @hono/node-server.'),
  ),
  agentWay('nextjs', 'Next.js', [
    {
      title: 'Build the application, then start it with the agent',
      code: `npx next build\nOTEL_SERVICE_NAME=booking ${REGISTER} node_modules/next/dist/bin/next start`,
      note: 'Load the agent only at the start, and not during the build.',
    },
    {
      title: 'Or start the standalone output',
      code: `OTEL_SERVICE_NAME=booking ${REGISTER} .next/standalone/server.js`,
    },
  ]),
  agentWay(
    'bullmq',
    'BullMQ worker',
    startWith(
      `${REGISTER} worker.js`,
      'Start the processes that add jobs with the agent too. Their requests then include the time of the queue.',
    ),
  ),
  agentWay('docker', 'Docker', [
    {
      title: 'Load the agent in the image',
      code: `COPY package.json package-lock.json ./
COPY vendor ./vendor
RUN npm ci --omit=dev
COPY . .
ENV OTEL_SERVICE_NAME=booking
CMD ["node", "--import", "@perfscope/agent/register", "app.js"]`,
    },
    {
      title: 'Set the address of QuestDB, because a container does not find the server by itself',
      code: `docker run \\
  -e PERFORMANCE_QUESTDB_URL=http://HOST:9000 \\
  -e PERFORMANCE_QUESTDB_USER=perfscope \\
  -e PERFORMANCE_QUESTDB_PASSWORD_FILE=/run/secrets/questdb-password \\
  IMAGE`,
      note: 'In the Compose stack of Perfscope, the address is http://questdb:9000. Mount the password as a file.',
    },
  ]),
  {
    id: 'opentelemetry',
    label: 'OpenTelemetry SDK',
    needsAgent: true,
    isOtlp: false,
    steps: () => [
      {
        title: 'Add the exporters of Perfscope to your NodeSDK, instead of the flag',
        code: `import { NodeSDK } from '@opentelemetry/sdk-node';
import { perfscopeConfiguration } from '@perfscope/agent/opentelemetry';

new NodeSDK({ ...perfscopeConfiguration(), instrumentations }).start();`,
        note: 'If your SDK already sends OTLP, choose OTLP instead. Then you need no package.',
      },
      {
        title: 'Start the service',
        code: 'OTEL_SERVICE_NAME=booking node --import ./telemetry.js app.js',
      },
    ],
  },
  {
    id: 'otlp',
    label: 'Other languages',
    needsAgent: false,
    isOtlp: true,
    steps: ({ url, needsKey }) => [
      {
        title: 'Send OTLP over HTTP to this server',
        code: [
          'export OTEL_SERVICE_NAME=booking',
          'export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf',
          `export OTEL_EXPORTER_OTLP_ENDPOINT=${url}`,
          ...(needsKey ? ['export OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20KEY"'] : []),
        ].join('\n'),
        note: 'The SDKs of all languages read these variables. They append /v1/metrics and /v1/traces.',
      },
      {
        title: 'For example, start a Flask service',
        code: `pip install flask opentelemetry-distro opentelemetry-exporter-otlp-proto-http opentelemetry-instrumentation-flask
opentelemetry-instrument python app.py`,
      },
    ],
  },
];

function agentWay(id: string, label: string, steps: readonly Step[]): Way {
  return { id, label, needsAgent: true, isOtlp: false, steps: () => steps };
}
