import { refresh, useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { serverNow } from '../../api/server-clock.ts';
import { client } from '../../api/session.ts';
import { formatAuthor } from '../../data/alert-names.tsx';
import { Card } from '../../design/card.tsx';
import { Tabs } from '../../design/controls.tsx';
import { useSubmit } from '../../design/form.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { formatCount } from '../../format/quantities.ts';
import { formatTime, toZoneName } from '../../format/times.ts';
import { parseDuration } from '../../url/time-range.ts';
import { getParameter, getParameters, linkWith, zoneChoice } from '../../url/view-state.ts';
import { whyNotAllowed } from './dismiss-dialog.tsx';
import { SuggestionCard } from './suggestion-card.tsx';
import { type Dismissal, KIND_LABELS, type Suggestion } from './suggestion-parts.tsx';

const TABS = [
  { id: 'open', label: 'Open' },
  { id: 'dismissed', label: 'Dismissed' },
] as const;
const HOUR_MS = 3_600_000;
const MAX_MS = 7 * 24 * HOUR_MS;
const HEIGHT = 320;

/** Which problems exist, what is the gain of a fix, and what is the next step? */
export default function Suggestions() {
  const current = getParameter('state') === 'dismissed' ? 'dismissed' : 'open';
  const services = getParameters('service');
  const kind = getParameters('kind').filter(isKind);
  const state = useApi(
    'suggestions',
    {
      ...limitRange(rangeQuery.value),
      ...(services.length > 0 && { service: services }),
      ...(kind.length > 0 && { kind }),
      dismissed: current === 'dismissed',
    },
    { isLive: false },
  );
  return (
    <>
      <Card>
        <Tabs
          label="State"
          current={current}
          tabs={TABS.map(({ id, label }) => ({
            id,
            label,
            href: linkWith({ state: id === 'open' ? undefined : id }),
          }))}
        />
        <p class="tab-note small muted">
          {state.data?.incomplete.length
            ? `There is too much data to read: ${state.data.incomplete.join(', ')}. Use a shorter range or a filter.`
            : 'Problems in the range, with the largest gain first. New problems appear within ten minutes.'}
        </p>
        <Loaded state={state} height={40}>
          {({ suggestions, dismissals }) =>
            current === 'dismissed' ? (
              <Dismissals dismissals={dismissals} />
            ) : suggestions.length === 0 ? (
              <EmptyState title="No suggestions in this range">
                Nothing is slow for a reason that Perfscope recognizes. A longer range can show rare
                problems.
              </EmptyState>
            ) : (
              <p class="small muted">{formatCount(suggestions.length, 'suggestion')}</p>
            )
          }
        </Loaded>
      </Card>
      {state.data === undefined && !state.error && (
        <Card>
          <div style={{ minHeight: `${HEIGHT}px` }} aria-busy="true" />
        </Card>
      )}
      {state.data?.suggestions.map((suggestion) => (
        <SuggestionCard key={suggestion.id} suggestion={suggestion} />
      ))}
    </>
  );
}

function isKind(text: string): text is Suggestion['kind'] {
  return Object.hasOwn(KIND_LABELS, text);
}

type RangeQuery = typeof rangeQuery.value;

/** Suggestions need some data, and are limited to 7 days. */
function limitRange(query: RangeQuery): RangeQuery {
  if ('last' in query) {
    const ms = parseDuration(query.last) ?? HOUR_MS;
    const last = ms < HOUR_MS ? '1h' : ms > MAX_MS ? '7d' : query.last;
    return { ...query, last };
  }
  const fromMs = Math.max(Date.parse(query.from), Date.parse(query.to) - MAX_MS);
  return { ...query, from: new Date(fromMs).toISOString() };
}

function Dismissals({ dismissals }: { dismissals: readonly Dismissal[] }) {
  if (dismissals.length === 0) {
    return (
      <EmptyState title="No suggestion is dismissed">
        Dismiss a suggestion that you accept. It stays hidden until the dismissal ends.
      </EmptyState>
    );
  }
  return (
    <ul class="rows">
      {dismissals.map((dismissal) => (
        <DismissalRow
          key={`${dismissal.suggestionId} ${dismissal.organizationId} ${dismissal.propertyId}`}
          dismissal={dismissal}
        />
      ))}
    </ul>
  );
}

function DismissalRow({ dismissal }: { dismissal: Dismissal }) {
  const { suggestionId, title, author, comment, until, organizationId, propertyId } = dismissal;
  const { submit, error, isSending } = useSubmit(async () => {
    await client.value.restoreSuggestion(suggestionId);
    await refresh('suggestions');
  });
  const tenant = [organizationId, propertyId].filter(Boolean).join(' / ');
  return (
    <li>
      <span class="silence">
        <span class="name">{title}</span>
        <span class="muted name">
          {comment}
          {author && <span class="faint"> ({formatAuthor(author)})</span>}
          {tenant && <span class="faint"> only {tenant}</span>}
        </span>
        {error && (
          <span class="critical" role="alert">
            {error.message}
          </span>
        )}
      </span>
      <span class="silence-end">
        <span class="muted">
          {until
            ? `until ${formatTime(Date.parse(until), toZoneName(zoneChoice.value), serverNow())}`
            : 'no end'}
        </span>
        <button
          type="button"
          class="button"
          disabled={whyNotAllowed() !== undefined || isSending}
          title={whyNotAllowed()}
          onClick={submit}
        >
          Show again
        </button>
      </span>
    </li>
  );
}
