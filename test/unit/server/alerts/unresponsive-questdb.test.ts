import { afterEach, expect, it } from 'vitest';
import type { AlertEvaluator } from '../../../../src/server/alerts/alert-evaluator.ts';
import { createFailFastClient } from '../../../../src/storage/questdb/fail-fast-client.ts';
import { createEmptyClient, createEvaluator } from '../../../support/alert-fixtures.ts';

let evaluator: AlertEvaluator;
afterEach(() => evaluator.stop());

it('raises database-unavailable as soon as an unresponsive QuestDB is detected', async () => {
  const unreachable = new AbortController();
  const hang = () => new Promise<never>(() => {});
  evaluator = createEvaluator({
    queryClient: createFailFastClient(
      { read: hang, scan: hang, getCatalog: hang },
      { unreachableSignal: unreachable.signal },
    ),
    add: () => {},
    flush: async () => {},
    getCompleteness: () => ({
      isReachable: !unreachable.signal.aborted,
      lastDegradedMs: undefined,
    }),
  });
  const listAlerts = () =>
    [...evaluator.alertStates.listLive()].map(({ transition: { rule, state } }) => [rule, state]);
  evaluator.start();
  expect(listAlerts()).toEqual([]);
  unreachable.abort(new Error('no response for 5 s'));
  await evaluator.evaluateInternalRules();
  expect(listAlerts()).toEqual([['database-unavailable', 'pending']]);
});

it('evaluates nothing while the evaluator is stopped', async () => {
  evaluator = createEvaluator({
    queryClient: createEmptyClient(),
    add: () => {},
    flush: async () => {},
    getCompleteness: () => ({ isReachable: false, lastDegradedMs: undefined }),
  });
  await evaluator.evaluateInternalRules();
  expect([...evaluator.alertStates.listLive()]).toEqual([]);
});
