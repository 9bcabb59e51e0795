import { createError } from '../../core/perfscope-error.ts';
import { isInQueueScope } from '../../core/queue-scope.ts';
import { isVisibleInScope, type TenantScope } from '../../core/tenant-scope.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
import type { ActionService, ForcedBreakerView } from './action-views.ts';
import type { BusinessRuleScheduler } from './business-rules/business-rule-scheduler.ts';
import { readDecisions, toDecisionView } from './business-rules/stored-decisions.ts';
import { recommendQueueWorkers } from './scaling/scaling-recommendation.ts';
import { recommendServiceReplicas } from './scaling/service-recommendation.ts';

export interface ActionServiceOptions {
  readonly ruleEvaluator: BusinessRuleScheduler;
  readonly queryClient: QueryClient;
  /** Whether decisions and alerts from before startup have been loaded. */
  readonly isRestored: () => boolean;
  /** Lists the breakers that alerts force open. */
  readonly listForcedBreakers: (scope: TenantScope) => readonly ForcedBreakerView[];
}

/** Creates the service behind the endpoints for decisions, active settings, and scaling. */
export function createActionService({
  ruleEvaluator,
  queryClient,
  listForcedBreakers,
  isRestored,
}: ActionServiceOptions): ActionService {
  return {
    listForcedBreakers,

    listActiveSettings(scope) {
      // On an error, services keep their settings. An empty list would reset them.
      if (!isRestored())
        throw createError('PS_UNAVAILABLE', { reason: 'active settings are still being loaded' });
      const now = ruleEvaluator.now();
      return ruleEvaluator
        .getActiveDecisions(now)
        .filter((decision) => isVisibleInScope(decision, scope))
        .map((decision) => ({
          ...toDecisionView(decision),
          remainingMs: (decision.expiresAt ?? now) - now,
        }));
    },

    listDecisions: (filter, scope) => readDecisions(queryClient, filter, scope),

    async recommendScaling({ queue, queueScope, service, stabilizationMs, ...target }, scope) {
      const query = { scope, target, stabilizationMs, now: ruleEvaluator.now() };
      // If a request specifies only queues or only services, the response contains only those.
      const hasQueueFilter = (queue ?? queueScope) !== undefined;
      const includesQueues = hasQueueFilter || service === undefined;
      const includesServices = service !== undefined || !hasQueueFilter;
      const [queues, services] = await Promise.all([
        includesQueues
          ? recommendQueueWorkers(queryClient, { ...query, filter: queue && { queue } })
          : [],
        includesServices
          ? recommendServiceReplicas(queryClient, { ...query, filter: service && { service } })
          : [],
      ]);
      const selected = queues.filter(({ scope: each }) => isInQueueScope(each, queueScope));
      return [...selected, ...services];
    },

    getPosition: (scope) => ruleEvaluator.getPosition(scope),

    subscribe(scope, position, listener) {
      return ruleEvaluator.subscribe(position, (decision, decisionPosition) => {
        if (isVisibleInScope(decision, scope))
          listener({ position: decisionPosition, decision: toDecisionView(decision) });
      });
    },
  };
}
