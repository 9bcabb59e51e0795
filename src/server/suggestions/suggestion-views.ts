import type { TenantScope } from '../../core/tenant-scope.ts';
import type { Filter } from '../../storage/queries/query-definition.ts';
import type { TimeRange } from '../../storage/queries/time-range.ts';
import type { DismissalActor } from './dismissal-store.ts';
import type { ExplainDatabase, ExplainResult } from './explain/explain-result.ts';
import type { Suggestion, SuggestionKind } from './suggestion.ts';

/** A dismissal in responses. */
export interface DismissalView {
  readonly suggestionId: string;
  readonly kind: string;
  readonly title: string;
  /** Undefined if the caller can't undo the dismissal. */
  readonly author: string | undefined;
  readonly comment: string | undefined;
  readonly dismissedAt: Date;
  /** Undefined if the dismissal never ends. */
  readonly until: Date | undefined;
  /** Tenant whose people don't see the suggestion. Undefined for everyone. */
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
}

/** The result of EXPLAIN in responses. */
interface PlanView extends Omit<ExplainResult, 'atMs'> {
  readonly at: Date;
}

/** A suggestion in responses. */
export interface SuggestionView
  extends Omit<Suggestion, 'range' | 'firstSeenMs' | 'lastSeenMs' | 'savedMsPerSecond'> {
  readonly from: Date;
  readonly to: Date;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  readonly dismissal: DismissalView | undefined;
  /** The last EXPLAIN of the statement. Only for administrators, until the server restarts. */
  readonly plan: PlanView | undefined;
}

export interface SuggestionsRequest {
  readonly range: TimeRange;
  readonly filter: Filter;
  readonly organizationId?: readonly string[] | undefined;
  readonly propertyId?: readonly string[] | undefined;
  readonly kinds?: readonly SuggestionKind[] | undefined;
  /** Return the dismissed suggestions instead of the others. */
  readonly dismissed?: boolean | undefined;
}

interface SuggestionsView {
  readonly suggestions: readonly SuggestionView[];
  /** Dismissals in effect. Only if dismissed suggestions were requested. */
  readonly dismissals: readonly DismissalView[];
  /** Facts with too many groups to be read. */
  readonly incomplete: readonly string[];
}

/** The outcome of EXPLAIN: a plan, or the reason why the statement can't be explained. */
interface ExplainView {
  readonly suggestion: SuggestionView;
  readonly reason: string | undefined;
}

/** Finds, dismisses, and explains suggestions. */
export interface SuggestionService {
  /** @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG */
  list(request: SuggestionsRequest, scope: TenantScope): Promise<SuggestionsView>;
  /**
   * @param durationMs length of the dismissal. Undefined for a dismissal without an end.
   * @throws PS_NOT_FOUND, PS_QUOTA_REACHED, PS_UNAVAILABLE
   */
  dismiss(
    id: string,
    request: { readonly comment: string; readonly durationMs: number | undefined },
    actor: DismissalActor,
  ): Promise<DismissalView[]>;
  /** @throws PS_NOT_FOUND, PS_UNAVAILABLE */
  restore(id: string, actor: DismissalActor): Promise<DismissalView[]>;
  /** @throws PS_NOT_FOUND, PS_EXPLAIN_UNSET, PS_EXPLAIN_FAILED, PS_UNAVAILABLE */
  explain(
    id: string,
    database: ExplainDatabase | undefined,
    scope: TenantScope,
  ): Promise<ExplainView>;
}
