import type { ApiResponse } from '../../../client/api-types.ts';
import { serverNow } from '../../api/server-clock.ts';
import {
  type Alert,
  alertLink,
  formatAuthor,
  formatReason,
  LabelLinks,
  SeverityBadge,
  severityKind,
  sinceMs,
} from '../../data/alert-names.tsx';
import { InlineCode } from '../../design/controls.tsx';
import { Figure } from '../../design/figure.tsx';
import { formatText } from '../../format/quantities.ts';
import { formatAge, formatCoarse, formatDateTime, toZoneName } from '../../format/times.ts';
import { zoneChoice } from '../../url/view-state.ts';

export type Rule = ApiResponse<'rules'>['rules'][number];

/** One alert in the list. */
export function AlertRow({
  alert,
  rule,
  hasRules,
}: {
  alert: Alert;
  rule: Rule | undefined;
  /** The unit is unknown until the rules are loaded. */
  hasRules: boolean;
}) {
  const { id, severity, annotations, cause, value, threshold, comment, author, state } = alert;
  const summary = (state === 'resolved' && annotations.resolved) || annotations.summary;
  return (
    <article>
      <span>
        <SeverityBadge severity={severity} />
      </span>
      <div class="main-text">
        <h3>
          <a class="name" href={alertLink(id)}>
            {summary || alert.rule}
          </a>
        </h3>
        {cause && (
          <p class="muted">
            <InlineCode text={cause} />
          </p>
        )}
        {comment && (
          <p class="muted name">
            {author && `${formatAuthor(author)}: `}
            {comment}
          </p>
        )}
        <span class="small">
          <LabelLinks labels={alert.labels} metricType={rule?.query.metricType} />
        </span>
        <HeldReasons alert={alert} />
      </div>
      <div class="number">
        <strong class={state === 'resolved' ? '' : severityKind(severity)}>
          {hasRules && <Figure value={value} unit={rule?.unit ?? '1'} href={alertLink(id)} />}
        </strong>
        {threshold !== undefined && hasRules && (
          <span class="faint small">
            {rule?.direction === 'below' ? 'at least' : 'limit'}{' '}
            {formatText(threshold, rule?.unit ?? '1')}
          </span>
        )}
      </div>
      <Since alert={alert} />
    </article>
  );
}

function Since({ alert }: { alert: Alert }) {
  const zone = toZoneName(zoneChoice.value);
  const [start, end] = [sinceMs(alert), Date.parse(alert.changedAt)];
  if (alert.state === 'resolved') {
    return (
      <div class="since muted small" title={formatDateTime(end, zone, true)}>
        {formatAge(end, serverNow())}
        <br />
        <span class="faint">lasted {formatCoarse(end - start)}</span>
      </div>
    );
  }
  return (
    <div class="since muted small" title={formatDateTime(start, zone, true)}>
      {formatAge(start, serverNow())}
    </div>
  );
}

/** Why no message is sent. A message that was already sent is no reason. */
function HeldReasons({ alert }: { alert: Alert }) {
  const held = alert.held.filter(({ reason }) => reason !== 'duplicate');
  if (held.length === 0) return null;
  return (
    <p class="small faint name" title={held.map(({ detail }) => detail).join('\n')}>
      Not sent: {held.map(({ reason, by }) => describeHeld(reason, by)).join('; ')}
    </p>
  );
}

function describeHeld(reason: string, by: string): string {
  const text = formatReason(reason).toLowerCase();
  return reason === 'maintenance' && by ? `${text} ${by}` : text;
}
