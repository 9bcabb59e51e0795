import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import {
  BusinessRuleScheduler,
  type BusinessRuleSchedulerOptions,
} from '../../../../src/server/actions/business-rules/business-rule-scheduler.ts';
import { postDecision, validateWebhookUrl } from '../../../../src/server/startup/create-actions.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import type { QueryClient } from '../../../../src/storage/questdb/query-client.ts';
import {
  createQueryClient,
  makeHistogram,
  TestRowWriter,
} from '../../../support/alert-fixtures.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { FakeProvider } from '../../../support/fake-provider.ts';
import { waitFor } from '../../../support/wait-for.ts';

const PEAK = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 10 * MINUTE_MS;
const LOW = PEAK + 2 * MINUTE_MS;

const questdb = new ExternalQuestdb({ isShared: true });
const shop = new FakeProvider();
const cleanups: (() => Promise<void> | void)[] = [];
const rows = new TestRowWriter(questdb);

beforeAll(async () => {
  await Promise.all([questdb.start(), shop.start()]);
  await migrate(questdb.target, DEFAULT_RETENTION);
  writeFileSync(join(questdb.folder, 'secret'), 's'.repeat(40), { mode: 0o600 });
});
afterAll(async () => {
  for (const cleanUp of cleanups) await cleanUp();
  rows.close();
  await shop.stop();
  await questdb.remove();
});

/** Writes a rules file for one property, which has high demand at the peak. */
async function writeRules(property: string, value = 1.3, lowCount = 60): Promise<string> {
  const path = join(questdb.folder, `${property}-${value}.yaml`);
  writeFileSync(
    path,
    `webhooks:
  - { name: shop, url: ${shop.url}/${property}, secretFile: ${questdb.folder}/secret, allowHttp: true, allowPrivate: true }
rules:
  - name: demand-${property}
    setting: price.${property}
    only: { property: [${property}] }
    window: 1m
    when: { fact: requestRate, operator: greaterThan, value: 10 }
    value: ${value}
    default: 1
    limits: { min: 0.9, max: 1.5 }
    webhooks: [shop]
`,
  );
  const tenant = { organizationId: 'grand-hotels', propertyId: property };
  for (const [timestamp, count] of [
    [PEAK - 20_000, 900],
    [LOW - 20_000, lowCount],
  ] as const) {
    const { row } = makeHistogram(
      { timestamp, metricType: 'API_RESPONSE_TIME', service: 'booking', ...tenant },
      { count, ms: 100 },
    );
    rows.add('performance_metrics', [row]);
  }
  await rows.flush();
  return path;
}

/** Creates the evaluator of a separate server. */
function createServer(
  path: string | undefined,
  options: Partial<BusinessRuleSchedulerOptions> = {},
): BusinessRuleScheduler {
  const writer = new TestRowWriter(questdb);
  const queryClient = createQueryClient(questdb);
  const log = { info: () => {}, warn: console.error, error: console.error };
  const evaluator = new BusinessRuleScheduler({
    queryClient,
    add: writer.add,
    flush: writer.flush,
    path,
    log,
    post: postDecision,
    validateWebhookUrl,
    ...options,
  });
  cleanups.push(async () => {
    await evaluator.stop();
    writer.close();
    await queryClient.close();
  });
  return evaluator;
}

async function listStored(property: string, status: string): Promise<string[]> {
  await rows.flush();
  const found = await questdb.sql(
    `SELECT id, seq, value FROM rule_decisions WHERE property_id = '${property}' AND status = '${status}'`,
  );
  return found.map(([id, seq, value]) => `${id}.${seq} ${value}`);
}

const listReceived = (property: string) =>
  shop.requests
    .filter(({ path }) => path === `/${property}`)
    .map(({ headers, body }) => {
      const { decision } = JSON.parse(body) as { decision: { value: number } };
      return `${headers['idempotency-key']} ${decision.value}`;
    });

it('stores one decision if two servers decide at the same time', async () => {
  const path = await writeRules('seaside');
  const [one, two] = [createServer(path), createServer(path)];
  await Promise.all([one.runOnce(PEAK), two.runOnce(PEAK + 3000)]);
  const setDecisions = await listStored('seaside', 'set');
  expect(setDecisions).toHaveLength(1);
  await waitFor(async () => listReceived('seaside').length > 0);
  expect(one.getActiveDecisions(PEAK)).toMatchObject([{ value: 1.3, seq: 1 }]);
  expect(two.getActiveDecisions(PEAK)).toEqual(one.getActiveDecisions(PEAK));
  await Promise.all([two.runOnce(LOW), one.runOnce(LOW + 2000)]);
  expect(await listStored('seaside', 'reset')).toHaveLength(1);
  expect([...one.getActiveDecisions(LOW), ...two.getActiveDecisions(LOW)]).toEqual([]);
  const all = [...setDecisions, ...(await listStored('seaside', 'reset'))];
  await waitFor(async () => new Set(listReceived('seaside')).size === all.length);
  expect(new Set(listReceived('seaside'))).toEqual(new Set(all));
});

