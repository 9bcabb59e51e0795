import { expect, it } from 'vitest';
import { type Decision, decide, UNTOUCHED } from '../../../src/actions/rules/decide.ts';
import { type Post, Webhooks } from '../../../src/actions/rules/run/webhooks.ts';
import { until } from '../../support/until.ts';
import { load, PRICING } from './support.ts';

const RULES = load(
  `webhooks: [{ name: shop, url: https://shop.example/, secretFile: /secret }]${PRICING}    webhooks: [shop]\n`,
);

function decided(value: number, now = Date.now()): Decision {
  const judgement = { holds: true, wanted: value, facts: {} };
  const { decision } = decide(RULES.rules[0]!, { propertyId: 'a' }, UNTOUCHED, judgement, now);
  return decision!;
}

/** What became of each decision, and how often it was posted. */
function watched(post: Post) {
  const outcomes: string[] = [];
  const keys: string[] = [];
  const webhooks = new Webhooks(
    (webhook, body, key) => {
      keys.push(key);
      return post(webhook, body, key);
    },
    ({ value }, author, { status, reason }) => {
      outcomes.push(`${value} ${author} ${status} ${reason}`.trim());
    },
  );
  return { webhooks, outcomes, keys };
}

it('posts again, under the same key, until it is taken', async () => {
  let attempts = 0;
  const { webhooks, outcomes, keys } = watched(async () => {
    attempts += 1;
    return attempts === 1 ? { status: 'retryable', reason: 'busy' } : { status: 'delivered' };
  });
  webhooks.send(decided(1.1), RULES);
  await until(async () => outcomes.length === 1);
  expect(outcomes).toEqual(['1.1 webhook:shop delivered']);
  expect(keys.length).toBe(2);
  expect(new Set(keys).size).toBe(1);
});

it('says why it was not taken', async () => {
  const { webhooks, outcomes } = watched(async () => ({ status: 'permanent', reason: 'gone' }));
  webhooks.send(decided(1.1), RULES);
  webhooks.send({ ...decided(1.1, Date.now() - 3_600_000), propertyId: 'b' }, RULES);
  await until(async () => outcomes.length === 2);
  expect(outcomes.toSorted()).toEqual([
    '1.1 webhook:shop failed gone',
    '1.1 webhook:shop failed it expired before it was sent',
  ]);
});

it('gives an older decision up for a newer one, and all when it ends', async () => {
  const { webhooks, outcomes, keys } = watched(async (_webhook, body) =>
    body.includes('"value":1.1') ? { status: 'retryable' } : { status: 'delivered' },
  );
  webhooks.send(decided(1.1), RULES);
  await until(async () => keys.length === 1);
  webhooks.send(decided(1.05), RULES);
  await until(async () => outcomes.length === 1);
  expect(outcomes).toEqual(['1.05 webhook:shop delivered']);
  webhooks.send(decided(1.1), RULES);
  await webhooks.stop();
  expect(outcomes.length).toBe(1);
});
