import { Fragment } from 'preact';
import { useApi, useRequest } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { client } from '../../api/session.ts';
import {
  type Alert,
  formatReason,
  isExternalAlert,
  LabelLinks,
  SeverityBadge,
  StateBadge,
  severityKind,
  sinceMs,
} from '../../data/alert-names.tsx';
import { incidentLink } from '../../data/incident-names.tsx';
import { Card } from '../../design/card.tsx';
import { InlineCode } from '../../design/controls.tsx';
import { Loaded } from '../../design/states.tsx';
import { formatText } from '../../format/quantities.ts';
import {
  formatAge,
  formatCoarse,
  formatDateTime,
  formatTime,
  toZoneName,
} from '../../format/times.ts';
import { useHeading } from '../../shell/use-heading.ts';
import type { ViewParameters } from '../../url/location.ts';
import { linkTo, zoneChoice } from '../../url/view-state.ts';
import { AlertActions } from './alert-actions.tsx';
import { AlertChart } from './alert-chart.tsx';
import { AlertHistory } from './alert-history.tsx';
import { AlertNotifications } from './alert-notifications.tsx';
import type { Rule } from './alert-row.tsx';
import { describeRule } from './rule-words.ts';
import { RunbookLink } from './runbook-link.tsx';

/** What is wrong, why, who knows, and what can I do? */
export default function AlertView({ parameters: { id = '' } }: { parameters: ViewParameters }) {
  const state = useRequest(['alert', id], () => client.value.alert(id), { isLive: true });
  const rules = useApi('rules', {}, { isLive: true });
  useHeading({
    title: state.data?.alert.rule ?? 'Alert',
    crumbs: [{ label: 'Alerts', href: linkTo('/alerts') }],
  });
  const rule = rules.data?.rules.find(({ name }) => name === state.data?.alert.rule);
  return (
    <>
      <Card>
        <Loaded state={state} height={150}>
          {({ alert }) => <Head alert={alert} rule={rule} hasRules={!rules.isLoading} />}
        </Loaded>
      </Card>
      {state.data && (
        <>
          {!isExternalAlert(state.data.alert) && <AlertChart id={id} alert={state.data.alert} />}
          <Card title="Details" span={5}>
            <Details alert={state.data.alert} rule={rule} />
          </Card>
          <AlertHistory transitions={state.data.transitions} unit={rule?.unit ?? '1'} span={7} />
          <AlertNotifications alert={state.data.alert} />
        </>
      )}
    </>
  );
}

function Head({
  alert,
  rule,
  hasRules,
}: {
  alert: Alert;
  rule: Rule | undefined;
  /** The unit is unknown until the rules are loaded. */
  hasRules: boolean;
}) {
  const { annotations, cause, value, threshold, severity, state } = alert;
  const unit = rule?.unit ?? '1';
  const summary = (state === 'resolved' && annotations.resolved) || annotations.summary;
  return (
    <div class="alert-head">
      <div>
        <div class="buttons">
          <StateBadge state={state} />
          <SeverityBadge severity={severity} />
          <span class="muted">{describeTimes(alert)}</span>
          {alert.incidentId && (
            <a class="link" href={incidentLink(alert.incidentId)}>
              Show the incident
            </a>
          )}
        </div>
        <h2 class="name">{summary || alert.rule}</h2>
        {value !== undefined && (
          <p>
            <strong class={state === 'resolved' ? '' : severityKind(severity)}>
              {hasRules ? formatText(value, unit) : '…'}
            </strong>
            {hasRules && threshold !== undefined && (
              <span class="muted">
                {' '}
                · threshold {rule?.direction === 'below' ? 'below' : 'above'}{' '}
                {formatText(threshold, unit)}
              </span>
            )}
          </p>
        )}
        {cause && (
          <div class="callout" data-kind="warning">
            <strong class="small">Likely cause</strong>
            <p>
              <InlineCode text={cause} />
            </p>
          </div>
        )}
        <LabelLinks labels={alert.labels} metricType={rule?.query.metricType} />
      </div>
      <AlertActions alert={alert} />
    </div>
  );
}

