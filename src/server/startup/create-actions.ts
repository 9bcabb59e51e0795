import type { Agent } from '../../agent/agent.ts';
import type { Logger } from '../../core/log.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import { isVisibleInScope, type TenantScope, UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
import { createActionService } from '../actions/action-service.ts';
import type { ActionService, ForcedBreakerView } from '../actions/action-views.ts';
import { BusinessRuleScheduler } from '../actions/business-rules/business-rule-scheduler.ts';
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
/**
 * Longest time for which forced breakers wait for the alert states, which might never be restored.
 */
const MAX_ALERT_RESTORE_WAIT_MS = 60_000;

export interface ActionParts {
  readonly ruleEvaluator: BusinessRuleScheduler;
  readonly service: ActionService;
  readonly scalingRecorder: ScalingRecorder;
}

/** Creates the business rule evaluator, the scaling recorder, and the service behind their endpoints. */
export function createActions({
  agent,
  evaluator,
  queryClient,
  log,
}: CreateActionsOptions): ActionParts {
  const { deferredWriter, config } = agent;
  const { settings } = config;
  const evaluatesAlerts = settings.PERFORMANCE_ALERTS_ENABLED;
  const restoreDeadlineMs = Date.now() + MAX_ALERT_RESTORE_WAIT_MS;
  const ruleEvaluator = new BusinessRuleScheduler({
    queryClient,
    log,
    add: deferredWriter.add,
    post: postDecision,
    validateWebhookUrl,
    flush: async () => deferredWriter.writer?.flush(),
    path: settings.PERFORMANCE_BUSINESS_RULES_FILE,
  });
  const service = createActionService({
    ruleEvaluator,
    queryClient,
    listForcedBreakers: createForcedBreakerLookup(evaluator),
    isRestored: () =>
      ruleEvaluator.isRestored &&
      (evaluator.isRestored || !evaluatesAlerts || Date.now() > restoreDeadlineMs),
  });
  const scalingRecorder = new ScalingRecorder({
    add: deferredWriter.add,
    resource: config.resource,
    recommend: (request) => service.recommendScaling(request, UNRESTRICTED_SCOPE),
  });
  return { ruleEvaluator, service, scalingRecorder };
}

/** Returns why the URL of a webhook is not allowed. The same policy applies to webhook channels. */
export function validateWebhookUrl(webhook: RuleWebhookConfig): string | undefined {
  return getUrlError(new URL(webhook.url), webhook);
}

/** Posts a decision. Signs the request like the webhook channel does. */
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

/** Number of evaluation intervals after which an unconfirmed alert no longer forces a breaker open. */
const LEASE_INTERVALS = 2;
/** Longer than the interval at which services poll the server. */
const MIN_LEASE_MS = 10_000;

/**
 * Returns a function that lists the breakers to force open. A firing alert names the breaker in its
 * `breaker` annotation or label. Each lease lasts two evaluation intervals from the last evaluation
 * that got data. Without data from QuestDB, an alert keeps firing, but it must not keep a breaker
 * open.
 */
export function createForcedBreakerLookup(
  evaluator: AlertEvaluator,
): (scope: TenantScope) => ForcedBreakerView[] {
  /** The time at which each rule was last evaluated with data, by rule name. */
  const lastDataMs = new Map<string, number>();
  return (scope) => {
    const now = evaluator.now();
    return [...evaluator.alertStates.listLive()].flatMap(({ transition, value }) => {
      const isFiring = transition.state === 'firing' || transition.state === 'acknowledged';
      const rule = evaluator.findRule(transition.rule);
      if (!isFiring || !rule || !isVisibleInScope(transition, scope)) return [];
      const { id, annotations, labels } = toAlert(transition, rule, value);
      const name = annotations.breaker ?? labels.breaker;
      if (!name) return [];
      const health = evaluator.ruleHealth.get(rule.name);
      if (health?.result === 'succeeded') lastDataMs.set(rule.name, health.evaluatedMs);
      const sinceMs = lastDataMs.get(rule.name) ?? transition.timestamp;
      const leaseMs = sinceMs + Math.max(MIN_LEASE_MS, LEASE_INTERVALS * rule.intervalMs) - now;
      return leaseMs > 0 ? [{ name, alertId: id, rule: rule.name, leaseMs }] : [];
    });
  };
}
