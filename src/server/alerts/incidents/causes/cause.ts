/** What kind of signal a cause is. */
export const CAUSE_KINDS = [
  'version',
  'restart',
  'requests',
  'arrivals',
  'failed_calls',
  'call_time',
  'statement_time',
  'breaker',
  'connection_wait',
  'stuck_queue',
  'cpu',
  'memory',
  'event_loop',
  'errors',
  'job_failures',
  'job_time',
  'endpoint_time',
] as const;
export type CauseKind = (typeof CAUSE_KINDS)[number];

/** Units of a cause's values. `1/min` is a rate, and `1` a number without a unit. */
export type CauseUnit = 'ms' | '%' | '1/min' | '1';

/** A change that probably led to the alerts of an incident. Times are in ms since the epoch. */
export interface Cause {
  readonly kind: CauseKind;
  /** The object that changed, such as a statement, a host, a queue, or an endpoint. */
  readonly subject: string;
  readonly service: string | undefined;
  /** One sentence, such as ``90 % of calls to `payments.example` are failing, up from 0 %``. */
  readonly text: string;
  /** When the change began. */
  readonly onsetMs: number;
  /** Mean of the minutes before the onset. */
  readonly before: number;
  /** Mean since the onset. */
  readonly now: number;
  readonly unit: CauseUnit;
  /** Comparison with earlier hours, such as `higher than in the 6 hours before`. */
  readonly evidence: string;
  /** ID of the recorded or detected deploy that is the cause. */
  readonly deployId?: string | undefined;
}
