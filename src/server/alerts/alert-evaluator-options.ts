import type { AlertGroup } from '../../core/alerts/alert.ts';
import type { Logger } from '../../core/log.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { ScanClient } from '../../storage/questdb/query-client.ts';
import type { AlertDispatcherOptions } from './alert-dispatcher.ts';
import type { DataCompleteness } from './evaluation/data-completeness.ts';
import type { PipelineStats } from './rule-queries/internal-metrics.ts';
import type { ThresholdSettings } from './rules/environment-thresholds.ts';

/** What an `AlertEvaluator` needs. */
export interface AlertEvaluatorOptions {
  readonly queryClient: ScanClient;
  readonly add: AddRows;
  /** Sends the added rows. */
  readonly flush: () => Promise<void>;
  readonly pipelineStats: () => PipelineStats;
  /** Returns whether QuestDB contains all rows. Default: always. */
  readonly getCompleteness?: () => DataCompleteness;
  readonly settings: ThresholdSettings;
  /** Path of the user's rules file. It is read again when it changes. */
  readonly rulesFile?: string | undefined;
  readonly heartbeatUrl?: string | undefined;
  /** Interval at which services report their health, in ms. */
  readonly healthIntervalMs: number;
  /** IANA name of the time zone of daily and weekly patterns. Default: UTC. */
  readonly timeZone?: string | undefined;
  readonly log: Logger;
  /** Called with each group of alerts that is due to be sent. */
  readonly notify?: (group: AlertGroup) => void;
  /** Called after each evaluation with all alerts and the reasons why they aren't sent. */
  readonly onEvaluated?: AlertDispatcherOptions['onEvaluated'];
  readonly now?: () => number;
}
