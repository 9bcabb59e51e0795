import { expect, it } from 'vitest';
import {
  type Decision,
  decideSetting,
  INITIAL_SETTING_STATE,
} from '../../../../src/server/actions/business-rules/decide-setting.ts';
import {
  DecisionWebhooks,
  type PostWebhook,
} from '../../../../src/server/actions/business-rules/decision-webhooks.ts';
import { loadTestRules, PRICING_RULES } from '../../../support/business-rule-fixtures.ts';
import { waitFor } from '../../../support/wait-for.ts';

const RULES = loadTestRules(
  `webhooks: [{ name: shop, url: https://shop.example/, secretFile: /secret }]${PRICING_RULES}    webhooks: [shop]\n`,
);

function makeDecision(value: number, now = Date.now()): Decision {
  const evaluation = { holds: true, targetValue: value, facts: {} };
  const { decision } = decideSetting(
    RULES.rules[0]!,
    { propertyId: 'a' },
    INITIAL_SETTING_STATE,
    evaluation,
    now,
  );
  return decision!;
}

/** Records the outcome of each decision and the key of each request. */
function createWebhooks(post: PostWebhook) {
  const outcomes: string[] = [];
  const keys: string[] = [];
  const webhooks = new DecisionWebhooks(
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

it('retries with the same key until the webhook accepts the decision', async () => {
  let attempts = 0;
  const { webhooks, outcomes, keys } = createWebhooks(async () => {
    attempts += 1;
    return attempts === 1 ? { status: 'retryable', reason: 'busy' } : { status: 'delivered' };
  });
  webhooks.send(makeDecision(1.1), RULES);
  await waitFor(async () => outcomes.length === 1);
  expect(outcomes).toEqual(['1.1 webhook:shop delivered']);
  expect(keys.length).toBe(2);
  expect(new Set(keys).size).toBe(1);
});

it('reports why a delivery failed', async () => {
  const { webhooks, outcomes } = createWebhooks(async () => ({
    status: 'permanent',
    reason: 'gone',
  }));
  webhooks.send(makeDecision(1.1), RULES);
  webhooks.send({ ...makeDecision(1.1, Date.now() - 3_600_000), propertyId: 'b' }, RULES);
  await waitFor(async () => outcomes.length === 2);
  expect(outcomes.toSorted()).toEqual([
    '1.1 webhook:shop failed gone',
    '1.1 webhook:shop failed the decision expired before it was sent',
  ]);
});

it('stops retrying a decision after a newer decision replaces it, and stops all retries at shutdown', async () => {
  const { webhooks, outcomes, keys } = createWebhooks(async (_webhook, body) =>
    body.includes('"value":1.1') ? { status: 'retryable' } : { status: 'delivered' },
  );
  webhooks.send(makeDecision(1.1), RULES);
  await waitFor(async () => keys.length === 1);
  webhooks.send(makeDecision(1.05), RULES);
  await waitFor(async () => outcomes.length === 1);
  expect(outcomes).toEqual(['1.05 webhook:shop delivered']);
  webhooks.send(makeDecision(1.1), RULES);
  await webhooks.stop();
  expect(outcomes.length).toBe(1);
});
