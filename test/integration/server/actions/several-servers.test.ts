import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  BusinessRuleEvaluator,
  type BusinessRuleEvaluatorOptions,
} from '../../../../src/server/actions/business-rules/business-rule-evaluator.ts';
import { postDecision, validateWebhookUrl } from '../../../../src/server/startup/create-actions.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import type { QueryClient } from '../../../../src/storage/questdb/query-client.ts';
import { createQueryClient, makeHistogram, RowWriter } from '../../../support/alert-fixtures.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { FakeProvider } from '../../../support/fake-provider.ts';
import { waitFor } from '../../../support/wait-for.ts';

const MINUTE_MS = 60_000;
const PEAK = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 10 * MINUTE_MS;
const CALM = PEAK + 2 * MINUTE_MS;

const questdb = new ExternalQuestdb();
const shop = new FakeProvider();
const ends: (() => Promise<void> | void)[] = [];
const rows = new RowWriter(questdb);

beforeAll(async () => {
  await Promise.all([questdb.start(), shop.start()]);
  await migrate(questdb.target, DEFAULT_RETENTION);
  writeFileSync(join(questdb.folder, 'secret'), 's'.repeat(40), { mode: 0o600 });
}, 120_000);
afterAll(async () => {
  for (const end of ends) await end();
  rows.close();
  await shop.stop();
  await questdb.remove();
});

