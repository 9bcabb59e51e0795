import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import { makeHistogram, RowWriter } from '../../../support/alert-fixtures.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { FakeProvider } from '../../../support/fake-provider.ts';

/** From before the row is written until after the webhook was answered. */
const STAGES = [
  'deciding',
  'decided',
  'spooled',
  'stored',
  'sending',
  'answered',
  'recording',
] as const;
/** Where the other side may have had it already. */
const UNKNOWN: readonly string[] = ['sending', 'answered', 'recording'];
/** The first evaluation, and one after the demand. */
const PEAK = Math.floor(Date.now() / 60_000) * 60_000 - 240_000;
const CALM = PEAK + 120_000;

const questdb = new ExternalQuestdb();
const rows = new RowWriter(questdb);
const shop = new FakeProvider();

beforeAll(async () => {
  questdb.devMode = true;
  await Promise.all([questdb.start(), shop.start()]);
  await migrate(questdb.target, DEFAULT_RETENTION);
}, 120_000);
afterAll(async () => {
  rows.close();
  await shop.stop();
  await questdb.remove();
});

/** Files of a server that decides for one property only, whose demand is high at the peak. */
async function prepared(property: string): Promise<string> {
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
  rows.add('performance_metrics', [point(PEAK - 20_000, 900).row, point(CALM - 20_000, 60).row]);
  await rows.flush();
  return folder;
}

/** Runs one evaluation in a process of its own. @returns what ended it */
async function evaluated(folder: string, now: number, stage = ''): Promise<unknown> {
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

async function storedOf(property: string, status: string): Promise<string[]> {
  await rows.flush();
  const found = await questdb.sql(
    `SELECT id, seq FROM rule_decisions WHERE property_id = '${property}' AND status = '${status}'`,
  );
  return found.map(([id, seq]) => `${id}.${seq}`);
}

const received = (property: string) =>
  shop.requests
    .filter(({ path }) => path === `/${property}`)
    .map(({ headers }) => String(headers['idempotency-key']));

it.each(
  STAGES.flatMap((stage) => (['set', 'reset'] as const).map((status) => [status, stage] as const)),
)(
  'what is %s is decided once and arrives, when it is killed at %s',
  async (status, stage) => {
    const property = `${status}-${stage}`;
    const folder = await prepared(property);
    if (status === 'reset') expect(await evaluated(folder, PEAK)).toBe(0);
    const before = received(property);
    const now = status === 'set' ? PEAK : CALM;
    expect(await evaluated(folder, now, stage)).toBe('SIGKILL');
    expect(await evaluated(folder, now + 1000)).toBe(0);
    expect(await evaluated(folder, now + 2000)).toBe(0);
    const decisions = await storedOf(property, status);
    expect(decisions).toHaveLength(1);
    const after = received(property).slice(before.length);
    expect(new Set(after)).toEqual(new Set(decisions));
    expect(after).toHaveLength(UNKNOWN.includes(stage) ? 2 : 1);
    expect((await storedOf(property, 'delivered')).toSorted()).toEqual(
      [...new Set([...before, ...after])].toSorted(),
    );
  },
  120_000,
);

it('waits for its rows until they can be read, when it is killed with them in the spool', async () => {
  const folder = await prepared('slow');
  expect(await evaluated(folder, PEAK, 'spooled')).toBe('SIGKILL');
  await questdb.sql('ALTER TABLE rule_decisions SUSPEND WAL');
  const ended = evaluated(folder, PEAK + 1000);
  const resumed = (async () => {
    await delay(3000);
    await questdb.sql('ALTER TABLE rule_decisions RESUME WAL');
  })();
  expect(await ended).toBe(0);
  await resumed;
  expect(await storedOf('slow', 'set')).toHaveLength(1);
  expect(received('slow')).toEqual(await storedOf('slow', 'set'));
}, 120_000);
