import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../core/duration.ts';
import { OWN_SERVICE_NAME } from '../../core/own-service.ts';
import { createError } from '../../core/perfscope-error.ts';
import { getScopePrefix } from '../../core/queue-scope.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import { isVisibleInScope, narrowScope, type TenantScope } from '../../core/tenant-scope.ts';
import {
  getRangeLengthMs,
  getRangeUntilNow,
  type TimeRange,
} from '../../storage/queries/time-range.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
import { canChangeDismissal, type Dismissal, findDismissal } from './dismissal.ts';
import { DismissalStore } from './dismissal-store.ts';
import type { ExplainResult } from './explain/explain-result.ts';
import { type ExplainSettings, explainStatement } from './explain/explain-suggestion.ts';
import { readFacts } from './facts/read-facts.ts';
import { findSuggestions } from './find-suggestions.ts';
import { RecentResults } from './recent-results.ts';
import { type Suggestion, toLink } from './suggestion.ts';
import type {
  DismissalView,
  SuggestionService,
  SuggestionsRequest,
  SuggestionView,
} from './suggestion-views.ts';

/** New problems are searched in this part at the end of a range, so that they aren't averaged away. */
const RECENT_MS = 10 * MINUTE_MS;
/** Shorter ranges contain mostly recent data. */
const MIN_SPLIT_MS = 2 * RECENT_MS;
/** Ranges in which a suggestion is searched by its ID, the cheapest first. */
const SEARCH_RANGES_MS = [HOUR_MS, DAY_MS, 7 * DAY_MS];
/** Time for which suggestions are returned again. They change slowly, and need about 30 queries. */
const KEPT_MS = 10_000;
/** Plans of statements that are kept in memory. */
const MAX_PLANS = 200;

export interface SuggestionServiceOptions {
  readonly queryClient: QueryClient;
  readonly add: AddRows;
  /** Resolves when all added rows are stored. */
  readonly flush: () => Promise<void>;
  readonly settings: ExplainSettings;
  readonly healthIntervalMs: number;
  readonly now?: () => number;
}

/** Creates the service behind the endpoints for suggestions. Nothing runs until a request arrives. */
export function createSuggestionService(options: SuggestionServiceOptions): SuggestionService {
  const { queryClient, settings, healthIntervalMs, now = Date.now } = options;
  const store = new DismissalStore(queryClient, options.add, options.flush);
  const plans = new Map<string, ExplainResult>();

  const recent = new RecentResults<FoundSuggestions>(KEPT_MS);

  const find = async (request: SuggestionsRequest, scope: TenantScope) => {
    const { kinds } = request;
    const nowMs = now();
    const key = JSON.stringify([
      toRangeKey(request.range, nowMs),
      ...[request.filter, request.organizationId, request.propertyId, scope],
    ]);
    const found = await recent.get(key, nowMs, () => findAll(request, scope));
    const suggestions = found.suggestions.filter(({ kind }) => !kinds || kinds.includes(kind));
    return { ...found, suggestions };
  };

  const findAll = async (
    request: SuggestionsRequest,
    scope: TenantScope,
  ): Promise<FoundSuggestions> => {
    const { range, filter } = request;
    const selected = narrowScope(scope, request);
    const query = {
      scope: selected,
      tenantScope: scope,
      filter,
      reportIntervalMs: healthIntervalMs,
    };
    const results = await Promise.all(
      listRanges(range).map((each) => readFacts(queryClient, { ...query, range: each })),
    );
    const suggestions = findSuggestions(results.map(({ facts }) => facts)).filter((each) =>
      isSelected(each, request, selected),
    );
    const incomplete = [...new Set(results.flatMap((each) => each.incomplete))];
    return { suggestions, incomplete };
  };

  const findById = async (id: string, scope: TenantScope): Promise<Suggestion> => {
    for (const lengthMs of SEARCH_RANGES_MS) {
      const range = getRangeUntilNow(lengthMs, now());
      const { suggestions } = await find({ range, filter: {} }, scope);
      const found = suggestions.find((each) => each.id === id);
      if (found) return found;
    }
    throw createError('PS_NOT_FOUND', { item: 'suggestion', id });
  };

  const toView = (
    suggestion: Suggestion,
    scope: TenantScope,
    dismissal: Dismissal | undefined,
  ): SuggestionView => {
    const { range, firstSeenMs, lastSeenMs, savedMsPerSecond: _, ...rest } = suggestion;
    const plan = scope.hosts ? plans.get(suggestion.id) : undefined;
    return {
      ...(scope.hosts ? rest : withoutHosts(rest)),
      ...(plan?.index === undefined ? {} : { nextStep: { text: plan.summary, code: plan.index } }),
      from: new Date(range.fromMs),
      to: new Date(range.toMs),
      firstSeen: new Date(firstSeenMs),
      lastSeen: new Date(lastSeenMs),
      dismissal: dismissal && toDismissalView(dismissal, scope),
      plan: plan && toPlanView(plan),
    };
  };

  return {
    async list(request, scope) {
      const [{ suggestions, incomplete }, active] = await Promise.all([
        find(request, scope),
        store.listActive(now()),
      ]);
      const views = suggestions.flatMap((suggestion) => {
        const dismissal = findDismissal(active, suggestion.id, scope);
        const isRequested = (dismissal !== undefined) === (request.dismissed === true);
        return isRequested ? toView(suggestion, scope, dismissal) : [];
      });
      const own = request.dismissed
        ? active.filter(
            (each) =>
              canChangeDismissal(each, scope) &&
              (!request.kinds || request.kinds.some((kind) => kind === each.kind)),
          )
        : [];
      const dismissals = own
        .sort((a, b) => b.atMs - a.atMs)
        .map((each) => toDismissalView(each, scope));
      return { suggestions: views, dismissals, incomplete };
    },

    async dismiss(id, { comment, durationMs }, actor) {
      const suggestion = await findById(id, actor.scope);
      const nowMs = now();
      const expiresMs = durationMs === undefined ? undefined : nowMs + durationMs;
      const added = await store.dismiss(suggestion, { comment, expiresMs }, actor, nowMs);
      return added.map((each) => toDismissalView(each, actor.scope));
    },

    async restore(id, actor) {
      const ended = await store.restore(id, actor, now());
      return ended.map((each) => toDismissalView(each, actor.scope));
    },

    async explain(id, database, scope) {
      const suggestion = await findById(id, scope);
      const { statement, isExplainable } = suggestion;
      if (!isExplainable || statement === undefined) {
        const reason = 'only suggestions about SELECT statements can be explained';
        return { suggestion: toView(suggestion, scope, undefined), reason };
      }
      const { result, reason } = await explainStatement(statement, settings, database, now);
      if (result) {
        plans.delete(id);
        plans.set(id, result);
        const oldest = plans.keys().next().value;
        if (plans.size > MAX_PLANS && oldest !== undefined) plans.delete(oldest);
      }
      return { suggestion: toView(suggestion, scope, undefined), reason };
    },
  };
}

