import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ExternalQuestdb } from '../test/support/external-questdb.ts';
import { FakeQuestdb } from '../test/support/fake-questdb.ts';
import { findAgentModule } from './agent-module.ts';
import {
  type LibraryDefinition,
  listDefinitions,
  loadDefinition,
} from './library-overhead/libraries.ts';
import { type LibraryCost, MeasuredLibrary } from './library-overhead/measure-library.ts';
import { type StartedServer, startServers } from './library-overhead/servers.ts';
import { type Agent, listOtherAgents, NO_AGENT, rotate } from './overhead/agents.ts';
import { installAgents } from './overhead/install-agents.ts';
import { startSink } from './overhead/sink.ts';
import {
  atMost,
  type BenchOptions,
  formatDifference,
  medianAdded,
  medianOf,
  type Report,
  roundToFourDigits,
  type Target,
} from './report.ts';

/** Maximum CPU time that the agent adds to an operation, in µs. */
const MAX_MICROS = 10;
/** Maximum of the same relative to dd-trace. */
const MAX_SHARE = 0.12;
/** The definition that needs no server, for a quick check of the benchmark. */
const QUICK_NAMES = ['traced-function'];

/** Duration of one round of a process, in ms. The speed of a shared machine hardly changes between two such rounds. */
const ROUND_MS = 250;

/**
 * Measures the CPU time that the agent and dd-trace add to an operation of each library. The processes of a library run at
 * the same time, and take turns in short rounds. With `--quick`, only the definitions in `names` run, for a short time and
 * without dd-trace.
 */
export async function benchLibraryOverhead({
  quick,
  log,
  names = [],
  rounds = quick ? 2 : 24,
}: BenchOptions): Promise<Report> {
  const selected = names.length > 0 ? names : quick ? QUICK_NAMES : listDefinitions();
  const definitions = selected.map(loadDefinition);
  const warmUpMs = quick ? 300 : 3000;
  if (!quick) installAgents(log);
  const spool = mkdtempSync(join(tmpdir(), 'perfscope-bench-'));
  const sink = await startSink();
  const costs = new Map<string, LibraryCost[]>();
  const stops: (() => unknown)[] = [
    () => sink.close(),
    () => rmSync(spool, { recursive: true, force: true }),
  ];
  try {
    const questdb = await startQuestdb(quick);
    stops.push(questdb.remove);
    const servers = await startServers(definitions.flatMap((each) => each.servers));
    stops.push(servers.remove);
    const perfscope: Agent = {
      name: 'perfscope',
      flags: ['--import', findAgentModule('.', 'register.js')],
      env: {
        ...questdb.env,
        PERFORMANCE_SPOOL_DIR: spool,
        AGENT_LIBRARY: findAgentModule('.', 'index.js'),
      },
    };
    const ddTrace = quick ? [] : [findDdTrace(listOtherAgents(sink))];
    const { PATH, HOME } = process.env;
    const env = { PATH, HOME, ...servers.env };
    for (const [i, definition] of definitions.entries()) {
      log(`${i + 1} of ${definitions.length}: ${definition.name}`);
      const agents = [NO_AGENT, perfscope, ...(definition.isInDdTrace ? ddTrace : [])];
      const processes = agents.map((agent) => new MeasuredLibrary(definition, agent, env));
      try {
        for (const each of processes) {
          await each.start();
          await each.measure(warmUpMs);
        }
        for (let round = 0; round < rounds; round++) {
          for (const each of rotate(processes, round)) {
            const key = `${definition.name} ${agents[processes.indexOf(each)]!.name}`;
            costs.set(key, [...(costs.get(key) ?? []), await each.measure(ROUND_MS)]);
          }
        }
      } finally {
        await Promise.all(processes.map((each) => each.kill()));
      }
    }
    return createReport(definitions, costs, { rounds });
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

/** A quick run checks only that each part works, so it needs no Java. */
async function startQuestdb(quick: boolean): Promise<StartedServer> {
  if (quick) {
    const fake = new FakeQuestdb();
    await fake.start();
    return { env: { PERFORMANCE_QUESTDB_URL: fake.url }, remove: async () => fake.stop() };
  }
  const questdb = new ExternalQuestdb();
  await questdb.start();
  return { env: questdb.env, remove: () => questdb.remove() };
}

/** dd-trace needs its loader for libraries that are ES modules. */
function findDdTrace(agents: readonly Agent[]): Agent {
  const agent = agents.find(({ name }) => name === 'dd-trace')!;
  return {
    ...agent,
    flags: ['--import', 'dd-trace/initialize.mjs'],
    env: { ...agent.env, AGENT_LIBRARY: resolve('bench/overhead/node_modules/dd-trace') },
  };
}

function createReport(
  definitions: readonly LibraryDefinition[],
  costs: ReadonlyMap<string, readonly LibraryCost[]>,
  details: Report['details'],
): Report {
  const targets = definitions.flatMap(({ name }): Target[] => {
    const plain = costs.get(`${name} ${NO_AGENT.name}`)!;
    const added = (agent: string) => {
      const runs = costs.get(`${name} ${agent}`);
      if (!runs) return undefined;
      const micros = medianAdded(runs, plain, 'cpuMicros');
      details[`${name}, ${agent}`] =
        `${roundToFourDigits(medianOf(runs, 'cpuMicros'))} µs of CPU per operation (${formatDifference(micros)}), ${medianOf(runs, 'operations')} operations`;
      return micros;
    };
    added(NO_AGENT.name);
    const micros = added('perfscope')!;
    const reference = added('dd-trace');
    const absolute = atMost(`${name}, added CPU`, micros, MAX_MICROS, 'µs');
    if (reference === undefined) return [absolute];
    const title = `${name}, added CPU relative to dd-trace`;
    return [absolute, atMost(title, micros / reference, MAX_SHARE, '1')];
  });
  return { targets, details };
}
