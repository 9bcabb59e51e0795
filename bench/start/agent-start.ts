import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ExternalQuestdb } from '../../test/support/external-questdb.ts';
import { listenOnFreePort } from '../../test/support/listen-on-free-port.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { type Agent, listPerfscopeAgents, NO_AGENT, rotate } from '../overhead/agents.ts';
import {
  atMost,
  type BenchOptions,
  formatDifference,
  medianAdded,
  medianOf,
  type Report,
  roundToFourDigits,
} from '../report.ts';
import { createFakePostgres } from './fake-postgres.ts';

/** Time from the start of the process to the end of the measurement. */
const DURATION_MS = 5000;
/** Shorter than the default of 30 s, so that the measurement includes the first export. */
const FLUSH_INTERVAL_MS = 3000;

/** One start of the service. */
interface ServiceStart {
  /** CPU time of the process before the first line of the application. */
  firstLineCpuMs: number;
  totalCpuMs: number;
  /** Most CPU time in one turn of the event loop, after the application's main file has run. */
  longestBlockMs: number;
  /** CPU time of the main thread to connect with `pg` and to receive the first row. */
  firstQueryCpuMs: number;
}

/** Measures the CPU time and the event-loop blocks that the agent adds to the start of a service. */
export async function benchAgentStart({ quick, log, compare }: BenchOptions): Promise<Report> {
  const rounds = quick ? 1 : 9;
  const questdb = new ExternalQuestdb();
  const postgres = createFakePostgres();
  const starts = new Map<string, ServiceStart[]>();
  try {
    await questdb.start();
    const postgresUrl = `postgresql://bench@127.0.0.1:${await listenOnFreePort(postgres)}/bench`;
    const agents = [NO_AGENT, ...listPerfscopeAgents(questdb.env, compare)];
    for (let round = 0; round < rounds; round++) {
      log(`round ${round + 1} of ${rounds}`);
      for (const agent of rotate(agents, round)) {
        const measure = (probe: boolean) =>
          measureStart({ questdb, postgresUrl, agent, round, probe });
        const { longestBlockMs } = await measure(true);
        const start = await measure(false);
        starts.set(agent.name, [...(starts.get(agent.name) ?? []), { ...start, longestBlockMs }]);
      }
    }
    const [[agentRows] = []] = await questdb.sql('SELECT count() FROM performance_metrics');
    return createReport(agents, starts, { rounds, agentRows: Number(agentRows) });
  } finally {
    postgres.close();
    await questdb.remove();
  }
}

interface MeasureOptions {
  questdb: ExternalQuestdb;
  postgresUrl: string;
  agent: Agent;
  round: number;
  /** Whether to measure event-loop blocks. The probe distorts the CPU time. */
  probe: boolean;
}

async function measureStart(options: MeasureOptions): Promise<ServiceStart> {
  const { questdb, postgresUrl, agent, round, probe } = options;
  const { PATH, HOME } = process.env;
  const service = `${agent.name} ${round}${probe ? ' probe' : ''}`;
  const child = spawn(process.execPath, [...agent.flags, 'idle-service.cjs'], {
    cwd: 'bench/start',
    env: {
      PATH,
      HOME,
      ...agent.env,
      NODE_ENV: 'production',
      OTEL_SERVICE_NAME: service,
      PERFORMANCE_SPOOL_DIR: `${questdb.folder}/${service}`,
      PERFORMANCE_FLUSH_INTERVAL: String(FLUSH_INTERVAL_MS),
      BENCH_DURATION_MS: String(DURATION_MS),
      BENCH_PROBE: String(probe),
      BENCH_POSTGRES_URL: postgresUrl,
    },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const exited = once(child, 'exit');
  try {
    const failed = exited.then(([code]) => {
      throw new Error(`the service exited with code ${code}`);
    });
    const [start] = await Promise.race([once(child, 'message'), failed]);
    if (agent !== NO_AGENT) await waitForRows(questdb, service);
    return start as ServiceStart;
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
}

/** Waits until QuestDB has rows of `service`. Otherwise the agent has not done all of its work. */
async function waitForRows(questdb: ExternalQuestdb, service: string): Promise<void> {
  await waitFor(async () => {
    const [[rows] = []] = await questdb.sql(
      `SELECT count() FROM performance_metrics WHERE service = '${service}'`,
    );
    return Number(rows) > 0;
  });
}

function createReport(
  agents: readonly Agent[],
  starts: ReadonlyMap<string, readonly ServiceStart[]>,
  details: Report['details'],
): Report {
  const plain = starts.get(NO_AGENT.name)!;
  const total = (agent: string, metric: keyof ServiceStart) => medianOf(starts.get(agent)!, metric);
  const added = (agent: string, metric: keyof ServiceStart) =>
    medianAdded(starts.get(agent)!, plain, metric);
  const format = (agent: string, metric: keyof ServiceStart) =>
    `${roundToFourDigits(total(agent, metric))} ms (${formatDifference(added(agent, metric))})`;
  for (const { name } of agents) {
    details[name] = [
      `CPU before the first line ${format(name, 'firstLineCpuMs')}`,
      `CPU in the first 5 s ${format(name, 'totalCpuMs')}`,
      `longest event-loop block ${format(name, 'longestBlockMs')}`,
      `CPU of the first query ${format(name, 'firstQueryCpuMs')}`,
    ].join(', ');
  }
  return {
    targets: [
      atMost('CPU added in the first 5 s', added('perfscope', 'totalCpuMs'), 100, 'ms'),
      atMost('CPU added before the first line', added('perfscope', 'firstLineCpuMs'), 50, 'ms'),
      atMost('longest event-loop block', total('perfscope', 'longestBlockMs'), 20, 'ms'),
      atMost('CPU added to the first query', added('perfscope', 'firstQueryCpuMs'), 10, 'ms'),
    ],
    details,
  };
}