it('does not repeat or send a decision that another server made', async () => {
  const path = await writeRules('alpine');
  const [one, two, follower] = [createServer(path), createServer(path), createServer(undefined)];
  await two.runOnce(PEAK - 30_000);
  expect(await one.runOnce(PEAK)).toHaveLength(1);
  const receivedValues: number[] = [];
  const unsubscribe = two.subscribe(undefined, ({ value }) => receivedValues.push(value));
  expect(await two.runOnce(PEAK + 4000)).toEqual([]);
  expect(await two.runOnce(PEAK + 14_000)).toEqual([]);
  expect(receivedValues).toEqual([1.3]);
  unsubscribe();
  // A server without a file makes no decisions, but returns the active ones.
  expect(await follower.runOnce(PEAK + 15_000)).toEqual([]);
  const getOwn = (evaluator: BusinessRuleScheduler) =>
    evaluator.getActiveDecisions(PEAK).filter(({ propertyId }) => propertyId === 'alpine');
  expect(getOwn(follower)).toEqual(getOwn(one));
  expect(getOwn(follower)).toMatchObject([{ value: 1.3, seq: 1 }]);
  await waitFor(async () => listReceived('alpine').length > 0);
  await one.stop();
  expect(listReceived('alpine')).toHaveLength(1);
});

it('sends a decision that a stopped server could not deliver', async () => {
  const path = await writeRules('central', 1.3, 900);
  const one = createServer(path, {
    post: async () => ({ status: 'retryable', reason: 'unreachable' }),
  });
  const two = createServer(path);
  await two.runOnce(PEAK - 30_000);
  const [decision] = await one.runOnce(PEAK);
  await one.stop();
  // The first server might still be retrying.
  expect(await two.runOnce(PEAK + 20_000)).toEqual([]);
  expect(listReceived('central')).toEqual([]);
  expect(await two.runOnce(LOW)).toEqual([]);
  await waitFor(async () => listReceived('central').length > 0);
  await two.runOnce(LOW + 10_000);
  await two.stop();
  expect(listReceived('central')).toEqual([`${decision?.id}.1 1.3`]);
});

it('publishes the stored decision again after a concurrent overwrite', async () => {
  const otherDecided = Promise.withResolvers<void>();
  const decisionsRead = Promise.withResolvers<void>();
  const realClient = createQueryClient(questdb);
  cleanups.push(() => realClient.close());
  let reads = 0;
  // After the server read the stored decisions, its queries are so slow that another server decides first.
  const slowClient: QueryClient = {
    getCatalog: realClient.getCatalog,
    read: async (...args) => {
      reads += 1;
      if (reads === 3) {
        decisionsRead.resolve();
        await otherDecided.promise;
      }
      return realClient.read(...args);
    },
  };
  const one = createServer(await writeRules('airport', 1.3));
  const two = createServer(await writeRules('airport', 1.2), { queryClient: slowClient });
  const slowRun = two.runOnce(PEAK);
  await decisionsRead.promise;
  await one.runOnce(PEAK);
  otherDecided.resolve();
  await slowRun;
  const [overwritten, ...others] = await listStored('airport', 'set');
  expect([overwritten, others]).toEqual([expect.stringMatching(/\.1 1\.2$/), []]);
  await one.runOnce(PEAK + 10_000);
  expect(
    one.getActiveDecisions(PEAK).filter(({ propertyId }) => propertyId === 'airport'),
  ).toMatchObject([{ value: 1.2, seq: 2, status: 'renewed' }]);
  await waitFor(async () => listReceived('airport').some((each) => each.endsWith('.2 1.2')));
  await two.runOnce(PEAK + 10_000);
  expect(await listStored('airport', 'renewed')).toHaveLength(1);
});

it('keeps settings after a start with an invalid file, but resets settings of removed rules', async () => {
  const path = await writeRules('forest');
  await createServer(path).runOnce(PEAK);
  const invalidFile = join(questdb.folder, 'invalid.yaml');
  writeFileSync(invalidFile, 'rules: 5');
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const restarted = createServer(invalidFile, { log });
  expect(await restarted.runOnce(PEAK + 10_000)).toEqual([]);
  const getOwn = (evaluator: BusinessRuleScheduler) =>
    evaluator.getActiveDecisions(PEAK).filter(({ propertyId }) => propertyId === 'forest');
  expect(getOwn(restarted)).toMatchObject([{ value: 1.3 }]);
  writeFileSync(invalidFile, 'rules: []');
  const decisions = await restarted.runOnce(PEAK + 20_000);
  expect(decisions.filter(({ propertyId }) => propertyId === 'forest')).toMatchObject([
    { status: 'reset', value: 1, seq: 2, reason: expect.stringMatching(/rule was removed/) },
  ]);
  expect(getOwn(restarted)).toEqual([]);
});
