import { useState } from 'preact/hooks';
import type { ApiResponse } from '../../../client/api-types.ts';
import { refresh, useApi } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { client } from '../../api/session.ts';
import { formatAuthor } from '../../data/alert-names.tsx';
import { Card } from '../../design/card.tsx';
import { Badge } from '../../design/controls.tsx';
import { useSubmit } from '../../design/form.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { formatCoarse, formatTime, toZoneName } from '../../format/times.ts';
import { zoneChoice } from '../../url/view-state.ts';
import { whyNotAllowed } from './alert-actions.tsx';
import { SilenceDialog } from './silence-dialog.tsx';

type Silence = ApiResponse<'silences'>['silences'][number];

/** Silences that are active or planned, and maintenance windows of the rules file. */
export function SilencesCard() {
  const state = useApi('silences', {}, { isLive: true });
  const [isOpen, setOpen] = useState(false);
  const reason = whyNotAllowed();
  return (
    <Card
      title="Silences and maintenance windows"
      note={
        <button
          type="button"
          class="button"
          disabled={reason !== undefined}
          title={reason}
          onClick={() => setOpen(true)}
        >
          New silence
        </button>
      }
    >
      <Loaded state={state} height={70}>
        {({ silences }) =>
          silences.length === 0 ? (
            <EmptyState title="No alert is silenced">
              Silence alerts that you expect, for example during a deployment or a migration.{' '}
              {reason}
            </EmptyState>
          ) : (
            <ul class="rows">
              {silences.map((silence) => (
                <SilenceRow key={silence.id} silence={silence} />
              ))}
            </ul>
          )
        }
      </Loaded>
      {isOpen && <SilenceDialog matchers={[]} onClose={() => setOpen(false)} />}
    </Card>
  );
}

function SilenceRow({ silence }: { silence: Silence }) {
  const { id, kind, matchers, author, comment, organizationId, propertyId } = silence;
  const { submit, error, isSending } = useSubmit(async () => {
    await client.value.endSilence(id);
    await refresh('silences', 'alerts', 'alert');
  });
  return (
    <li>
      <span class="silence">
        <span>
          {kind === 'maintenance' && <Badge>maintenance</Badge>}{' '}
          <code class="name">{matchers.join(', ') || 'all alerts'}</code>
        </span>
        <span class="muted name">
          {comment}
          {author && <span class="faint"> ({formatAuthor(author)})</span>}
          {organizationId && (
            <span class="faint">
              {' '}
              only {organizationId}
              {propertyId && ` / ${propertyId}`}
            </span>
          )}
        </span>
        {error && (
          <span class="critical" role="alert">
            {error.message}
          </span>
        )}
      </span>
      <span class="silence-end">
        <span class="muted">{describePeriod(silence)}</span>
        {kind === 'silenced' && (
          <button
            type="button"
            class="button"
            disabled={whyNotAllowed() !== undefined || isSending}
            title={whyNotAllowed()}
            onClick={submit}
          >
            End now
          </button>
        )}
      </span>
    </li>
  );
}

function describePeriod({ startsAt, endsAt, recurrence }: Silence): string {
  const zone = toZoneName(zoneChoice.value);
  const now = serverNow();
  if (recurrence) {
    const { every, days, from, to, timeZone } = recurrence as Record<string, unknown>;
    const on = Array.isArray(days) ? days.join(', ') : `every ${String(every ?? 'day')}`;
    return [on, from && to ? `${from}–${to}` : '', timeZone].filter(Boolean).join(' ');
  }
  if (startsAt && Date.parse(startsAt) > now) {
    return `from ${formatTime(Date.parse(startsAt), zone, now)}`;
  }
  if (!endsAt) return 'no end';
  const endMs = Date.parse(endsAt);
  return `until ${formatTime(endMs, zone, now)} (${formatCoarse(endMs - now)} left)`;
}
