import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PostgresServer } from '../demo/database-servers.ts';
import { ExternalQuestdb } from '../test/support/external-questdb.ts';
import {
  type Agent,
  listOtherAgents,
  listPerfscopeAgents,
  NO_AGENT,
  rotate,
} from './overhead/agents.ts';
import { type Cost, measureCost } from './overhead/measure-service.ts';
import {
  atMost,
  type BenchOptions,
  formatDifference,
  medianAdded,
  medianOf,
  type Report,
  roundToFourDigits,
} from './report.ts';

const ROUTES = { json: '/json/7', queries: '/rooms/7' } as const;

/** Only the route with queries has a tenant. */
const TENANT_HEADERS = {
  PERFORMANCE_ORGANIZATION_HEADER: 'x-organization-id',
  PERFORMANCE_PROPERTY_HEADER: 'x-property-id',
};

/** Measures the overhead of each agent in one interleaved run. */
export async function benchOverhead({ quick, log, compare }: BenchOptions): Promise<Report> {
  const rounds = quick ? 2 : 7;
  const requests = quick ? 2000 : 10_000;
  if (!existsSync('bench/overhead/node_modules')) {
    log('installing the other agents (only once) …');
    const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
    execFileSync('npm', ['ci', ...flags], { cwd: 'bench/overhead', stdio: 'inherit' });
  }
  const sink = createServer((request, response) =>
    request.resume().on('end', () => response.end('{}')),
  );
  await new Promise<void>((done) => sink.listen(0, '127.0.0.1', done));
  const questdb = new ExternalQuestdb();
  const postgres = new PostgresServer();
  const costs = new Map<string, Cost[]>();
  try {
    await Promise.all([questdb.start(), postgres.start()]);
    const perfscopeEnv = { ...questdb.env, PERFORMANCE_SPOOL_DIR: `${questdb.folder}/spool` };
    const all = [
      NO_AGENT,
      ...listPerfscopeAgents(perfscopeEnv, compare),
      ...listOtherAgents(`http://127.0.0.1:${(sink.address() as AddressInfo).port}`),
    ];
    const { PATH, HOME } = process.env;
    for (let round = 0; round < rounds; round++) {
      log(`round ${round + 1} of ${rounds}`);
      for (const [kind, path] of Object.entries(ROUTES)) {
        for (const agent of rotate(all, round)) {
          const env = {
            PATH,
            HOME,
            ...(kind === 'queries' && { ...TENANT_HEADERS, DATABASE_URL: postgres.url }),
          };
          const cost = await measureCost(agent, path, requests, env);
          const key = `${kind} ${agent.name}`;
          costs.set(key, [...(costs.get(key) ?? []), cost]);
        }
      }
    }
    return createReport(all, costs, { rounds, requests });
  } finally {
    sink.close();
    sink.closeAllConnections();
    await Promise.all([questdb.remove(), postgres.remove()]);
  }
}

function createReport(
  all: readonly Agent[],
  costs: ReadonlyMap<string, readonly Cost[]>,
  details: Report['details'],
): Report {
  const runsOf = (kind: string, agent: string) => costs.get(`${kind} ${agent}`) ?? [];
  const total = (kind: string, agent: string, metric: keyof Cost) =>
    medianOf(runsOf(kind, agent), metric);
  const added = (kind: string, agent: string, metric: keyof Cost) =>
    medianAdded(runsOf(kind, agent), runsOf(kind, NO_AGENT.name), metric);
  for (const kind of Object.keys(ROUTES)) {
    for (const { name } of all) {
      details[`${kind} ${name}`] = [
        `${roundToFourDigits(total(kind, name, 'cpuMicrosPerRequest'))} µs of CPU per request`,
        `(${formatDifference(added(kind, name, 'cpuMicrosPerRequest'))})`,
        `${roundToFourDigits(total(kind, name, 'rssMb'))} MB (${formatDifference(added(kind, name, 'rssMb'))})`,
        `start ${roundToFourDigits(total(kind, name, 'startMs'))} ms (${formatDifference(added(kind, name, 'startMs'))})`,
      ].join(', ');
    }
  }
  const cpu = (kind: string, agent: string) => added(kind, agent, 'cpuMicrosPerRequest');
  const share = (kind: string) => cpu(kind, 'perfscope') / cpu(kind, 'dd-trace');
  return {
    targets: [
      atMost('JSON route, added CPU', cpu('json', 'perfscope'), 18, 'µs'),
      atMost('JSON route, added CPU relative to dd-trace', share('json'), 0.17, '1'),
      atMost('two queries, added CPU relative to dd-trace', share('queries'), 0.3, '1'),
      atMost('added resident memory', added('queries', 'perfscope', 'rssMb'), 45, 'MB'),
      atMost('added startup time', added('queries', 'perfscope', 'startMs'), 150, 'ms'),
    ],
    details,
  };
}
