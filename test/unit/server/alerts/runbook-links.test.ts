import { afterEach, expect, it } from 'vitest';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import type { AlertEvaluator } from '../../../../src/server/alerts/alert-evaluator.ts';
import { createAlertService } from '../../../../src/server/alerts/service/alert-service.ts';
import { createEmptyClient, createEvaluator } from '../../../support/alert-fixtures.ts';

const queryClient = createEmptyClient();
let evaluator: AlertEvaluator;
afterEach(() => evaluator.stop());

/** Returns the runbook of the rule `cpu` and of its alert, wherever the API shows it. */
async function listRunbooks(publicUrl?: string) {
  evaluator = createEvaluator({ queryClient, add: () => {}, flush: async () => {} });
  const service = createAlertService(evaluator, queryClient, publicUrl);
  const streamed: unknown[] = [];
  const stop = service.subscribe(UNRESTRICTED_SCOPE, undefined, ({ alert }) =>
    streamed.push(alert.runbook),
  );
  const now = evaluator.now();
  const labels = { host: 'web-1' };
  const observation = { labels, value: 99, count: 10, newestMs: now, coveredMs: 300_000 };
  evaluator.alertStates.evaluate(evaluator.findRule('cpu')!, [observation], now);
  stop();
  const [alert] = await service.listAlerts({}, UNRESTRICTED_SCOPE);
  const history = await service.getHistory(alert!.id, UNRESTRICTED_SCOPE);
  const { rules } = await service.listRules(UNRESTRICTED_SCOPE);
  const rule = rules.find(({ name }) => name === 'cpu');
  return [...streamed, alert?.runbook, history.alert.runbook, rule?.runbook];
}

it('links to the runbook relative to the server', async () => {
  expect(await listRunbooks()).toEqual(Array.from({ length: 4 }, () => '/runbooks/cpu'));
});

it('links to the runbook with the public URL', async () => {
  const url = 'https://perfscope.hotel.example/runbooks/cpu';
  expect(await listRunbooks('https://perfscope.hotel.example/')).toEqual([url, url, url, url]);
});
