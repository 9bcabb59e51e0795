import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PostgresServer } from '../demo/database-servers.ts';
import { ExternalQuestdb } from '../test/support/external-questdb.ts';
import { type Agent, listAgents } from './overhead/agents.ts';
import { type Cost, measureCost } from './overhead/measure-service.ts';
import { atMost, type BenchOptions, median, type Report, roundToFourDigits } from './report.ts';

const ROUTES = { json: '/json/7', queries: '/rooms/7' } as const;

/** Only the route with queries has a tenant. */
const TENANT_HEADERS = {
  PERFORMANCE_ORGANIZATION_HEADER: 'x-organization-id',
  PERFORMANCE_PROPERTY_HEADER: 'x-property-id',
};

/** What watching costs a service, for each agent, in one interleaved run. */
export async function benchOverhead({ quick, say }: BenchOptions): Promise<Report> {
  const rounds = quick ? 2 : 7;
  const requests = quick ? 2000 : 10_000;
  if (!existsSync('bench/overhead/node_modules')) {
    say('installing the other agents (once) …');
    const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
    execFileSync('npm', ['ci', ...quiet], { cwd: 'bench/overhead', stdio: 'inherit' });
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
    const all = listAgents(`http://127.0.0.1:${(sink.address() as AddressInfo).port}`, {
      ...questdb.env,
      PERFORMANCE_SPOOL_DIR: `${questdb.folder}/spool`,
    });
    const { PATH, HOME } = process.env;
    for (let round = 0; round < rounds; round++) {
      say(`round ${round + 1} of ${rounds}`);
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

/** Each round begins with another agent, so that none always comes after the same. */
function rotate(all: readonly Agent[], round: number): Agent[] {
  const at = round % all.length;
  return [...all.slice(at), ...all.slice(0, at)];
}

function createReport(
  all: readonly Agent[],
  costs: ReadonlyMap<string, readonly Cost[]>,
  details: Report['details'],
): Report {
  const of = (kind: string, agent: string, what: keyof Cost) =>
    median((costs.get(`${kind} ${agent}`) ?? []).map((cost) => cost[what]));
  // Runs of a round are neighbours in time: what a busy machine does to one, it does to the others.
  const added = (kind: string, agent: string, what: keyof Cost) => {
    const plain = costs.get(`${kind} none`) ?? [];
    return median((costs.get(`${kind} ${agent}`) ?? []).map((c, i) => c[what] - plain[i]![what]));
  };
  for (const kind of Object.keys(ROUTES)) {
    for (const { name } of all) {
      details[`${kind} ${name}`] = [
        `${roundToFourDigits(of(kind, name, 'cpuMicrosPerRequest'))} µs CPU a request`,
        `(+${roundToFourDigits(added(kind, name, 'cpuMicrosPerRequest'))})`,
        `${roundToFourDigits(of(kind, name, 'rssMb'))} MB (+${roundToFourDigits(added(kind, name, 'rssMb'))})`,
        `start ${roundToFourDigits(of(kind, name, 'startMs'))} ms (+${roundToFourDigits(added(kind, name, 'startMs'))})`,
      ].join(', ');
    }
  }
  const cpu = (kind: string, agent: string) => added(kind, agent, 'cpuMicrosPerRequest');
  const share = (kind: string) => cpu(kind, 'perfscope') / cpu(kind, 'dd-trace');
  return {
    targets: [
      atMost('JSON route, added CPU', cpu('json', 'perfscope'), 18, 'µs'),
      atMost('JSON route, share of what dd-trace adds', share('json'), 0.17, '1'),
      atMost('two queries, share of what dd-trace adds', share('queries'), 0.3, '1'),
      atMost('more resident memory', added('queries', 'perfscope', 'rssMb'), 45, 'MB'),
      atMost('more start-up', added('queries', 'perfscope', 'startMs'), 150, 'ms'),
    ],
    details,
  };
}
