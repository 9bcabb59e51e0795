import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { actions } from './actions.ts';
import { alerts } from './alerts.ts';
import { api } from './api.ts';
import { database } from './database.ts';
import { overview } from './overview.ts';
import { prometheus } from './prometheus.ts';
import { queues } from './queues.ts';
import { selfMonitoring } from './self-monitoring.ts';
import { system } from './system.ts';
import { targets } from './targets.ts';
import { tenants } from './tenants.ts';
import { trends } from './trends.ts';

export const DASHBOARDS: readonly Dashboard[] = [
  ...[overview, api, database, queues, system, trends],
  ...[alerts, actions, tenants, targets, selfMonitoring, prometheus],
];
