import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { createActionService } from '../../../../src/server/actions/action-service.ts';
import { BusinessRuleScheduler } from '../../../../src/server/actions/business-rules/business-rule-scheduler.ts';
import { signWebhookBody } from '../../../../src/server/notifications/outgoing-http/signed-post.ts';
import {
  createForcedBreakerLookup,
  postDecision,
  validateWebhookUrl,
} from '../../../../src/server/startup/create-actions.ts';
import { createEvaluator, makeHistogram } from '../../../support/alert-fixtures.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { FakeProvider } from '../../../support/fake-provider.ts';
import { followStream } from '../../../support/follow-stream.ts';
import { waitFor } from '../../../support/wait-for.ts';

const SECRET = 'a-secret-of-the-shop';
const api = new TestApiServer();
const shop = new FakeProvider();
let client: PerfscopeClient;
let rulesFile: string;
/** Time of the first evaluation, in the middle of a minute. */
const NOW = Math.floor(Date.now() / 60_000) * 60_000 - 600_000 + 40_000;

const rulesText = (folder: string) => `
webhooks:
  - { name: shop, url: ${shop.url}/factor, secretFile: ${folder}/secret, allowHttp: true, allowPrivate: true }
rules:
  - name: demand-high
    event: demand.high
    setting: price.factor
    window: 1m
    when: { fact: requestRate, operator: greaterThan, value: 10 }
    value: { fact: requestRate, times: 0.02, plus: 1 }
    default: 1
    limits: { min: 0.9, max: 1.5 }
    coolDown: 10s
    webhooks: [shop]
  - name: more-workers
    setting: mail.workers
    per: all
    window: 1m
    when: { fact: queueDepth, params: { queue: mails }, operator: greaterThan, value: 100 }
    value: { fact: recommendedWorkers, params: { queue: mails, targetWait: 1m } }
    default: 2
    limits: { min: 1, max: 20, round: 1 }
    dryRun: true
`;

beforeAll(async () => {
  await shop.start();
  const folder = api.questdb.folder;
  rulesFile = join(folder, 'business-rules.yaml');
  writeFileSync(join(folder, 'secret'), SECRET);
  chmodSync(join(folder, 'secret'), 0o600);
  writeFileSync(rulesFile, rulesText(folder));
  api.now = () => NOW;
  await api.start({ businessRulesFile: rulesFile });
  client = new PerfscopeClient({ url: api.url });
  addRequests(NOW - 20_000, 'seaside', 900);
  addRequests(NOW - 20_000, 'alpine', 60);
  addRequests(NOW + 90_000, 'seaside', 60);
  addQueueRows(NOW - 5000, 600, 480);
  await api.waitUntilStored();
});
afterAll(async () => {
  await api.remove();
  await shop.stop();
});
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
  api.role = 'ADMIN';
});

function addRequests(timestamp: number, propertyId: string, count: number): void {
  const { row, buckets } = makeHistogram(
    {
      timestamp,
      metricType: 'API_RESPONSE_TIME',
      service: 'booking',
      propertyId,
      endpoint: '/rooms',
      operation: 'GET',
      organizationId: 'grand-hotels',
    },
    { count, ms: 100 },
  );
  api.dependencies.add('performance_metrics', [row]);
  api.dependencies.add('metric_buckets', buckets);
}

/** Adds `added` jobs within the last half minute. One job has completed, after half a second. */
function addQueueRows(timestamp: number, waiting: number, added: number, name = 'mails'): void {
  const resource = { service: 'booking', instance: 'booking-1' };
  api.dependencies.add('performance_metrics', [
    {
      ...resource,
      timestamp,
      id: `depth-${name}`,
      metricType: 'QUEUE_DEPTH',
      endpoint: name,
      name: 'perfscope.queue.depth',
      operation: 'waiting',
      value: waiting,
      test: false,
    },
  ]);
  const job = { ...resource, queueName: name, jobType: 'mail', test: false };
  const jobs = Array.from({ length: added }, (_, i) => ({
    ...job,
    timestamp: timestamp - i,
    id: `w${i}`,
    jobId: `${i}`,
    status: 'waiting',
  }));
  const completed = { timestamp, id: 'c0', jobId: '0', status: 'completed', duration: 500 };
  api.dependencies.add('queue_metrics', [...jobs, { ...job, ...completed }]);
}

