import { createError } from '../../core/errors.ts';
import { isVisibleInScope, type TenantScope } from '../../core/tenant-scope.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
import type { ActionService, ForcedBreakerView } from './action-views.ts';
import type { BusinessRuleEvaluator } from './business-rules/business-rule-evaluator.ts';
import { readDecisions, toDecisionView } from './business-rules/stored-decisions.ts';
import {
  recommendQueueWorkers,
  recommendServiceReplicas,
} from './scaling/scaling-recommendation.ts';

export interface ActionServiceOptions {
  readonly ruleEvaluator: BusinessRuleEvaluator;
  readonly store: QueryClient;
  /** Whether it is known what counts: after a start it takes a moment. */
  readonly isRestored: () => boolean;
  /** Breakers that alerts want to be open. */
  readonly listForcedBreakers: (scope: TenantScope) => readonly ForcedBreakerView[];
}

/** Reads what is decided and recommended. */
export function createActionService({
  ruleEvaluator: decider,
  store,
  listForcedBreakers: forced,
  isRestored: isKnown,
}: ActionServiceOptions): ActionService {
  return {
    listForcedBreakers: forced,

    listActiveSettings(scope) {
      // Without an answer services go on with what they have heard; an empty one would end it.
      if (!isKnown())
        throw createError('PS_UNAVAILABLE', { reason: 'what counts is still being read' });
      const now = decider.now();
      return decider
        .getActiveDecisions(now)
        .filter((decision) => isVisibleInScope(decision, scope))
        .map((decision) => ({
          ...toDecisionView(decision),
          remainingMs: (decision.expiresAt ?? now) - now,
        }));
    },

    listDecisions: (filter, scope) => readDecisions(store, filter, scope),

    async recommendScaling({ queue, service, stabilizationMs, ...target }, scope) {
      const now = decider.now();
      const asked = { scope, target, stabilizationMs, now };
      // Who names one kind only asks for that one.
      const wantsQueues = queue !== undefined || service === undefined;
      const wantsServices = service !== undefined || queue === undefined;
      const [queues, services] = await Promise.all([
        wantsQueues ? recommendQueueWorkers(store, { ...asked, filter: queue && { queue } }) : [],
        wantsServices
          ? recommendServiceReplicas(store, { ...asked, filter: service && { service } })
          : [],
      ]);
      return [...queues, ...services];
    },

    getPosition: () => decider.getPosition(),

    subscribe(scope, position, hear) {
      return decider.subscribe(position, (decision, at) => {
        if (isVisibleInScope(decision, scope))
          hear({ position: at, decision: toDecisionView(decision) });
      });
    },
  };
}
