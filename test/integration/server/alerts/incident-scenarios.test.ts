import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ALERT_SCENARIOS, type AlertScenario } from '../../../../demo/scenarios.ts';
import type { AddRows, TableName } from '../../../../src/core/schema/table-registry.ts';
import type { Incident } from '../../../../src/server/alerts/incidents/incident.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import type { QuestdbQueryClient } from '../../../../src/storage/questdb/query-client.ts';
import {
  createEvaluator,
  createQueryClient,
  TestRowWriter,
} from '../../../support/alert-fixtures.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { createScenarioRows } from '../../../support/demo-scenario-rows.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';

const MINUTE = 60_000;
const questdb = new ExternalQuestdb({ isShared: true });
const rulesFile = join(mkdtempSync(join(tmpdir(), 'perfscope-rules-')), 'rules.yaml');
let queryClient: QuestdbQueryClient;
let writer: TestRowWriter;
let dayMs = 0;

beforeAll(async () => {
  // The built-in rules have no rule about high demand, which isn't a problem by itself.
  writeFileSync(
    rulesFile,
    `rules:
  - name: demand
    measure: { type: API_RESPONSE_TIME, aggregate: rate, groupBy: [organizationId, propertyId] }
    thresholds: { warning: 120 }
  # The service has no rows between two scenarios.
  - name: target-uptime
    enabled: false
`,
  );
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  queryClient = createQueryClient(questdb);
  writer = new TestRowWriter(questdb);
  dayMs = Date.now() - 20 * 24 * 60 * MINUTE;
});

afterAll(async () => {
  writer?.close();
  await queryClient?.close();
  await questdb.remove();
});

const FIRST_CAUSES: Readonly<
  Record<AlertScenario, { kind: string; subject: RegExp; text: RegExp }>
> = {
  'slow-statement': {
    kind: 'statement_time',
    subject: /^SELECT pg_sleep\(\?\), count\(\*\) FROM rooms$/,
    text: /takes 1\.\d+ s, not seen before$/,
  },
  'stuck-queue': {
    kind: 'stuck_queue',
    subject: /^confirmation-emails$/,
    text: /stopped completing jobs/,
  },
  'error-burst': {
    kind: 'errors',
    subject: /^POST .*\/bookings$/,
    text: /% of requests to .* are failing, up from 0 %: payment declined$/,
  },
  'payment-outage': {
    kind: 'failed_calls',
    subject: /^127\.0\.0\.1:4100$/,
    text: /^100 % of calls to .* are failing, up from 0 %$/,
  },
  'stuck-database': {
    kind: 'statement_time',
    subject: /^SELECT pg_sleep\(\?\)$/,
    text: /takes [34](\.\d+)? s, not seen before/,
  },
  'demand-peak': {
    kind: 'requests',
    subject: /^grand-hotels\/seaside$/,
    text: /rose to/,
  },
  backlog: { kind: 'arrivals', subject: /^invoices$/, text: /jobs arrived in queue/ },
  'busy-host': {
    kind: 'cpu',
    subject: /^web-1$/,
    text: /is at 97 %, up from 22 %, mostly service `booking` \(88 %\)$/,
  },
};

test.each(Object.keys(ALERT_SCENARIOS) as AlertScenario[])(
  'the scenario %s is one incident, and its cause is first',
  async (scenario) => {
    dayMs += 30 * 60 * MINUTE;
    const startMs = Math.floor(dayMs / MINUTE) * MINUTE + 20_000;
    const rows = createScenarioRows(scenario, startMs, 8 * MINUTE);
    for (const [table, list] of Object.entries(rows)) writer.add(table as TableName, list as never);
    await writer.flush();
    // Rows of alerts aren't stored, so that the next scenario starts without alerts.
    const add: AddRows = () => {};
    let now = startMs;
    const flush = async () => {};
    const evaluator = createEvaluator({ queryClient, add, flush, rulesFile, now: () => now });
    // A longer time between two evaluations would be a clock jump.
    for (const minute of [-1, 1, 3, 5, 7]) {
      now = startMs + minute * MINUTE;
      await evaluator.runOnce(now);
      if (minute < 0) expect(evaluator.incidents.store.all.map(toOverview)).toEqual([]);
    }
    await evaluator.stop();
    const incidents = evaluator.incidents.store.all;
    expect(incidents.map(toOverview)).toHaveLength(1);
    const [cause] = incidents[0]!.causes;
    const { kind, subject, text } = FIRST_CAUSES[scenario];
    expect(cause, JSON.stringify(incidents[0]!.causes, null, 1)).toMatchObject({ kind });
    expect(cause!.subject).toMatch(subject);
    expect(cause!.text).toMatch(text);
    expect(Math.abs(cause!.onsetMs - startMs)).toBeLessThanOrEqual(30_000);
    if (process.env.SHOW_CAUSES)
      console.log(scenario, toOverview(incidents[0]!), incidents[0]!.causes);
  },
);

function toOverview({ members, state }: Incident) {
  return { state, members: members.map(({ rule, labels }) => `${rule} ${JSON.stringify(labels)}`) };
}
