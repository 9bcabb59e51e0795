import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ExternalQuestdb } from '../../test/support/external-questdb.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { type Agent, listPerfscopeAgents, NO_AGENT, rotate } from '../overhead/agents.ts';
import {
  atMost,
  type BenchOptions,
  formatDifference,
  median,
  type Report,
  roundToFourDigits,
} from '../report.ts';

/** Time from the start of the process to the end of the measurement. */
const DURATION_MS = 5000;
/** Shorter than the default of 30 s, so that the measurement includes the first export. */
const FLUSH_INTERVAL_MS = 3000;

/** One start of the service. */
interface ServiceStart {
  /** CPU time of the process before the first line of the application. */
  firstLineCpuMs: number;
  totalCpuMs: number;
  /** Longest event-loop block after the application's main file has run. */
  longestBlockMs: number;
}

/** Measures the CPU time and the event-loop blocks that the agent adds to the start of a service. */
export async function benchAgentStart({ quick, log, compare }: BenchOptions): Promise<Report> {
  const rounds = quick ? 1 : 9;
  const questdb = new ExternalQuestdb();
  const starts = new Map<string, ServiceStart[]>();
  try {
    await questdb.start();
    const perfscopeAgents = listPerfscopeAgents(questdb.env, compare);
    const agents = [NO_AGENT, ...perfscopeAgents];
    for (let round = 0; round < rounds; round++) {
      log(`round ${round + 1} of ${rounds}`);
      for (const agent of rotate(agents, round)) {
        const name = `${agent.name} ${round}`;
        const spoolDir = `${questdb.folder}/${name}`;
        const { longestBlockMs } = await measureStart(agent, `${name} probe`, spoolDir, true);
        const start = await measureStart(agent, name, spoolDir, false);
        starts.set(agent.name, [...(starts.get(agent.name) ?? []), { ...start, longestBlockMs }]);
      }
    }
    const services = 2 * rounds * perfscopeAgents.length;
    const rowsStored = await waitForServices(questdb, services);
    return createReport(agents, starts, { rounds, services, rowsStored });
  } finally {
    await questdb.remove();
  }
}

async function measureStart(
  agent: Agent,
  service: string,
  spoolDir: string,
  probe: boolean,
): Promise<ServiceStart> {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [...agent.flags, 'idle-service.cjs'], {
    cwd: 'bench/start',
    env: {
      PATH,
      HOME,
      ...agent.env,
      NODE_ENV: 'production',
      OTEL_SERVICE_NAME: service,
      PERFORMANCE_SPOOL_DIR: spoolDir,
      PERFORMANCE_FLUSH_INTERVAL: String(FLUSH_INTERVAL_MS),
      BENCH_DURATION_MS: String(DURATION_MS),
      BENCH_PROBE: String(probe),
    },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const exited = once(child, 'exit');
  try {
    const failed = exited.then(([code]) => {
      throw new Error(`the service exited with code ${code}`);
    });
    const [start] = await Promise.race([once(child, 'message'), failed]);
    return start as ServiceStart;
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
}

/**
 * Waits until QuestDB has rows of `count` services. Otherwise the agents have not done all of their work.
 *
 * @returns the number of rows
 */
async function waitForServices(questdb: ExternalQuestdb, count: number): Promise<number> {
  return waitFor(async () => {
    const [[services, rows] = []] = await questdb.sql(
      'SELECT count_distinct(service), count() FROM performance_metrics',
    );
    return services === count && Number(rows);
  }, 10_000);
}

function createReport(
  agents: readonly Agent[],
  starts: ReadonlyMap<string, readonly ServiceStart[]>,
  details: Report['details'],
): Report {
  const plain = starts.get(NO_AGENT.name)!;
  const total = (agent: string, metric: keyof ServiceStart) =>
    median(starts.get(agent)!.map((start) => start[metric]));
  // Compares starts of the same round, because load on the machine affects them equally.
  const added = (agent: string, metric: keyof ServiceStart) =>
    median(starts.get(agent)!.map((start, i) => start[metric] - plain[i]![metric]));
  const format = (agent: string, metric: keyof ServiceStart) =>
    `${roundToFourDigits(total(agent, metric))} ms (${formatDifference(added(agent, metric))})`;
  for (const { name } of agents) {
    details[name] = [
      `CPU before the first line ${format(name, 'firstLineCpuMs')}`,
      `CPU in the first 5 s ${format(name, 'totalCpuMs')}`,
      `longest event-loop block ${format(name, 'longestBlockMs')}`,
    ].join(', ');
  }
  return {
    targets: [
      atMost('CPU added in the first 5 s', added('perfscope', 'totalCpuMs'), 100, 'ms'),
      atMost('CPU added before the first line', added('perfscope', 'firstLineCpuMs'), 50, 'ms'),
      atMost('longest event-loop block', total('perfscope', 'longestBlockMs'), 20, 'ms'),
    ],
    details,
  };
}
