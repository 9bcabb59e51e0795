import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import { makeHistogram, TestRowWriter } from '../../../support/alert-fixtures.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { FakeProvider } from '../../../support/fake-provider.ts';
import { suspendTable } from '../../../support/suspend-table.ts';
import { waitFor } from '../../../support/wait-for.ts';

/** Points at which the process is killed, from before the row is written to after the webhook response. */
const STAGES = [
  'deciding',
  'decided',
  'spooled',
  'stored',
  'sending',
  'answered',
  'recording',
] as const;
type Stage = (typeof STAGES)[number];
const CI_STAGES: readonly Stage[] = ['decided', 'stored', 'answered'];
/** Stages after which the webhook may already have received the decision. */
const POSSIBLY_DELIVERED_STAGES: readonly string[] = ['sending', 'answered', 'recording'];
/** Times of an evaluation with high demand and of a later evaluation. */
const PEAK = Math.floor(Date.now() / 60_000) * 60_000 - 240_000;
const LOW = PEAK + 120_000;

const questdb = new ExternalQuestdb({ isShared: true });
const rows = new TestRowWriter(questdb);
const shop = new FakeProvider();

beforeAll(async () => {
  await Promise.all([questdb.start(), shop.start()]);
  await migrate(questdb.target, DEFAULT_RETENTION);
});
afterAll(async () => {
  rows.close();
  await shop.stop();
  await questdb.remove();
});

/** Writes the files of a server with a rule for one property, which has high demand at the peak. */
async function prepareServer(property: string): Promise<string> {
  const folder = join(questdb.folder, property);
  mkdirSync(folder);
  writeFileSync(join(folder, 'secret'), 's'.repeat(40), { mode: 0o600 });
  writeFileSync(
    join(folder, 'rules.yaml'),
    `webhooks:
  - { name: shop, url: ${shop.url}/${property}, secretFile: ${folder}/secret, allowHttp: true, allowPrivate: true }
rules:
  - name: demand-${property}
    setting: price.${property}
    only: { property: [${property}] }
    window: 1m
    when: { fact: requestRate, operator: greaterThan, value: 10 }
    value: 1.3
    default: 1
    limits: { min: 0.9, max: 1.5 }
    coolDown: 10s
    webhooks: [shop]
`,
  );
  const point = (timestamp: number, count: number) =>
    makeHistogram(
      {
        timestamp,
        metricType: 'API_RESPONSE_TIME',
        service: 'booking',
        organizationId: 'grand-hotels',
        propertyId: property,
      },
      { count, ms: 100 },
    );
  rows.add('performance_metrics', [point(PEAK - 20_000, 900).row, point(LOW - 20_000, 60).row]);
  await rows.flush();
  return folder;
}

/** Runs one evaluation in a child process. @returns its exit code or signal */
async function evaluateInProcess(folder: string, now: number, stage = ''): Promise<unknown> {
  const node = resolve('node_modules/.bin/node');
  const script = resolve('test/apps/rule-evaluator-process.ts');
  const child = spawn(node, [script, folder, String(now), stage], {
    env: { ...process.env, ...questdb.env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  shop.respond = (response) => {
    if (stage === 'sending') child.kill('SIGKILL');
    else response.end();
  };
  const [code, signal] = await once(child, 'exit');
  return signal ?? code;
}

async function listStored(property: string, status: string): Promise<string[]> {
  await rows.flush();
  const found = await questdb.sql(
    `SELECT id, seq FROM rule_decisions WHERE property_id = '${property}' AND status = '${status}'`,
  );
  return found.map(([id, seq]) => `${id}.${seq}`);
}

const listReceived = (property: string) =>
  shop.requests
    .filter(({ path }) => path === `/${property}`)
    .map(({ headers }) => String(headers['idempotency-key']));

const TITLE = 'makes and delivers a `%s` decision once if the process is killed at stage %s';
const CASES = STAGES.flatMap((stage) =>
  (['set', 'reset'] as const).map((status) => [status, stage] as const),
);
it.each(CASES.filter(([, stage]) => CI_STAGES.includes(stage)))(TITLE, expectOneDecision);
// Long: CI has stages before the row is written, before the delivery, and after the delivery.
it.each(CASES.filter(([, stage]) => !CI_STAGES.includes(stage)))(
  TITLE,
  { tags: 'long' },
  expectOneDecision,
);

async function expectOneDecision(status: 'set' | 'reset', stage: Stage): Promise<void> {
  const property = `${status}-${stage}`;
  const folder = await prepareServer(property);
  if (status === 'reset') expect(await evaluateInProcess(folder, PEAK)).toBe(0);
  const before = listReceived(property);
  const now = status === 'set' ? PEAK : LOW;
  expect(await evaluateInProcess(folder, now, stage)).toBe('SIGKILL');
  expect(await evaluateInProcess(folder, now + 1000)).toBe(0);
  expect(await evaluateInProcess(folder, now + 2000)).toBe(0);
  const decisions = await listStored(property, status);
  expect(decisions).toHaveLength(1);
  const after = listReceived(property).slice(before.length);
  expect(new Set(after)).toEqual(new Set(decisions));
  expect(after).toHaveLength(POSSIBLY_DELIVERED_STAGES.includes(stage) ? 2 : 1);
  expect((await listStored(property, 'delivered')).toSorted()).toEqual(
    [...new Set([...before, ...after])].toSorted(),
  );
}

it('waits until spooled rows from a killed process are readable', async () => {
  const folder = await prepareServer('slow');
  expect(await evaluateInProcess(folder, PEAK, 'spooled')).toBe('SIGKILL');
  await suspendTable(questdb, 'rule_decisions');
  const exited = evaluateInProcess(folder, PEAK + 1000);
  const resumed = (async () => {
    await waitFor(async () => {
      const [[waiting] = []] = await questdb.sql(
        "SELECT sequencerTxn - writerTxn FROM wal_tables() WHERE name = 'rule_decisions'",
      );
      return Number(waiting) > 0;
    });
    // Time in which a process that doesn't wait decides again.
    await delay(1000);
    await questdb.sql('ALTER TABLE rule_decisions RESUME WAL');
  })();
  expect(await exited).toBe(0);
  await resumed;
  expect(await listStored('slow', 'set')).toHaveLength(1);
  expect(listReceived('slow')).toEqual(await listStored('slow', 'set'));
});
