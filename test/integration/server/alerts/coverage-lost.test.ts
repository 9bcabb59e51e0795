import { afterAll, beforeAll, expect, it } from 'vitest';
import { toCoverageRows } from '../../../../src/agent/library-coverage/coverage-rows.ts';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import { toAlert } from '../../../../src/server/alerts/evaluation/alert-transition.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import type { QuestdbQueryClient } from '../../../../src/storage/questdb/query-client.ts';
import {
  createEvaluator,
  createQueryClient,
  TestRowWriter,
} from '../../../support/alert-fixtures.ts';
import { findRule, loadTestRules } from '../../../support/alert-rule-fixtures.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';

const NOW = Date.now();
const questdb = new ExternalQuestdb({ isShared: true });
const rows = new TestRowWriter(questdb);
let queryClient: QuestdbQueryClient;

let ids = 0;
const REASON = 'only version 8 is supported';

/** Writes the coverage of a process, every ten minutes between two ages in minutes. */
function writeProcess(
  service: string,
  { version, from, to }: { version: string | undefined; from: number; to: number },
  libraries: Readonly<Record<string, boolean>>,
): void {
  const resource = { service, serviceVersion: version, instance: `i${ids++}` };
  const coverage = Object.entries(libraries).map(([name, measured]) => {
    const reason = measured ? undefined : REASON;
    return { name, version: measured ? '8.1.0' : '9.0.0', measured, reason };
  });
  for (let age = from; age >= to; age -= 10) {
    const timestamp = NOW - age * MINUTE_MS;
    rows.add(
      'performance_metrics',
      toCoverageRows(coverage, resource, () => `c${ids++}`, timestamp),
    );
  }
}

const OLD = { version: '1.0', from: 300, to: 60 };
const NEW = { version: '1.1', from: 50, to: 0 };

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  queryClient = createQueryClient(questdb);

  writeProcess('lost', OLD, { pg: true, express: true });
  writeProcess('lost', NEW, { pg: false, express: true });
  // The same version, with other flags. Processes without a version.
  writeProcess('restarted', OLD, { pg: true });
  writeProcess('restarted', { ...NEW, version: '1.0' }, { pg: false });
  writeProcess('unversioned', { ...OLD, version: undefined }, { pg: true });
  writeProcess('unversioned', { ...NEW, version: undefined }, { pg: false });

  writeProcess('normal-restart', OLD, { pg: true });
  writeProcess('normal-restart', NEW, { pg: true });
  // The application no longer contains the library.
  writeProcess('removed', OLD, { pg: true, express: true });
  writeProcess('removed', NEW, { express: true });
  writeProcess('rolling', { ...OLD, to: 0 }, { pg: true });
  writeProcess('rolling', NEW, { pg: false });
  writeProcess('never', OLD, { pg: false });
  writeProcess('never', NEW, { pg: false });
  // One process of two doesn't use the library.
  writeProcess('two-roles', OLD, { pg: true });
  writeProcess('two-roles', NEW, { pg: true });
  writeProcess('two-roles', NEW, { pg: false });
  // A worker that ran before the other process ended.
  writeProcess('worker', { version: '1.0', from: 300, to: 0 }, { pg: false });
  writeProcess('worker', OLD, { pg: true });
  writeProcess('stopped', OLD, { pg: true });
  await rows.flush();
});

afterAll(async () => {
  rows.close();
  await queryClient?.close();
  await questdb.remove();
});

it('fires only if no current process measures a library that is present and was measured', async () => {
  const evaluator = createEvaluator({ queryClient, add: () => {}, flush: async () => {} });
  const found = await evaluator.runOnce(NOW);
  expect(evaluator.ruleHealth.all.flatMap(({ error }) => error ?? [])).toEqual([]);
  const lost = found.filter(({ rule }) => rule === 'coverage-lost');
  const labels = lost.map((each) => JSON.parse(each.labels ?? '{}') as Record<string, string>);
  expect(labels.map(({ service }) => service).toSorted()).toEqual([
    'lost',
    'restarted',
    'unversioned',
  ]);
  expect(labels.find(({ service }) => service === 'lost')).toEqual({
    library: 'pg',
    libraryVersion: '9.0.0',
    previousVersion: '1.0',
    reason: REASON,
    service: 'lost',
    version: '1.1',
  });
  const transition = lost.find(({ service }) => service === 'lost')!;
  const { annotations } = toAlert(transition, findRule(loadTestRules(''), 'coverage-lost'));
  expect(annotations.summary).toBe(
    'lost: version 1.1 no longer measures pg, but version 1.0 did. Reason: only version 8 is supported',
  );
});
