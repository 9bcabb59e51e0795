import { useRequest } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { client } from '../../api/session.ts';
import { LabelLinks, StateBadge } from '../../data/alert-names.tsx';
import { CodeBlock, Dialog, InlineCode } from '../../design/controls.tsx';
import { Figure } from '../../design/figure.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { Table } from '../../design/table.tsx';
import { formatText } from '../../format/quantities.ts';
import { formatAge, formatCoarse, formatDateTime, toZoneName } from '../../format/times.ts';
import { linkTo, setParameters, zoneChoice } from '../../url/view-state.ts';
import type { Rule } from './alert-row.tsx';
import { describeRule, describeThresholds, isBuiltInTarget } from './rule-words.ts';
import { RunbookLink } from './runbook-link.tsx';

/** A rule with its values, its query, and its configuration. */
export function RuleDrawer({ name }: { name: string }) {
  const state = useRequest(['rules', 'one', name], () => client.value.rule(name), { isLive: true });
  return (
    <Dialog kind="drawer" title={name} onClose={() => setParameters({ rule: undefined })}>
      <Loaded state={state} height={400}>
        {({ rule }) => (
          <div class="form">
            <p>{describeRule(rule)}</p>
            {rule.error && (
              <div class="callout" data-kind="critical">
                <strong>The last evaluation failed</strong>
                <p class="name">{rule.error}</p>
              </div>
            )}
            <RuleFacts rule={rule} />
            <h3>Values</h3>
            <RuleValues rule={rule} />
            {rule.query.sql && (
              <>
                <h3>Query</h3>
                <CodeBlock label="SQL">{rule.query.sql}</CodeBlock>
              </>
            )}
            {rule.yaml && (
              <>
                <h3>Configuration</h3>
                <p class="muted">
                  To change the rule, copy the keys that differ to the file in{' '}
                  <code>PERFORMANCE_RULES_FILE</code>.
                </p>
                <CodeBlock label="YAML">{rule.yaml}</CodeBlock>
              </>
            )}
          </div>
        )}
      </Loaded>
    </Dialog>
  );
}

function RuleFacts({ rule }: { rule: Rule }) {
  const explore = exploreLink(rule);
  return (
    <dl class="facts">
      <dt>State</dt>
      <dd>
        <StateBadge state={rule.state} />
      </dd>
      {rule.waiting && (
        <>
          <dt>Waiting</dt>
          <dd>
            {rule.waiting.text}, expected at{' '}
            {formatDateTime(Date.parse(rule.waiting.expectedAt), toZoneName(zoneChoice.value))}
          </dd>
        </>
      )}
      <dt>Thresholds</dt>
      <dd>{describeThresholds(rule) || 'none: fires if data is missing'}</dd>
      <dt>Fires after</dt>
      <dd>{rule.for > 0 ? `${formatCoarse(rule.for)} beyond a threshold` : 'one evaluation'}</dd>
      <dt>Evaluated</dt>
      <dd>
        every {formatCoarse(rule.interval)}
        {rule.evaluatedAt && `, last ${formatAge(Date.parse(rule.evaluatedAt), serverNow())}`}
        {rule.durationMs !== undefined && ` in ${formatText(rule.durationMs, 'ms')}`}
      </dd>
      {rule.target && (
        <>
          <dt>Target met</dt>
          <dd>
            {formatText(rule.met, '%')} of the last 24 hours
            {isBuiltInTarget(rule) && (
              <>
                {' · '}
                <a class="link" href={linkTo('/objectives', { search: rule.name })}>
                  Show the error budgets
                </a>
              </>
            )}
          </dd>
        </>
      )}
      {rule.summary && (
        <>
          <dt>Message</dt>
          <dd class="name">{rule.summary}</dd>
        </>
      )}
      {rule.description && (
        <>
          <dt>Description</dt>
          <dd>
            <InlineCode text={rule.description} />
          </dd>
        </>
      )}
      <dt>Source</dt>
      <dd>
        {rule.source === 'file' ? 'rules file' : 'built-in'}
        {rule.overridden && ', changed by the rules file'}
      </dd>
      <dt>Runbook</dt>
      <dd>
        <RunbookLink runbook={rule.runbook} />
      </dd>
      {explore && (
        <>
          <dt>Chart</dt>
          <dd>
            <a class="link" href={explore}>
              Explore this metric
            </a>
          </dd>
        </>
      )}
    </dl>
  );
}

/** The newest values, firing groups first and then the worst. */
function RuleValues({ rule }: { rule: Rule }) {
  const { values, valueCount, unit = '1', query } = rule;
  return (
    <>
      <Table
        label="Values"
        sortParameter="valueSort"
        rows={values}
        rowKey={({ labels }) => JSON.stringify(labels)}
        empty={
          <EmptyState title="No values">
            No group had enough measurements in the last window.
          </EmptyState>
        }
        columns={[
          {
            id: 'labels',
            header: 'Group',
            isWide: true,
            cell: ({ labels }) => <LabelLinks labels={labels} metricType={query.metricType} />,
          },
          {
            id: 'value',
            header: 'Value',
            align: 'right',
            sortBy: ({ value }) => value,
            cell: ({ value, state }) => (
              <Figure value={value} unit={unit} isBad={state === 'firing'} />
            ),
          },
          {
            id: 'state',
            header: 'State',
            sortBy: ({ state }) => state,
            cell: ({ state }) => <StateBadge state={state} />,
          },
        ]}
      />
      {valueCount > values.length && (
        <p class="faint small">
          The worst {values.length} of {formatText(valueCount)} groups.
        </p>
      )}
    </>
  );
}

/** Aggregates of rules that `/trends` doesn't have, with the nearest one. */
const NEAREST: Readonly<Record<string, string>> = {
  slowShare: 'p95',
  spike: 'average',
  surge: 'rate',
};
const QUEUE_METRICS: Readonly<Record<string, readonly [metric: string, aggregate: string]>> = {
  depth: ['QUEUE_DEPTH', 'last'],
  oldestAge: ['QUEUE_OLDEST_AGE', 'max'],
  failureRate: ['QUEUE_PROCESSING_TIME', 'errorRate'],
};
const NOT_IN_TRENDS: readonly string[] = ['host', 'errorType'];

/** Returns the link to a chart of what the rule measures. Undefined for SQL rules and rules about Perfscope. */
function exploreLink({ query }: Rule): string | undefined {
  const { kind, metricType, aggregate = '', filters = {}, groupBy = [] } = query;
  if (kind !== 'metric') return undefined;
  const [metric, shown] = QUEUE_METRICS[aggregate] ?? [
    metricType ?? 'API_RESPONSE_TIME',
    NEAREST[aggregate] ?? aggregate,
  ];
  if (['uptime', 'crashes', 'timeToDrain'].includes(aggregate)) return undefined;
  return linkTo('/explore', {
    ...Object.fromEntries(
      Object.entries(filters).filter(([name]) => !NOT_IN_TRENDS.includes(name)),
    ),
    metric,
    aggregate: shown,
    groupBy: groupBy.filter((name) => !NOT_IN_TRENDS.includes(name)),
  });
}
