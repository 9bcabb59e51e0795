import { afterAll, beforeAll, expect, it } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import type { QuestdbQueryClient } from '../../../../src/storage/questdb/query-client.ts';
import {
  createEvaluator,
  createQueryClient,
  TestRowWriter,
} from '../../../support/alert-fixtures.ts';
import { AlertSimulation, HISTORY_MINUTES } from '../../../support/alert-simulation.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';

const LENGTH = 60;
const START_MS = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - (LENGTH + 2) * MINUTE_MS;
const questdb = new ExternalQuestdb({ isShared: true });
const rows = new TestRowWriter(questdb);
const simulation = new AlertSimulation(rows, START_MS);
let queryClient: QuestdbQueryClient;

const ALL = { from: 0, to: LENGTH };
const HISTORY = { from: -HISTORY_MINUTES, to: 0, every: 10 };
const WITH_HISTORY = { from: -HISTORY_MINUTES, to: LENGTH };
/** A deterministic number from 0 to 1, so that rates and durations vary. */
const noise = (minute: number) => Math.abs(Math.sin(minute * 12.9898) * 43_758.5453) % 1;

/** Adds a day of history and the current requests of a service. */
function addSteadyRequests(service: string, rate: number, ms = 40): void {
  const requests = { service, rate: () => rate, ms: (m: number) => ms * (0.8 + 0.4 * noise(m)) };
  simulation.addRequests({ ...HISTORY, ...requests });
  simulation.addRequests({ ...ALL, ...requests });
}