interface FoundSuggestions {
  readonly suggestions: readonly Suggestion[];
  readonly incomplete: readonly string[];
}

/** Returns a key of a range. Ranges of the same length that end now have the same key. */
function toRangeKey(range: TimeRange, nowMs: number): number | TimeRange {
  return Math.abs(range.toMs - nowMs) < KEPT_MS ? getRangeLengthMs(range) : range;
}

/** Returns the range, and its last minutes if it is long. */
function listRanges(range: TimeRange): TimeRange[] {
  if (getRangeLengthMs(range) < MIN_SPLIT_MS) return [range];
  return [range, { fromMs: range.toMs - RECENT_MS, toMs: range.toMs }];
}

/** Returns whether a suggestion about one tenant is about a selected tenant. */
/** Suggestions about Perfscope's own processes are shown only on request, because their code can't be changed. */
function isSelected(
  { kind, service, organizationId, propertyId }: Suggestion,
  request: SuggestionsRequest,
  selected: TenantScope,
): boolean {
  const showsOwn = request.filter.service?.includes(OWN_SERVICE_NAME);
  if (service === OWN_SERVICE_NAME && !showsOwn) return false;
  const hasTenantFilter = (request.organizationId ?? request.propertyId) !== undefined;
  if (kind !== 'slow-tenant' || !hasTenantFilter) return true;
  return isVisibleInScope({ organizationId, propertyId }, selected);
}

/** Removes the addresses of hosts and of Redis servers, which tenants must not see. */
function withoutHosts<T extends Pick<Suggestion, 'instance' | 'queue' | 'queueScope' | 'links'>>(
  suggestion: T,
): T {
  const { queue, queueScope } = suggestion;
  const scope = queueScope === undefined ? undefined : getScopePrefix(queueScope);
  const links = suggestion.links
    .filter(({ path }) => !path.startsWith('/hosts'))
    .map((link) =>
      link.path.startsWith('/queue?') ? toLink(link.label, '/queue', { queue, scope }) : link,
    );
  return { ...suggestion, instance: undefined, queueScope: scope, links };
}

function toDismissalView(dismissal: Dismissal, scope: TenantScope): DismissalView {
  const { suggestionId, kind, title, author, comment, atMs, expiresMs } = dismissal;
  const isOwn = canChangeDismissal(dismissal, scope);
  return {
    ...{ suggestionId, kind, title },
    author: isOwn ? author : undefined,
    comment: isOwn ? comment : undefined,
    dismissedAt: new Date(atMs),
    until: expiresMs === undefined ? undefined : new Date(expiresMs),
    organizationId: dismissal.organization,
    propertyId: dismissal.property,
  };
}

function toPlanView({ atMs, ...rest }: ExplainResult) {
  return { ...rest, at: new Date(atMs) };
}
