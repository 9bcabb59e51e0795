import { useState } from 'preact/hooks';
import type { ApiResponse } from '../../../client/api-types.ts';
import { SEVERITIES } from '../../data/alert-names.tsx';
import type { AggregateName } from '../../data/trend-data.ts';
import { CodeBlock } from '../../design/controls.tsx';
import { EmptyState } from '../../design/states.tsx';
import { formatText, type Unit } from '../../format/quantities.ts';
import { METRIC_NAMES } from '../alerts/rule-words.ts';
import { aggregateLabel, aggregateUnit, type ExploreState, listFilters } from './query.ts';
import { formatRule, getGreatestThreshold, toRuleName, whyNoRule } from './rule-yaml.ts';

interface RuleFormProps {
  readonly state: ExploreState;
  readonly unit: Unit;
  readonly trends: ApiResponse<'trends'> | undefined;
}

const FOR_OPTIONS = ['0s', '1m', '2m', '5m', '10m', '30m'];
const WINDOW_OPTIONS = ['1m', '5m', '10m', '30m', '1h'];

/** Asks for a threshold and a duration, and returns the rule that watches the first aggregate. */
export function RuleForm({ state, unit, trends }: RuleFormProps) {
  const [aggregate = 'average' as AggregateName] = state.aggregates;
  const direction0 = aggregate === 'apdex' ? 'below' : 'above';
  const [direction, setDirection] = useState<'above' | 'below'>(direction0);
  const [severity, setSeverity] = useState<string>('critical');
  const [duration, setDuration] = useState('2m');
  const [window, setWindow] = useState('5m');
  const highest = findHighest(trends, aggregate);
  const [text, setText] = useState<string>();
  const metric = state.name ?? METRIC_NAMES[state.metricType] ?? state.metricType;
  const description = `${aggregateLabel(aggregate)} of ${metric}`;
  const [name, setName] = useState<string>();
  const reason = whyNoRule({ name: state.name, aggregate });
  if (reason) return <EmptyState title="No rule for this aggregate">{reason}</EmptyState>;
  // Rules count per minute, and charts per second.
  const factor = aggregate === 'rate' ? 60 : 1;
  const ruleUnit = aggregate === 'rate' ? '/min' : aggregateUnit(aggregate, unit);
  const greatest = getGreatestThreshold({ name: state.name, aggregate });
  const suggested = suggest(highest, factor);
  const shown = text ?? (Number(suggested) > (greatest ?? Infinity) ? String(greatest) : suggested);
  const threshold = Number(shown);
  const isInRange = greatest === undefined || (threshold >= 0 && threshold <= greatest);
  const isValid = shown.trim() !== '' && Number.isFinite(threshold) && isInRange;
  const fixed = { aggregate, direction, severity, window, description, unit: ruleUnit, threshold };
  return (
    <div class="form">
      <p class="muted">
        A rule that watches {description} over a rolling window. The highest value of the chart is{' '}
        {formatText(highest === undefined ? undefined : highest * factor, ruleUnit)}.
        {state.aggregates.length > 1 && ' It watches the first of the aggregates.'}
      </p>
      <div class="form-row">
        <label class="field">
          <span>Fires {direction === 'above' ? 'above' : 'below'}</span>
          <select
            class="input"
            value={direction}
            onChange={(event) => setDirection(event.currentTarget.value as 'above')}
          >
            <option value="above">above</option>
            <option value="below">below</option>
          </select>
        </label>
        <label class="field">
          <span>Threshold{ruleUnit === '1' ? '' : ` in ${ruleUnit}`}</span>
          <input
            class="input"
            type="number"
            step="any"
            value={shown}
            aria-invalid={!isValid}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <Choice
          label="For at least"
          value={duration}
          options={FOR_OPTIONS}
          onChange={setDuration}
        />
        <Choice label="Window" value={window} options={WINDOW_OPTIONS} onChange={setWindow} />
        <Choice
          label="Severity"
          value={severity}
          options={SEVERITIES.toReversed()}
          onChange={setSeverity}
        />
        <label class="field">
          <span>Name</span>
          <input
            class="input"
            value={name ?? toRuleName(description)}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
      </div>
      {isValid ? (
        <>
          <CodeBlock label="YAML">
            {formatRule({
              ...fixed,
              metricType: state.metricType,
              name: state.name,
              filters: listFilters(state),
              groupBy: state.groupBy,
              for: duration,
              ruleName: name ?? description,
            })}
          </CodeBlock>
          <p class="muted">
            Add the rule to the file in <code>PERFORMANCE_RULES_FILE</code>, and check the file with{' '}
            <code>npx perfscope check-config</code>. The server reads it again when it changes.
          </p>
        </>
      ) : (
        <p class="critical" role="alert">
          Enter a number{greatest !== undefined && ` from 0 to ${greatest}`} as the threshold.
        </p>
      )}
    </div>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly string[];
  readonly onChange: (value: string) => void;
}

function Choice({ label, value, options, onChange }: ChoiceProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <select class="input" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
      </select>
    </label>
  );
}

function findHighest(
  trends: ApiResponse<'trends'> | undefined,
  aggregate: AggregateName,
): number | undefined {
  const values = (trends?.series ?? []).flatMap(({ points }) =>
    points.flatMap((point) => point[aggregate] ?? []),
  );
  return values.length === 0 ? undefined : values.reduce((a, b) => Math.max(a, b));
}

/** One and a half times the highest value, with two digits. */
function suggest(highest: number | undefined, factor: number): string {
  if (highest === undefined || highest === 0) return '1';
  return String(Number((1.5 * highest * factor).toPrecision(2)));
}
