import { expect, it } from 'vitest';
import { AlertExplainer } from '../../../../src/server/alerts/explanation/alert-explainer.ts';
import type { QueryClient } from '../../../../src/storage/questdb/query-client.ts';
import { makeRule, runRule, T0 } from '../../../support/alert-rule-fixtures.ts';

const RULE = makeRule('thresholds: { warning: 10 }');
const [FIRED] = runRule(RULE, [[0, 20]]).transitions;

/** Creates an explainer for a QuestDB that is unreachable. */
function createExplainer() {
  const causes: string[] = [];
  const ticks = new Set<number>();
  let tick = 0;
  const fail = async () => {
    ticks.add(tick);
    throw new Error('QuestDB is unreachable');
  };
  const queryClient: QueryClient = { getCatalog: fail, read: fail };
  const explainer = new AlertExplainer(queryClient, (_id, cause) => causes.push(cause));
  const retryAt = async (seconds: number) => {
    tick++;
    explainer.retry(T0 + seconds * 1000);
    await explainer.whenIdle();
    return ticks.size;
  };
  return { explainer, retryAt, causes };
}

it('tries again later if the explanation failed, up to four times', async () => {
  const { explainer, retryAt, causes } = createExplainer();
  explainer.enqueue(FIRED!, undefined, RULE);
  await explainer.whenIdle();
  const attempts: number[] = [];
  for (const seconds of [3, 6, 33, 36, 96, 99, 219, 222, 1000]) {
    attempts.push(await retryAt(seconds));
  }
  expect(attempts).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 4]);
  expect(causes).toEqual([]);
});

it('does not explain an alert that was resolved in the meantime', async () => {
  const { explainer, retryAt } = createExplainer();
  explainer.enqueue(FIRED!, undefined, RULE);
  await explainer.whenIdle();
  await retryAt(3);
  explainer.enqueue({ ...FIRED!, state: 'resolved' }, FIRED, RULE);
  expect(await retryAt(60)).toBe(1);
});
