import type { ApiResponse } from '../../../client/api-types.ts';
import { serverNow } from '../../api/server-clock.ts';
import { formatAuthor, SeverityBadge, StateBadge } from '../../data/alert-names.tsx';
import { Card, type CardProps } from '../../design/card.tsx';
import { InlineCode } from '../../design/controls.tsx';
import { formatText, type Unit } from '../../format/quantities.ts';
import { formatDateTime, formatTime, toZoneName } from '../../format/times.ts';
import { zoneChoice } from '../../url/view-state.ts';

interface AlertHistoryProps extends Pick<CardProps, 'span'> {
  readonly transitions: ApiResponse<'alert'>['transitions'];
  readonly unit: Unit;
}

/** All changes of an alert, newest first. */
export function AlertHistory({ transitions, unit, span = 12 }: AlertHistoryProps) {
  const zone = toZoneName(zoneChoice.value);
  return (
    <Card title="History" note={formatText(transitions.length, '{change}')} span={span}>
      <ol class="timeline">
        {transitions.map(
          ({ at, seq, state, severity, value, threshold, cause, author, comment }) => (
            <li key={`${at} ${seq}`}>
              <time dateTime={at} title={formatDateTime(Date.parse(at), zone, true)} class="muted">
                {formatTime(Date.parse(at), zone, serverNow())}
              </time>
              <span class="badges">
                <StateBadge state={state} />
                <SeverityBadge severity={severity} />
              </span>
              <p>
                {comment && (
                  <span class="name">
                    “{comment}”{author && ` — ${formatAuthor(author)}`}
                  </span>
                )}
                {!comment && author && <span class="name">by {formatAuthor(author)}</span>}
                {!comment && !author && cause && <InlineCode text={cause} />}
              </p>
              <span class="number muted">
                {value !== undefined && formatText(value, unit)}
                {value !== undefined && threshold !== undefined && (
                  <span class="faint"> / {formatText(threshold, unit)}</span>
                )}
              </span>
            </li>
          ),
        )}
      </ol>
    </Card>
  );
}
