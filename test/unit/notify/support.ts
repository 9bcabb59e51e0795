import type { KnownAlert } from '../../../src/notify/alert.ts';
import { loadNotifyPlan } from '../../../src/notify/plan/load.ts';
import type { NotifyPlan } from '../../../src/notify/plan/plan.ts';

export const NOW = Date.UTC(2030, 0, 15, 12);

export function planOf(text: string): NotifyPlan {
  return loadNotifyPlan('Europe/Vienna', { name: 'notify.yaml', text });
}

let made = 0;

export function alertOf(more: Partial<KnownAlert> = {}): KnownAlert {
  return {
    id: `a${made++}`,
    rule: 'error-rate',
    state: 'firing',
    severity: 'warning',
    labels: {},
    annotations: {},
    runbook: undefined,
    value: 1,
    threshold: 1,
    cause: undefined,
    author: undefined,
    comment: undefined,
    startedMs: NOW,
    firedMs: NOW,
    changedMs: NOW,
    ...more,
  };
}