/** The events that must not raise an alert. Each has its own service. */
const QUIET_EVENTS: Readonly<Record<string, () => void>> = {
  'a fresh installation with slow first requests': () => {
    simulation.addProcess({ service: 'fresh', from: 5, to: LENGTH });
    // The first requests connect the pool and compile the code.
    const ms = (m: number) => (m < 5.5 ? 3000 : m < 7 ? 300 : 40);
    simulation.addRequests({ service: 'fresh', from: 5, to: LENGTH, rate: () => 8, ms });
    const type = 'DATABASE_QUERY_TIME';
    const queries = {
      from: 5,
      to: LENGTH,
      type,
      rate: () => 16,
      ms: (m: number) => ms(m) / 4,
    } as const;
    simulation.addRequests({ service: 'fresh', ...queries });
    // Tenants start one after the other.
    for (const [i, property] of ['p1', 'p2', 'p3', 'p4'].entries()) {
      const span = { from: 10 + 4 * i, to: LENGTH };
      const service = 'fresh-tenants';
      const rate = (m: number) => 400 + 300 * noise(m);
      simulation.addRequests({ ...span, service, organization: 'o', property, rate, ms: () => 30 });
    }
    simulation.addProcess({ service: 'fresh-tenants', from: 10, to: LENGTH });
  },
  'a rolling deploy': () => {
    const service = 'rolling';
    for (let i = 0; i < 4; i++) {
      const at = 10 + i;
      const common = { service, host: `rolling-${i}` };
      simulation.addProcess({
        ...common,
        version: '1.0',
        from: -HISTORY_MINUTES,
        to: at,
        end: 'stopped',
      });
      simulation.addProcess({ ...common, version: '1.1', from: at + 0.3, to: LENGTH });
    }
    const rate = () => 600;
    const ms = (m: number) => (m >= 10 && m < 14 ? 110 : 40) * (0.8 + 0.4 * noise(m));
    simulation.addRequests({ ...HISTORY, service, rate, ms });
    simulation.addRequests({ ...ALL, service, rate, ms });
  },
  'a deploy that replaces all processes at once': () => {
    const service = 'replaced';
    for (let i = 0; i < 3; i++) {
      const host = `replaced-${i}`;
      const from = -HISTORY_MINUTES;
      simulation.addProcess({ service, host, version: '1.0', from, to: 10, end: 'stopped' });
      simulation.addProcess({ service, host, version: '1.1', from: 12.5, to: LENGTH });
    }
    const requests = { service, rate: () => 300 };
    simulation.addRequests({ ...HISTORY, ...requests, ms: () => 40 });
    simulation.addRequests({ from: 0, to: 10, ...requests, ms: () => 40 });
    const ms = (m: number) => (m < 13 ? 900 : m < 14 ? 200 : 40);
    simulation.addRequests({ from: 12.5, to: LENGTH, ...requests, ms });
    // Another service can't reach it.
    const failing = (m: number) => (m >= 10 && m < 11 ? 1 : 0);
    const type = 'OUTGOING_REQUEST_TIME';
    simulation.addRequests({
      ...ALL,
      service: 'caller',
      endpoint: 'replaced',
      type,
      rate: () => 60,
      ms: () => 5,
      failing,
    });
    simulation.addProcess({ ...WITH_HISTORY, service: 'caller' });
  },
  'a restart of one process, and a single crash': () => {
    const service = 'restarted';
    simulation.addProcess({ service, from: -HISTORY_MINUTES, to: 20, end: 'stopped' });
    simulation.addProcess({ service, from: 23.6, to: 40, end: 'killed' });
    simulation.addProcess({ service, from: 40.4, to: LENGTH });
    addSteadyRequests(service, 60);
  },
  'a scale-down from 8 to 1 processes': () => {
    const service = 'scaled';
    for (let i = 0; i < 8; i++) {
      const to = i === 0 ? LENGTH : 10 + i;
      const end = i === 0 ? undefined : i < 5 ? 'stopped' : 'killed';
      const span = { from: -HISTORY_MINUTES, to };
      simulation.addProcess({ service, host: `scaled-${i}`, ...span, ...(end && { end }) });
    }
    addSteadyRequests(service, 800);
  },
  'a worker that ends normally': () => {
    simulation.addProcess({ service: 'migration', from: 10, to: 40, end: 'stopped' });
    simulation.addRequests({
      service: 'migration',
      from: 10,
      to: 40,
      type: 'DATABASE_QUERY_TIME',
      rate: () => 500,
      ms: () => 20,
    });
  },
  'a script that runs for ten minutes every hour': () => {
    for (let from = -1560; from < LENGTH; from += 60) {
      simulation.addProcess({ service: 'cron', from, to: from + 10, end: 'stopped' });
    }
  },
  'long streams next to short requests': () => {
    const service = 'streams';
    simulation.addProcess({ ...WITH_HISTORY, service });
    addSteadyRequests(service, 30);
    const type = 'API_STREAM_DURATION';
    simulation.addRequests({
      ...ALL,
      service,
      endpoint: '/events',
      type,
      rate: () => 2,
      ms: () => HOUR_MS,
    });
  },
  'an idle night and a morning ramp': () => {
    const service = 'nightly';
    simulation.addProcess({ ...WITH_HISTORY, service });
    // The night ends at minute 20. Caches are cold, and response times double under load. It was the same yesterday.
    const rate = (m: number) => {
      const minute = (((m - 20) % 1440) + 1440) % 1440;
      return minute > 960 ? 0 : Math.min(2000, 40 * minute);
    };
    const ms = (m: number) => 60 + (rate(m) > 0 && rate(m) < 1600 ? 200 : 0);
    for (const property of ['p1', 'p2', 'p3']) {
      const tenant = { service, organization: 'o', property };
      simulation.addRequests({ from: -1560, to: 0, every: 10, ...tenant, rate, ms });
      simulation.addRequests({ ...ALL, ...tenant, rate, ms });
    }
  },
  'the first morning of a new installation': () => {
    simulation.addProcess({ service: 'first-morning', from: 0, to: LENGTH });
    const rate = (m: number) => 20 + (m < 30 ? 0 : 25 * (m - 30));
    simulation.addRequests({
      ...ALL,
      service: 'first-morning',
      rate,
      ms: (m) => 40 + rate(m) / 10,
    });
  },
  'a queue that fills every hour': () => {
    const depth = (m: number) => Math.max(0, 160 - 40 * (m % 60));
    simulation.addQueue('hourly', ALL, depth, (m) => (depth(m) > 0 ? (m % 60) * MINUTE_MS : 0));
    const done = Array.from({ length: 160 }, (_, i) => i / 40);
    for (const hour of [0, 60]) {
      simulation.addJobs(
        'hourly',
        done.map(() => hour),
        'waiting',
      );
      simulation.addJobs(
        'hourly',
        done.map((m) => hour + m),
        'completed',
      );
    }
  },
  'two services with the same name on two hosts': () => {
    const service = 'twice';
    simulation.addProcess({ ...WITH_HISTORY, service, host: 'twice-1' });
    simulation.addProcess({
      service,
      host: 'twice-2',
      from: -HISTORY_MINUTES,
      to: 25,
      end: 'killed',
    });
    addSteadyRequests(service, 100);
  },
  'a host that is replaced': () => {
    const service = 'autoscaled';
    for (let i = 0; i < 6; i++) {
      const span = { from: 15 * i - 5, to: 15 * i + 20 };
      simulation.addProcess({
        service,
        host: `autoscaled-${i}`,
        ...span,
        end: 'killed',
        cpu: (m) => (m < span.from + 2 ? 100 : 50),
      });
    }
    addSteadyRequests(service, 100);
  },
  'a nightly backup': () => {
    const isBackup = (m: number) => m >= 10 && m < 14;
    for (let i = 0; i < 20; i++) {
      const [cpu, disk] = [[100, 45] as const, [94, 40] as const];
      simulation.addProcess({
        ...WITH_HISTORY,
        service: 'many-processes',
        host: 'backup-host',
        cpu: (m) => cpu[isBackup(m) ? 0 : 1],
        disk: (m) => disk[isBackup(m) ? 0 : 1],
        memory: (m) => (isBackup(m) ? 92 : 70),
      });
    }
  },
  'one slow request among few': () => {
    simulation.addProcess({ ...WITH_HISTORY, service: 'rare' });
    simulation.addRequests({ ...ALL, service: 'rare', rate: () => 2, ms: () => 30 });
    simulation.addRequests({
      service: 'rare',
      from: 20,
      to: 20.5,
      rate: () => 2,
      ms: () => 30_000,
    });
  },
  'a short night-time pause of a script without a normal end': () => {
    simulation.addProcess({ service: 'short-script', from: 30, to: 33, end: 'killed' });
  },
};

