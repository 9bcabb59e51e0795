import { useApi } from '../../api/queries.ts';
import { compareRules, StateBadge } from '../../data/alert-names.tsx';
import { Card } from '../../design/card.tsx';
import { Badge } from '../../design/controls.tsx';
import { Figure } from '../../design/figure.tsx';
import { SearchableTable } from '../../design/searchable-table.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { type Column, tableHeight } from '../../design/table.tsx';
import { formatCount, formatText } from '../../format/quantities.ts';
import { formatCoarse } from '../../format/times.ts';
import { getParameter, linkTo, linkWith } from '../../url/view-state.ts';
import type { Rule } from './alert-row.tsx';
import { RuleDrawer } from './rule-drawer.tsx';
import { RuleTabs } from './rule-tabs.tsx';
import { describeRule, describeThresholds, isBuiltInTarget } from './rule-words.ts';

const ROWS = 15;

/** What is watched, with which thresholds, and how close are the values? */
export default function Rules() {
  const state = useApi('rules', {}, { isLive: true });
  const name = getParameter('rule');
  const rules = (state.data?.rules ?? []).filter((rule) => !isBuiltInTarget(rule));
  const { problems = [], file } = state.data ?? {};
  const failing = rules.filter(({ error }) => error !== undefined);
  return (
    <>
      {problems.length > 0 && <FileProblems file={file} problems={problems} />}
      {failing.length > 0 && <EvaluationErrors rules={failing} />}
      <Card>
        <RuleTabs current="rules" />
        <Loaded state={state} height={tableHeight(ROWS) + 39}>
          {() => (
            <>
              <p class="small muted tab-note">
                {formatCount(rules.length, 'rule')}
                {file ? (
                  <>
                    {' '}
                    · file <code class="name">{file}</code>
                  </>
                ) : (
                  ' · built-in only: set PERFORMANCE_RULES_FILE to add your own'
                )}
              </p>
              <SearchableTable
                label="Rules"
                columns={COLUMNS}
                rows={rules.toSorted(compareRules)}
                rowKey={(rule) => rule.name}
                searchText={(rule) => `${rule.name} ${describeRule(rule)}`}
                empty={
                  <EmptyState title="No rule is active">
                    The rules file disables all rules. Remove <code>enabled: false</code> from it.
                  </EmptyState>
                }
              />
            </>
          )}
        </Loaded>
      </Card>
      {name !== undefined && <RuleDrawer name={name} />}
    </>
  );
}

const COLUMNS: readonly Column<Rule>[] = [
  {
    id: 'state',
    header: 'State',
    sortBy: ({ state }) => state,
    cell: (rule) => <RuleState rule={rule} />,
  },
  {
    id: 'name',
    header: 'Rule',
    isWide: true,
    sortBy: ({ name }) => name,
    cell: (rule) => (
      <span class="two-lines">
        <a class="name truncate" href={linkWith({ rule: rule.name })} title={rule.name}>
          <strong>{rule.name}</strong>
        </a>
        <span class="muted truncate" title={rule.waiting?.text ?? describeRule(rule)}>
          {isWaiting(rule) ? rule.waiting?.text : describeRule(rule)}
        </span>
      </span>
    ),
  },
  {
    id: 'thresholds',
    header: 'Thresholds',
    isOptional: true,
    cell: (rule) => (
      <span class="muted thresholds truncate" title={describeThresholds(rule)}>
        {describeThresholds(rule) || 'missing data'}
      </span>
    ),
  },
  {
    id: 'for',
    header: 'For',
    align: 'right',
    isOptional: true,
    sortBy: (rule) => rule.for,
    cell: (rule) => <span class="muted">{rule.for > 0 ? formatCoarse(rule.for) : 'at once'}</span>,
  },
  {
    id: 'value',
    header: 'Worst value',
    align: 'right',
    sortBy: nearness,
    cell: (rule) => <WorstValue rule={rule} />,
  },
  {
    id: 'alerts',
    header: 'Alerts',
    align: 'right',
    sortBy: ({ alerts }) => alerts,
    cell: ({ alerts, state }) => (
      <Figure
        value={alerts}
        isBad={alerts > 0}
        href={
          alerts > 0
            ? linkTo('/alerts', { state: state === 'pending' ? 'pending' : undefined })
            : undefined
        }
      />
    ),
  },
];

/** Whether a rule can't evaluate any of its groups yet. */
function isWaiting({ state, waiting }: Rule): boolean {
  return state === 'inactive' && waiting?.readyGroups === 0;
}

function RuleState({ rule }: { rule: Rule }) {
  if (rule.error !== undefined) return <Badge kind="critical">error</Badge>;
  return isWaiting(rule) ? (
    <span title={rule.waiting?.text}>
      <Badge>waiting</Badge>
    </span>
  ) : (
    <StateBadge state={rule.state} />
  );
}

/** The worst value in parts of the first threshold, so that rules can be compared. */
function nearness({ values, thresholds, direction }: Rule): number | undefined {
  const value = values[0]?.value;
  const first = thresholds[0]?.threshold;
  if (value === undefined || !first) return undefined;
  return direction === 'above' ? value / first : first / Math.max(value, Number.MIN_VALUE);
}

function WorstValue({ rule }: { rule: Rule }) {
  const { values, valueCount, unit = '1' } = rule;
  const worst = values[0];
  if (worst === undefined) return <span class="faint">no data</span>;
  const isBad = worst.state === 'firing' || worst.state === 'acknowledged';
  const groups = Object.values(worst.labels).join(', ');
  return (
    <span title={groups}>
      <Figure value={worst.value} unit={unit} isBad={isBad} href={linkWith({ rule: rule.name })} />
      {valueCount > 1 && <span class="faint"> in {formatText(valueCount)} groups</span>}
    </span>
  );
}

function FileProblems({
  file,
  problems,
}: {
  file: string | undefined;
  problems: readonly string[];
}) {
  return (
    <Card title="The rules file has problems">
      <div class="callout" data-kind="critical">
        <p>
          The previous rules stay in effect until{' '}
          {file ? <code class="name">{file}</code> : 'the file'} is fixed. Check it with{' '}
          <code>npx perfscope check-config</code>.
        </p>
        <ul>
          {problems.map((problem) => (
            <li key={problem} class="name mono">
              {problem}
            </li>
          ))}
        </ul>
      </div>
    </Card>
  );
}

function EvaluationErrors({ rules }: { rules: readonly Rule[] }) {
  return (
    <Card title="Rules that can't be evaluated">
      {rules.map(({ name, error, failures }) => (
        <div key={name} class="callout" data-kind="critical">
          <a href={linkWith({ rule: name })}>
            <strong class="name">{name}</strong>
          </a>
          <p class="name">
            {error} <span class="faint">({formatText(failures)} failures in a row)</span>
          </p>
        </div>
      ))}
    </Card>
  );
}
