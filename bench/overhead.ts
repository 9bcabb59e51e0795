import { ExternalQuestdb } from '../test/support/external-questdb.ts';
import {
  type Agent,
  listOtherAgents,
  listPerfscopeAgents,
  NO_AGENT,
  rotate,
} from './overhead/agents.ts';
import { installAgents } from './overhead/install-agents.ts';
import { type Cost, measureCost } from './overhead/measure-service.ts';
import { startSink } from './overhead/sink.ts';
import { type Workload, WorkloadServers } from './overhead/workloads.ts';
import {
  atMost,
  type BenchOptions,
  formatDifference,
  medianAdded,
  medianOf,
  type Report,
  roundToFourDigits,
} from './report.ts';

/** The agent whose overhead the targets refer to. */
const REFERENCE = 'dd-trace';

/** Measures the overhead of each agent in one interleaved run. */
export async function benchOverhead({
  quick,
  log,
  compare,
  rounds = quick ? 1 : 7,
}: BenchOptions): Promise<Report> {
  const warmUpRequests = quick ? 1500 : 10_000;
  const requests = quick ? 1000 : 40_000;
  const settleMs = quick ? 200 : 2000;
  installAgents(log);
  const questdb = new ExternalQuestdb();
  const servers = new WorkloadServers();
  const sink = await startSink();
  const costs = new Map<string, Cost[]>();
  try {
    const [workloads] = await Promise.all([servers.start(), questdb.start()]);
    const perfscopeEnv = { ...questdb.env, PERFORMANCE_SPOOL_DIR: `${questdb.folder}/spool` };
    const own = [NO_AGENT, ...listPerfscopeAgents(perfscopeEnv, compare)];
    const others = listOtherAgents(sink);
    const { PATH, HOME } = process.env;
    for (let round = 0; round < rounds; round++) {
      for (const workload of workloads) {
        log(`round ${round + 1} of ${rounds}: ${workload.name}`);
        const agents = workload.comparesOthers ? [...own, ...others] : own;
        for (const agent of rotate(agents, round)) {
          if (!isApplicable(agent, workload)) continue;
          const env = { PATH, HOME, ...workload.env };
          const options = { ...workload, agent, warmUpRequests, requests, settleMs, env };
          const key = `${workload.name} ${agent.name}`;
          costs.set(key, [...(costs.get(key) ?? []), await measureCost(options)]);
        }
      }
    }
    return createReport(workloads, [...own, ...others], costs, { rounds, requests });
  } finally {
    sink.close();
    await Promise.all([questdb.remove(), servers.remove()]);
  }
}

/** `express-prom-bundle` measures only Express. */
function isApplicable(agent: Agent, { env }: Workload): boolean {
  return agent.name !== 'express-prom-bundle' || env.FRAMEWORK === undefined;
}

function createReport(
  workloads: readonly Workload[],
  agents: readonly Agent[],
  costs: ReadonlyMap<string, readonly Cost[]>,
  details: Report['details'],
): Report {
  const runsOf = (workload: Workload, agent: string) => costs.get(`${workload.name} ${agent}`);
  const added = (workload: Workload, agent: string, metric: keyof Cost) =>
    medianAdded(runsOf(workload, agent)!, runsOf(workload, NO_AGENT.name)!, metric);
  for (const workload of workloads) {
    for (const { name } of agents) {
      const runs = runsOf(workload, name);
      if (!runs) continue;
      const format = (metric: keyof Cost, unit: string) =>
        `${roundToFourDigits(medianOf(runs, metric))} ${unit} (${formatDifference(added(workload, name, metric))})`;
      details[`${workload.name}, ${name}`] = [
        `${format('cpuMicrosPerRequest', 'µs')} of CPU per request`,
        `first thousand ${format('firstCpuMicrosPerRequest', 'µs')}`,
        format('rssMb', 'MB'),
        `start ${format('startMs', 'ms')}`,
      ].join(', ');
    }
  }
  const [json, , queries] = workloads as [Workload, Workload, Workload];
  const cpu = (workload: Workload, agent: string) => added(workload, agent, 'cpuMicrosPerRequest');
  return {
    targets: [
      ...workloads.flatMap((workload) => {
        const { name, maxMicros, maxShare } = workload;
        const micros = cpu(workload, 'perfscope');
        const absolute = atMost(`${name}, added CPU`, micros, maxMicros, 'µs');
        if (maxShare === undefined) return [absolute];
        const share = micros / cpu(workload, REFERENCE);
        return [
          absolute,
          atMost(`${name}, added CPU relative to ${REFERENCE}`, share, maxShare, '1'),
        ];
      }),
      atMost(
        'first thousand requests, added CPU',
        added(json, 'perfscope', 'firstCpuMicrosPerRequest'),
        10,
        'µs',
      ),
      atMost('added resident memory', added(queries, 'perfscope', 'rssMb'), 25, 'MB'),
      atMost('added startup time', added(queries, 'perfscope', 'startMs'), 150, 'ms'),
    ],
    details,
  };
}