function describeTimes(alert: Alert): string {
  const zone = toZoneName(zoneChoice.value);
  const now = serverNow();
  const [start, changed] = [sinceMs(alert), Date.parse(alert.changedAt)];
  if (alert.state === 'resolved') {
    return `resolved at ${formatTime(changed, zone, now)}, lasted ${formatCoarse(changed - start)}`;
  }
  return `since ${formatTime(start, zone, now)} (${formatAge(start, now)})`;
}

/** Annotations that the page shows in another place. */
const SHOWN_ANNOTATIONS: ReadonlySet<string> = new Set([
  'summary',
  'resolved',
  'generator_url',
  'runbook_url',
]);

/** The rule of an alert that another system evaluates. The server removes addresses of other protocols. */
function ExternalRule({ rule, queryUrl }: { rule: string; queryUrl: string | undefined }) {
  return (
    <span class="name">
      {rule}
      <span class="faint"> evaluated by another system</span>
      {queryUrl && (
        <>
          {' '}
          <a class="link" href={queryUrl} target="_blank" rel="noreferrer">
            Open its query
          </a>
        </>
      )}
    </span>
  );
}

function Details({ alert, rule }: { alert: Alert; rule: Rule | undefined }) {
  const zone = toZoneName(zoneChoice.value);
  const { annotations, runbook } = alert;
  // A message that was already sent is not held back.
  const held = alert.held.filter(({ reason }) => reason !== 'duplicate');
  const nextMs = Date.parse(alert.held.find(({ reason }) => reason === 'duplicate')?.until ?? '');
  const others = Object.entries(annotations).filter(
    ([name, text]) => text && !SHOWN_ANNOTATIONS.has(name),
  );
  return (
    <dl class="facts">
      <dt>Rule</dt>
      <dd>
        {isExternalAlert(alert) ? (
          <ExternalRule rule={alert.rule} queryUrl={annotations.generator_url} />
        ) : (
          <a class="link" href={linkTo('/rules', { rule: alert.rule })}>
            {alert.rule}
          </a>
        )}
      </dd>
      {rule && (
        <>
          <dt>Watches</dt>
          <dd>{describeRule(rule)}</dd>
        </>
      )}
      <dt>Started</dt>
      <dd>{formatDateTime(Date.parse(alert.startedAt), zone, true)}</dd>
      {alert.firedAt && (
        <>
          <dt>Fired</dt>
          <dd>{formatDateTime(Date.parse(alert.firedAt), zone, true)}</dd>
        </>
      )}
      <dt>Last change</dt>
      <dd>{formatDateTime(Date.parse(alert.changedAt), zone, true)}</dd>
      {others.map(([name, text]) => (
        <Fragment key={name}>
          <dt class="name">{name}</dt>
          <dd>
            <InlineCode text={text} />
          </dd>
        </Fragment>
      ))}
      <dt>Runbook</dt>
      <dd>
        <RunbookLink runbook={runbook} />
      </dd>
      {nextMs > serverNow() && (
        <>
          <dt>Next reminder</dt>
          <dd>
            {formatTime(nextMs, zone, serverNow())}
            <span class="faint"> in {formatCoarse(nextMs - serverNow())}</span>
          </dd>
        </>
      )}
      <dt>Not sent now</dt>
      <dd>
        {held.length === 0 ? (
          <span class="faint">Nothing holds messages back.</span>
        ) : (
          held.map(({ reason, by, detail, until }) => (
            <div key={`${reason} ${by}`} class="name">
              {formatReason(reason)}
              {detail && <span class="muted">: {detail}</span>}
              {until && (
                <span class="faint"> until {formatTime(Date.parse(until), zone, serverNow())}</span>
              )}
            </div>
          ))
        )}
      </dd>
    </dl>
  );
}
