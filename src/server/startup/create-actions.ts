import type { Agent } from '../../agent/agent.ts';
import { errorMessage } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import { isVisibleInScope, type TenantScope, UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
import { createActionService } from '../actions/action-service.ts';
import type { ActionService, ForcedBreakerView } from '../actions/action-views.ts';
import { BusinessRuleEvaluator } from '../actions/business-rules/business-rule-evaluator.ts';
import type { PostWebhook } from '../actions/business-rules/decision-webhooks.ts';
import type { RuleWebhookConfig } from '../actions/business-rules/load-business-rules.ts';
import { ScalingRecorder } from '../actions/scaling/scaling-recorder.ts';
import type { AlertEvaluator } from '../alerts/alert-evaluator.ts';
import { toAlert } from '../alerts/evaluation/alert-transition.ts';
import { readCertificates, readSecret } from '../notifications/channels/secret-file.ts';
import { getUrlError } from '../notifications/outgoing-http/address-policy.ts';
import { postSigned } from '../notifications/outgoing-http/signed-post.ts';

export interface CreateActionsOptions {
  readonly agent: Agent;
  readonly evaluator: AlertEvaluator;
  readonly queryClient: QueryClient;
  readonly log: Logger;
}

const WEBHOOK_TIMEOUT_MS = 10_000;
/** A server may have no rule whose alerts would have to be read; breakers wait no longer than this. */
const MAX_ALERT_RESTORE_WAIT_MS = 60_000;

/** Who decides by business rules and who recommends, with the parts of a server. They have not begun. */
export function createActions({
  agent: monitor,
  evaluator,
  queryClient: store,
  log,
}: CreateActionsOptions): {
  readonly ruleEvaluator: BusinessRuleEvaluator;
  readonly service: ActionService;
  readonly recommender: ScalingRecorder;
} {
  const { deferredWriter: outlet, config: started } = monitor;
  const { settings } = started;
  const evaluates = settings.PERFORMANCE_ALERTS_ENABLED;
  const latestMs = Date.now() + MAX_ALERT_RESTORE_WAIT_MS;
  const decider = new BusinessRuleEvaluator({
    store,
    log,
    add: outlet.add,
    post: postDecision,
    validateWebhookUrl: validateWebhookUrl,
    flush: async () => outlet.writer?.flush(),
    path: settings.PERFORMANCE_BUSINESS_RULES_FILE,
  });
  const desk = createActionService({
    ruleEvaluator: decider,
    store,
    listForcedBreakers: createForcedBreakerLookup(evaluator),
    isRestored: () =>
      decider.isRestored && (evaluator.isRestored || !evaluates || Date.now() > latestMs),
  });
  const recommender = new ScalingRecorder({
    add: outlet.add,
    origin: started.resource,
    recommend: (ask) => desk.recommendScaling(ask, UNRESTRICTED_SCOPE),
  });
  return { ruleEvaluator: decider, service: desk, recommender };
}

/** Why a webhook's address is not allowed, as that of a channel would not be. */
export function validateWebhookUrl(webhook: RuleWebhookConfig): string | undefined {
  return getUrlError(new URL(webhook.url), webhook);
}

/** Signed as the messages of the webhook channel are. */
export const postDecision: PostWebhook = async (webhook, body, key) => {
  try {
    const url = new URL(webhook.url);
    const secret = readSecret(webhook.secretFile);
    const ca = readCertificates(webhook.caFile);
    return await postSigned(
      { url, body, policy: webhook, ca, now: Date.now, secret, key },
      AbortSignal.timeout(WEBHOOK_TIMEOUT_MS),
    );
  } catch (error) {
    return { status: 'retryable', reason: errorMessage(error) };
  }
};

/** Evaluations after whose time an alert that nobody confirms opens no breaker any more. */
const LEASE_INTERVALS = 2;
/** Longer than services wait until they ask again. */
const MIN_LEASE_MS = 10_000;

/**
 * The breakers that alerts want to be open: those that fire and have an annotation or a label `breaker`.
 * Each counts for two intervals from the last evaluation that was answered, so that an alert that only
 * stands because QuestDB is away holds nothing open.
 */
export function createForcedBreakerLookup(
  evaluator: AlertEvaluator,
): (scope: TenantScope) => ForcedBreakerView[] {
  /** When each rule was last evaluated on data. */
  const answered = new Map<string, number>();
  return (scope) => {
    const now = evaluator.now();
    return [...evaluator.alertStates.listLive()].flatMap(({ transition, value }) => {
      const fires = transition.state === 'firing' || transition.state === 'acknowledged';
      const rule = evaluator.ruleNamed(transition.rule);
      if (!fires || !rule || !isVisibleInScope(transition, scope)) return [];
      const { id, annotations, labels } = toAlert(transition, rule, value);
      const name = annotations.breaker ?? labels.breaker;
      if (!name) return [];
      const health = evaluator.ruleHealth.get(rule.name);
      if (health?.result === 'answered') answered.set(rule.name, health.evaluatedMs);
      const since = answered.get(rule.name) ?? transition.timestamp;
      const leaseMs = since + Math.max(MIN_LEASE_MS, LEASE_INTERVALS * rule.intervalMs) - now;
      return leaseMs > 0 ? [{ name, alertId: id, rule: rule.name, leaseMs }] : [];
    });
  };
}