/** Rules about one property, whose demand is high at the peak. */
async function rulesOf(property: string, value = 1.3, calm = 60): Promise<string> {
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
    [CALM - 20_000, calm],
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

/** The decider of a server of its own. */
function server(
  path: string | undefined,
  options: Partial<BusinessRuleEvaluatorOptions> = {},
): BusinessRuleEvaluator {
  const own = new RowWriter(questdb);
  const store = createQueryClient(questdb);
  const log = { info: () => {}, warn: console.error, error: console.error };
  const decider = new BusinessRuleEvaluator({
    store,
    add: own.add,
    flush: own.flush,
    path,
    log,
    post: postDecision,
    validateWebhookUrl: validateWebhookUrl,
    ...options,
  });
  ends.push(async () => {
    await decider.stop();
    own.close();
    await store.close();
  });
  return decider;
}

async function storedOf(property: string, status: string): Promise<string[]> {
  await rows.flush();
  const found = await questdb.sql(
    `SELECT id, seq, value FROM rule_decisions WHERE property_id = '${property}' AND status = '${status}'`,
  );
  return found.map(([id, seq, value]) => `${id}.${seq} ${value}`);
}

const received = (property: string) =>
  shop.requests
    .filter(({ path }) => path === `/${property}`)
    .map(({ headers, body }) => {
      const { decision } = JSON.parse(body) as { decision: { value: number } };
      return `${headers['idempotency-key']} ${decision.value}`;
    });

it('what two servers decide at the same moment is one decision', async () => {
  const path = await rulesOf('seaside');
  const [one, two] = [server(path), server(path)];
  await Promise.all([one.runOnce(PEAK), two.runOnce(PEAK + 3000)]);
  const decided = await storedOf('seaside', 'set');
  expect(decided).toHaveLength(1);
  await waitFor(async () => received('seaside').length > 0);
  expect(one.getActiveDecisions(PEAK)).toMatchObject([{ value: 1.3, seq: 1 }]);
  expect(two.getActiveDecisions(PEAK)).toEqual(one.getActiveDecisions(PEAK));
  await Promise.all([two.runOnce(CALM), one.runOnce(CALM + 2000)]);
  expect(await storedOf('seaside', 'reset')).toHaveLength(1);
  expect([...one.getActiveDecisions(CALM), ...two.getActiveDecisions(CALM)]).toEqual([]);
  const all = [...decided, ...(await storedOf('seaside', 'reset'))];
  await waitFor(async () => new Set(received('seaside')).size === all.length);
  expect(new Set(received('seaside'))).toEqual(new Set(all));
});

it('what one has decided, the other knows, and does not decide or send', async () => {
  const path = await rulesOf('alpine');
  const [one, two, follower] = [server(path), server(path), server(undefined)];
  await two.runOnce(PEAK - 30_000);
  expect(await one.runOnce(PEAK)).toHaveLength(1);
  const told: number[] = [];
  const end = two.subscribe(undefined, ({ value }) => told.push(value));
  expect(await two.runOnce(PEAK + 4000)).toEqual([]);
  expect(await two.runOnce(PEAK + 14_000)).toEqual([]);
  expect(told).toEqual([1.3]);
  end();
  // A server without a file decides nothing, ends nothing, and says what counts.
  expect(await follower.runOnce(PEAK + 15_000)).toEqual([]);
  const mine = (decider: BusinessRuleEvaluator) =>
    decider.getActiveDecisions(PEAK).filter(({ propertyId }) => propertyId === 'alpine');
  expect(mine(follower)).toEqual(mine(one));
  expect(mine(follower)).toMatchObject([{ value: 1.3, seq: 1 }]);
  await waitFor(async () => received('alpine').length > 0);
  await one.stop();
  expect(received('alpine')).toHaveLength(1);
});

it('what a server that has ended did not get sent is sent by another', async () => {
  const path = await rulesOf('central', 1.3, 900);
  const one = server(path, { post: async () => ({ status: 'retryable', reason: 'away' }) });
  const two = server(path);
  await two.runOnce(PEAK - 30_000);
  const [decision] = await one.runOnce(PEAK);
  await one.stop();
  // Its own attempts may still be under way.
  expect(await two.runOnce(PEAK + 20_000)).toEqual([]);
  expect(received('central')).toEqual([]);
  expect(await two.runOnce(CALM)).toEqual([]);
  await waitFor(async () => received('central').length > 0);
  await two.runOnce(CALM + 10_000);
  await two.stop();
  expect(received('central')).toEqual([`${decision?.id}.1 1.3`]);
});

it('what was overwritten at the same moment is told again as it is stored', async () => {
  let evaluated = () => {};
  const gate = new Promise<void>((resolve) => {
    evaluated = resolve;
  });
  let restored = () => {};
  const merged = new Promise<void>((resolve) => {
    restored = resolve;
  });
  const real = createQueryClient(questdb);
  ends.push(() => real.close());
  let reads = 0;
  // Reads what others have decided, and is then so slow that another one decides meanwhile.
  const slow: QueryClient = {
    getCatalog: real.getCatalog,
    read: async (...args) => {
      reads += 1;
      if (reads === 3) {
        restored();
        await gate;
      }
      return real.read(...args);
    },
  };
  const one = server(await rulesOf('airport', 1.3));
  const two = server(await rulesOf('airport', 1.2), { store: slow });
  const round = two.runOnce(PEAK);
  await merged;
  await one.runOnce(PEAK);
  evaluated();
  await round;
  const [overwritten, ...others] = await storedOf('airport', 'set');
  expect([overwritten, others]).toEqual([expect.stringMatching(/\.1 1\.2$/), []]);
  await one.runOnce(PEAK + 10_000);
  expect(
    one.getActiveDecisions(PEAK).filter(({ propertyId }) => propertyId === 'airport'),
  ).toMatchObject([{ value: 1.2, seq: 2, status: 'renewed' }]);
  await waitFor(async () => received('airport').some((each) => each.endsWith('.2 1.2')));
  await two.runOnce(PEAK + 10_000);
  expect(await storedOf('airport', 'renewed')).toHaveLength(1);
});

it('a start with a file that is refused ends nothing; one without the rule does', async () => {
  const path = await rulesOf('forest');
  await server(path).runOnce(PEAK);
  const refused = join(questdb.folder, 'refused.yaml');
  writeFileSync(refused, 'rules: 5');
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const restarted = server(refused, { log });
  expect(await restarted.runOnce(PEAK + 10_000)).toEqual([]);
  const mine = (decider: BusinessRuleEvaluator) =>
    decider.getActiveDecisions(PEAK).filter(({ propertyId }) => propertyId === 'forest');
  expect(mine(restarted)).toMatchObject([{ value: 1.3 }]);
  writeFileSync(refused, 'rules: []');
  const decisions = await restarted.runOnce(PEAK + 20_000);
  expect(decisions.filter(({ propertyId }) => propertyId === 'forest')).toMatchObject([
    { status: 'reset', value: 1, seq: 2, reason: expect.stringMatching(/rule was removed/) },
  ]);
  expect(mine(restarted)).toEqual([]);
});