it('raises the factor only for the property with high demand', async () => {
  const received: unknown[] = [];
  const disconnect = await followStream(api.url, {}, ({ type, data }) => {
    if (type === 'decision') received.push(data);
  });
  const decisions = await api.ruleEvaluator.runOnce(NOW);
  expect(decisions.map(({ rule, propertyId, value }) => [rule, propertyId, value])).toEqual([
    ['demand-high', 'seaside', 1.3],
    ['more-workers', undefined, 13],
  ]);
  await api.waitUntilStored();
  const range = { from: NOW - 1000, to: NOW + 200_000 };
  const { decisions: stored } = await client.get('decisions', { ...range, status: ['set'] });
  expect(stored.find(({ rule }) => rule === 'demand-high')).toMatchObject({
    event: 'demand.high',
    setting: 'price.factor',
    status: 'set',
    author: 'perfscope',
    value: 1.3,
    previous: 1,
    defaultValue: 1,
    facts: { requestRate: 15 },
    dryRun: false,
    reason: 'price.factor 1 → 1.3, because the condition is met: requestRate is 15',
  });
  await waitFor(async () => received.length === 2);
  await disconnect();
});

it('posts the signed decision to the webhook and stores the outcome', async () => {
  await waitFor(async () => shop.requests.length === 1);
  const [{ headers, body }] = shop.requests as [(typeof shop.requests)[0]];
  const signature = String(headers['x-perfscope-signature']);
  const seconds = Number(/^t=(\d+)/.exec(signature)?.[1]);
  expect(signature).toBe(signWebhookBody(body, SECRET, 1000 * seconds));
  expect(JSON.parse(body)).toMatchObject({ version: '1', decision: { value: 1.3 } });
  await waitFor(async () => {
    await api.waitUntilStored();
    const { decisions } = await client.get('decisions', { last: '1d', status: ['delivered'] });
    return decisions.length === 1 && decisions[0]?.author === 'webhook:shop';
  });
});

it("lists only the tenant's active settings, and excludes dry runs", async () => {
  const { decisions } = await client.get('actions');
  expect(decisions.map(({ rule, remainingMs }) => [rule, remainingMs])).toEqual([
    ['demand-high', 900_000],
  ]);
  api.scope = createOrganizationScope('grand-hotels', ['alpine']);
  expect((await client.get('actions')).decisions).toEqual([]);
  expect((await client.get('decisions', { last: '1d' })).decisions).toEqual([]);
  api.scope = createOrganizationScope('grand-hotels', ['seaside']);
  expect((await client.get('actions')).decisions).toHaveLength(1);
  const { decisions: visible } = await client.get('decisions', { last: '1d' });
  expect(new Set(visible.map(({ propertyId }) => propertyId))).toEqual(new Set(['seaside']));
});

it('returns each decision on exactly one page', async () => {
  const seen: string[] = [];
  for await (const page of client.pages('decisions', { last: '1d', limit: 1 })) {
    seen.push(...page.decisions.map(({ id, seq, author }) => `${id} ${seq} ${author}`));
  }
  expect(seen.length).toBe(3);
  expect(new Set(seen).size).toBe(3);
});

