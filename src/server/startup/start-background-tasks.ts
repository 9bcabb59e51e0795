import type { StartupConfig } from '../../core/config/startup-config.ts';
import type { Logger } from '../../core/log.ts';
import { RollupRepairJob } from '../../storage/migrations/rollup-repair-job.ts';
import type { QuestdbInstance } from '../../storage/questdb/open-questdb.ts';
import type { QuestdbQueryClient } from '../../storage/questdb/query-client.ts';
import type { StorageMonitor } from '../../storage/questdb/storage-monitor.ts';
import { isStoringRows } from '../../storage/questdb/storage-status.ts';
import type { AgentVersionMonitor } from '../agent-package/agent-version-monitor.ts';
import type { AlertEvaluator } from '../alerts/alert-evaluator.ts';
import { SentryForwarder } from '../error-tracking/sentry-forwarder.ts';
import type { ActionParts } from './create-actions.ts';
import type { NotifierParts } from './create-alerting.ts';
import type { ServerParts } from './part-lifecycle.ts';

interface JobDependencies {
  readonly config: StartupConfig;
  readonly log: Logger;
  readonly questdb: QuestdbInstance;
  readonly queryClient: QuestdbQueryClient;
  readonly monitor: StorageMonitor;
  readonly agentVersions: AgentVersionMonitor;
}

/** Starts the jobs that work on stored data, such as roll-up repair. */
export async function startStorageJobs(
  parts: ServerParts,
  { config: { settings }, log, questdb, queryClient, monitor, agentVersions }: JobDependencies,
): Promise<void> {
  const rollupRepair = new RollupRepairJob({
    target: () => questdb.getTargets().write,
    retention: settings.retention,
    isStoringRows: () => isStoringRows(monitor.status),
    log,
  });
  await parts.start({
    name: 'the roll-up repair',
    start: () => rollupRepair.start(),
    stop: () => rollupRepair.stop(),
  });
  const dsn = settings.PERFORMANCE_SENTRY_DSN;
  if (dsn) {
    const forwarder = new SentryForwarder({ dsn, read: queryClient.read, log });
    await parts.start({
      name: 'the Sentry forwarder',
      start: () => forwarder.start(),
      stop: () => forwarder.stop(),
    });
  }
  await parts.start({
    name: 'the agent version check',
    start: () => agentVersions.start(),
    stop: () => agentVersions.stop(),
  });
}

interface AlertingDependencies {
  readonly config: StartupConfig;
  readonly evaluator: AlertEvaluator;
  readonly notifications: NotifierParts;
  readonly actions: ActionParts;
}

/** Starts alerting and actions. The alert evaluator starts last, so it stops before the notifier. */
export async function startAlertingAndActions(
  parts: ServerParts,
  { config: { settings }, evaluator, notifications, actions }: AlertingDependencies,
): Promise<void> {
  const { notifier, peopleStore } = notifications;
  await parts.start({
    name: 'the people store',
    start: () => peopleStore.watch(),
    stop: () => peopleStore.close(),
  });
  await parts.start({
    name: 'the notifier',
    start: () => notifier.start(),
    stop: () => notifier.stop(),
  });
  const { scalingRecorder, ruleEvaluator } = actions;
  await parts.start({
    name: 'the scaling recorder',
    start: () => (settings.enabled ? scalingRecorder.start() : undefined),
    stop: () => scalingRecorder.stop(),
  });
  await parts.start({
    name: 'the business rule evaluator',
    start: () => ruleEvaluator.start(),
    stop: () => ruleEvaluator.stop(),
  });
  await parts.start({
    name: 'the alert evaluator',
    start: () => (settings.PERFORMANCE_ALERTS_ENABLED ? evaluator.start() : undefined),
    stop: () => evaluator.stop(),
  });
}
