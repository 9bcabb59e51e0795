import type { Labels } from '../../../core/alerts/alert.ts';
import { withQueryTimeout } from '../../../core/concurrency.ts';
import { getSeverityRank } from '../../../core/schema/enums.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { Transition } from '../evaluation/alert-transition.ts';
import { toWatchedMeasure } from '../rule-queries/query-anomalies.ts';
import type { AlertRule, Measure } from '../rules/alert-rule.ts';
import { analyzeBreach } from './analyze-breach.ts';
import { formatCause } from './format-cause.ts';

const EXPLANATION_TIMEOUT_MS = 10_000;
/**
 * Limit on queued explanations. During an alert storm, later explanations would mostly repeat the
 * first explanations.
 */
const MAX_PENDING = 50;
/** Wait before the second attempt, in ms. Each further wait is twice as long. */
const FIRST_RETRY_MS = 30_000;
const MAX_ATTEMPTS = 4;

/** Returns the evidence of the forecast with these labels. */
export type ExplainForecast = (labels: Labels, now: number) => string | undefined;

/** An alert to explain. */
interface Explanation {
  readonly id: string;
  readonly measure: Measure;
  readonly group: Labels;
  readonly value: number;
  /** Text that comes before the explanation. */
  readonly prefix: string | undefined;
  /** Time at which the alert fired. The explanation describes the window before. */
  readonly firedMs: number;
  readonly attempts: number;
}

interface Retry {
  readonly explanation: Explanation;
  /** Undefined until the next call of `retry`. */
  readonly dueMs: number | undefined;
}

/**
 * Explains alerts after they start firing or get a higher severity. Alerts are sent without waiting
 * for the explanation. If QuestDB is too slow, or rows arrive late, the alert is explained later.
 */
export class AlertExplainer {
  readonly #queryClient: QueryClient;
  readonly #onExplained: (id: string, cause: string) => void;
  readonly #explainForecast: ExplainForecast;
  readonly #retries = new Map<string, Retry>();
  #pending = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(
    queryClient: QueryClient,
    onExplained: (id: string, cause: string) => void,
    explainForecast: ExplainForecast = () => undefined,
  ) {
    this.#queryClient = queryClient;
    this.#onExplained = onExplained;
    this.#explainForecast = explainForecast;
  }

  enqueue(transition: Transition, before: Transition | undefined, rule: AlertRule): void {
    const { state, severity, value, timestamp, id, labels } = transition;
    if (state === 'resolved') this.#retries.delete(id);
    const startedFiring = state === 'firing' && before?.state !== 'firing';
    const hasHigherSeverity =
      before !== undefined && getSeverityRank(severity) > getSeverityRank(before.severity);
    const { source } = rule;
    if (state === 'resolved' || state === 'pending' || !(startedFiring || hasHigherSeverity))
      return;
    this.#retries.delete(id);
    const group = JSON.parse(labels) as Labels;
    if (source.kind === 'forecast') this.#explainNow(id, group, timestamp);
    if (value === undefined || source.kind !== 'measure') return;
    const measure = toWatchedMeasure(source);
    const prefix = source.anomaly ? transition.cause : undefined;
    this.#explain({ id, measure, group, value, prefix, firedMs: timestamp, attempts: 1 });
  }

  /** Repeats the explanations that are due. Call it regularly. */
  retry(now: number): void {
    for (const [id, { explanation, dueMs }] of this.#retries) {
      if (dueMs === undefined) {
        const waitMs = FIRST_RETRY_MS * 2 ** (explanation.attempts - 1);
        this.#retries.set(id, { explanation, dueMs: now + waitMs });
      } else if (now >= dueMs) {
        this.#retries.delete(id);
        this.#explain({ ...explanation, attempts: explanation.attempts + 1 });
      }
    }
  }

  /** Resolves when all queued explanations are done or have failed. */
  async whenIdle(): Promise<void> {
    while (this.#pending > 0) await this.#last;
  }

  /** Explains an alert about a forecast, which is in memory, after the transition has been recorded. */
  #explainNow(id: string, group: Labels, now: number): void {
    this.#pending += 1;
    this.#last = this.#last.then(() => {
      this.#pending -= 1;
      const cause = this.#explainForecast(group, now);
      if (cause !== undefined) this.#onExplained(id, cause);
    });
  }

  #explain(explanation: Explanation): void {
    if (this.#pending >= MAX_PENDING) return;
    this.#pending += 1;
    const { id } = explanation;
    this.#last = this.#last
      .then(async () => {
        const breach = analyzeBreach(this.#queryClient, explanation);
        const cause = formatCause(await withQueryTimeout(EXPLANATION_TIMEOUT_MS, breach));
        if (cause === undefined) this.#retryLater(explanation);
        else this.#onExplained(id, joinCauses(explanation.prefix, cause));
      })
      .catch(() => this.#retryLater(explanation))
      .finally(() => {
        this.#pending -= 1;
      });
  }

  #retryLater(explanation: Explanation): void {
    if (explanation.attempts >= MAX_ATTEMPTS) return;
    this.#retries.set(explanation.id, { explanation, dueMs: undefined });
  }
}

function joinCauses(prefix: string | undefined, cause: string): string {
  return prefix === undefined ? cause : `${prefix}; ${cause}`;
}