it('does not repeat decisions or deliveries after a restart', async () => {
  const { queryClient, add, flush, log } = api.dependencies;
  const restarted = new BusinessRuleScheduler({
    queryClient,
    add,
    flush,
    log,
    path: rulesFile,
    now: () => NOW + 120_000,
    post: postDecision,
    validateWebhookUrl,
  });
  // Before the decisions are loaded, a listener reconnects and a service polls. An empty list would reset the
  // service's settings.
  const missed: string[] = [];
  restarted.subscribe(String(NOW - 10_000), ({ id, seq }) => missed.push(`${id}.${seq}`));
  const service = createActionService({
    ruleEvaluator: restarted,
    queryClient,
    listForcedBreakers: () => [],
    isRestored: () => restarted.isRestored,
  });
  expect(() => service.listActiveSettings(UNRESTRICTED_SCOPE)).toThrow(/still being loaded/);
  expect(await restarted.runOnce(NOW + 1000)).toEqual([]);
  expect(service.listActiveSettings(UNRESTRICTED_SCOPE)).toMatchObject([{ value: 1.3, seq: 1 }]);
  expect(missed).toHaveLength(2);
  expect(shop.requests.length).toBe(1);
  expect(restarted.getActiveDecisions(NOW + 1000)).toMatchObject([{ value: 1.3, seq: 1 }]);
  // Demand is low again, and the queue has no data.
  const decisions = await restarted.runOnce(NOW + 120_000);
  expect(decisions.map(({ rule, status, value, seq }) => [rule, status, value, seq])).toEqual([
    ['demand-high', 'reset', 1, 2],
    ['more-workers', 'reset', 2, 2],
  ]);
  await waitFor(async () => shop.requests.length === 2);
  await restarted.stop();
});

it('returns scaling recommendations only to callers that can see hosts', async () => {
  const { value, recommendations } = await client.get('scaling', { queue: ['mails'] });
  expect(value).toBe(13);
  expect(recommendations).toMatchObject([
    {
      kind: 'queue',
      name: 'mails',
      desired: 13,
      backlog: 600,
      processingTime: 500,
      reason: '12 arriving per second, 600 waiting to clear within 60 s, 500 ms each: 13',
    },
  ]);
  const services = await client.get('scaling', { service: ['booking'], concurrency: 10, min: 2 });
  expect(services.recommendations).toMatchObject([
    { kind: 'service', name: 'booking', desired: 2 },
  ]);
  await expect(client.get('scaling', { min: 5, max: 2 })).rejects.toThrow(/above max/);
  api.role = 'VIEWER';
  await expect(client.get('scaling')).rejects.toThrow(/can't view hosts/);
});

it('uses the latest backlog, even at the start of a minute', async () => {
  const minute = NOW - 40_000;
  addQueueRows(minute - 20_000, 0, 60, 'invoices');
  addQueueRows(minute + 5000, 1200, 0, 'invoices');
  await api.waitUntilStored();
  api.now = () => minute + 10_000;
  const { recommendations } = await client.get('scaling', { queue: ['invoices'] });
  // 1 per second × 0.5 s, plus 1200 × 0.5 s in 60 s.
  expect(recommendations).toMatchObject([{ desired: 11, backlog: 1200, arrivalRate: 1 }]);
  api.now = () => NOW;
});

it("forces a breaker open while an alert fires and the alert's rule has data", async () => {
  const { queryClient, add, flush } = api.dependencies;
  const file = join(api.questdb.folder, 'alert-rules.yaml');
  writeFileSync(
    file,
    `rules:
  - name: gateway-slow
    measure: { type: API_RESPONSE_TIME, aggregate: mean, groupBy: [service], window: 1m }
    thresholds: { high: 50 }
    noDataAfter: 1m
    annotations: { breaker: "{{ $labels.service }}-gateway" }
`,
  );
  let now = NOW;
  const evaluator = createEvaluator({
    queryClient,
    add,
    flush,
    rulesFile: file,
    now: () => now,
  });
  await evaluator.runOnce(NOW);
  const listForcedBreakers = createForcedBreakerLookup(evaluator);
  expect(listForcedBreakers(UNRESTRICTED_SCOPE)).toMatchObject([
    { name: 'booking-gateway', rule: 'gateway-slow', leaseMs: 60_000 },
  ]);
  expect(listForcedBreakers(createOrganizationScope('grand-hotels'))).toEqual([]);
  now = NOW + 59_000;
  expect(listForcedBreakers(UNRESTRICTED_SCOPE)).toMatchObject([{ leaseMs: 1000 }]);
  // The rule was not evaluated for two intervals. The alert still fires, but opens no breaker.
  now = NOW + 61_000;
  expect(listForcedBreakers(UNRESTRICTED_SCOPE)).toEqual([]);
  // The data stopped, so the alert resolves.
  for (now = NOW + 60_000; now <= NOW + 420_000; now += 60_000) await evaluator.runOnce(now);
  expect(listForcedBreakers(UNRESTRICTED_SCOPE)).toEqual([]);
});