/** Real problems, and the alerts that they must raise. */
const PROBLEMS: Readonly<Record<string, () => void>> = {
  'error-rate bad-errors': () => {
    simulation.addProcess({ ...WITH_HISTORY, service: 'bad-errors' });
    const failing = (m: number) => (m >= 20 && m < 40 ? 0.3 : 0.001);
    simulation.addRequests({
      ...ALL,
      service: 'bad-errors',
      rate: () => 200,
      ms: () => 30,
      failing,
    });
  },
  'outgoing-errors bad-calls payments': () => {
    simulation.addProcess({ ...WITH_HISTORY, service: 'bad-calls' });
    const failing = (m: number) => (m >= 20 && m < 40 ? 1 : 0);
    const type = 'OUTGOING_REQUEST_TIME';
    simulation.addRequests({
      ...ALL,
      service: 'bad-calls',
      endpoint: 'payments',
      type,
      rate: () => 20,
      ms: () => 30,
      failing,
    });
  },
  'slow-queries bad-statements': () => {
    simulation.addProcess({ ...WITH_HISTORY, service: 'bad-statements' });
    const common = { ...ALL, service: 'bad-statements', type: 'DATABASE_QUERY_TIME' } as const;
    simulation.addRequests({ ...common, rate: () => 60, ms: () => 10 });
    simulation.addRequests({
      ...common,
      endpoint: 'SELECT slow',
      from: 20,
      rate: () => 40,
      ms: () => 900,
    });
  },
  'response-time-spike bad-spike /': () => {
    simulation.addProcess({ ...WITH_HISTORY, service: 'bad-spike' });
    const requests = { service: 'bad-spike', rate: () => 120 };
    simulation.addRequests({ ...HISTORY, ...requests, ms: () => 100 });
    simulation.addRequests({ ...ALL, ...requests, ms: (m) => (m < 20 ? 100 : 320) });
  },
  'queue-depth stuck': () => {
    simulation.addQueue(
      'stuck',
      ALL,
      (m) => (m < 20 ? 2 : 20 * (m - 20)),
      (m) => Math.max(0, m - 20) * MINUTE_MS,
    );
  },
  'no-data dead': () => {
    simulation.addProcess({ service: 'dead', from: -HISTORY_MINUTES, to: 20, end: 'killed' });
  },
  'disk full-host': () => {
    simulation.addProcess({
      ...WITH_HISTORY,
      service: 'full',
      host: 'full-host',
      disk: (m) => (m < 20 ? 80 : 99),
    });
  },
  'cpu busy-host': () => {
    for (let i = 0; i < 5; i++)
      simulation.addProcess({
        ...WITH_HISTORY,
        service: 'busy',
        host: 'busy-host',
        cpu: (m) => (m < 20 ? 50 : 99),
      });
  },
  'crash-loop crashing': () => {
    simulation.addProcess({ service: 'crashing', from: -HISTORY_MINUTES, to: 20, end: 'killed' });
    simulation.addProcess({ service: 'crashing', from: 45.2, to: LENGTH });
    for (let at = 20.2; at < 45; at += 1.5)
      simulation.addProcess({ service: 'crashing', from: at, to: at + 0.6, end: 'killed' });
  },
  // Each outage is too short for `no-data`, but together they use the error budget.
  'burn-rate away': () => {
    simulation.addProcess({ service: 'away', from: -HISTORY_MINUTES, to: 20, end: 'killed' });
    simulation.addProcess({ service: 'away', from: 24, to: 30, end: 'killed' });
    simulation.addProcess({ service: 'away', from: 34, to: LENGTH });
  },
  'request-rate-surge surging p2': () => {
    const service = 'surging';
    simulation.addProcess({ ...WITH_HISTORY, service });
    for (const property of ['p1', 'p2', 'p3', 'p4']) {
      const rate = (m: number) =>
        (property === 'p2' && m >= 25 && m < 45 ? 1600 : 90) * (0.8 + 0.4 * noise(m));
      simulation.addRequests({
        ...ALL,
        from: 10,
        service,
        organization: 'o',
        property,
        rate,
        ms: () => 20,
      });
    }
  },
};

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  queryClient = createQueryClient(questdb);
  for (const add of [...Object.values(QUIET_EVENTS), ...Object.values(PROBLEMS)]) add();
  simulation.addProcess({ ...WITH_HISTORY, service: 'perfscope' });
  await simulation.flush();
  const { notify } = simulation;
  const discard = { add: () => {}, flush: async () => {} };
  const evaluator = createEvaluator({ queryClient, ...discard, notify });
  await simulation.run(evaluator, ALL);
  expect(evaluator.ruleHealth.all.flatMap(({ error }) => error ?? [])).toEqual([]);
});
afterAll(async () => {
  rows.close();
  await queryClient?.close();
  await questdb.remove();
});

it('sends one alert for each real problem, and no alert for normal events', () => {
  // When the fast burn rate is over, the slower ones continue in the same incident.
  const sent = [...simulation.sent].map((name) => name.replace(/^(burn-rate)-\w+/, '$1'));
  expect([...new Set(sent)].sort()).toEqual(Object.keys(PROBLEMS).sort());
});
