import { Plus, X } from 'lucide';
import { useState } from 'preact/hooks';
import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { DIMENSION_LABELS } from '../../data/names.ts';
import { Card } from '../../design/card.tsx';
import { Menu } from '../../design/controls.tsx';
import { Icon } from '../../design/icon.tsx';
import { formatText } from '../../format/quantities.ts';
import { linkWith, setParameters } from '../../url/view-state.ts';
import { METRIC_NAMES } from '../alerts/rule-words.ts';
import {
  AGGREGATES,
  aggregateLabel,
  type CatalogMetric,
  CHART_KINDS,
  type ExploreState,
  FILTER_DIMENSIONS,
  type FilterDimension,
  GROUP_DIMENSIONS,
  isVisibleDimension,
  STEPS,
} from './query.ts';

interface QueryCardProps {
  readonly state: ExploreState;
  readonly metrics: readonly CatalogMetric[];
}

/** The fields of the query. Each change is in the URL. */
export function QueryCard({ state, metrics }: QueryCardProps) {
  return (
    <Card>
      <div class="query-fields">
        <MetricField state={state} metrics={metrics} />
        <div class="field">
          <span>Aggregates</span>
          <Choices
            label={state.aggregates.map(aggregateLabel).join(', ')}
            name="aggregate"
            options={AGGREGATES}
            chosen={state.aggregates}
          />
        </div>
        <div class="field">
          <span>Group by</span>
          <Choices
            label={state.groupBy.map(labelOf).join(', ') || 'nothing'}
            name="groupBy"
            options={GROUP_DIMENSIONS.filter(isVisibleDimension).map((name) => [
              name,
              labelOf(name),
            ])}
            chosen={state.groupBy}
          />
        </div>
        <label class="field">
          <span>Step</span>
          <select
            class="input"
            value={state.step ?? ''}
            onChange={(event) => setParameters({ step: event.currentTarget.value })}
          >
            <option value="">automatic</option>
            {STEPS.map((step) => (
              <option key={step} value={step}>
                {step}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>Chart</span>
          <select
            class="input"
            value={state.kind}
            onChange={(event) => setParameters({ chart: event.currentTarget.value })}
          >
            {CHART_KINDS.map((kind) => (
              <option key={kind} value={kind}>
                {kind}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Filters state={state} />
    </Card>
  );
}

/** Metrics of the range, grouped by type. The current one is listed even without values. */
function MetricField({ state, metrics }: QueryCardProps) {
  const current = JSON.stringify([state.metricType, state.name ?? '']);
  const types = new Map<string, number>();
  for (const { metricType, count } of metrics) {
    types.set(metricType, (types.get(metricType) ?? 0) + count);
  }
  const named = metrics.filter(({ metricType, name }) => metricType === 'CUSTOM' && name);
  types.delete('CUSTOM');
  if (state.metricType !== 'CUSTOM') types.set(state.metricType, types.get(state.metricType) ?? 0);
  const isKnown = state.metricType !== 'CUSTOM' || named.some(({ name }) => name === state.name);
  const choose = (value: string) => {
    const [metric, name] = JSON.parse(value) as [string, string];
    setParameters({ metric, name, aggregate: undefined });
  };
  return (
    <label class="field metric-field">
      <span>Metric</span>
      <select class="input" value={current} onChange={(event) => choose(event.currentTarget.value)}>
        <optgroup label="Measured by the agent">
          {[...types].map(([type, count]) => (
            <option key={type} value={JSON.stringify([type, ''])}>
              {METRIC_NAMES[type] ?? type} ({formatText(count)})
            </option>
          ))}
        </optgroup>
        {(named.length > 0 || !isKnown) && (
          <optgroup label="Custom">
            {!isKnown && <option value={current}>{state.name ?? 'all custom metrics'}</option>}
            {named.map(({ name = '', count }) => (
              <option key={name} value={JSON.stringify(['CUSTOM', name])}>
                {name} ({formatText(count)})
              </option>
            ))}
          </optgroup>
        )}
      </select>
    </label>
  );
}

interface ChoicesProps {
  readonly label: string;
  /** Parameter of the URL. */
  readonly name: string;
  readonly options: readonly (readonly [string, string])[];
  readonly chosen: readonly string[];
}

/** A menu in which several values can be chosen. */
function Choices({ label, name, options, chosen }: ChoicesProps) {
  const toggle = (value: string) => {
    const next = chosen.includes(value)
      ? chosen.filter((item) => item !== value)
      : [...chosen, value];
    setParameters({ [name]: next }, { replace: true });
  };
  return (
    <Menu label={<span class="truncate">{label}</span>} ariaLabel={`${name}: ${label}`}>
      {() =>
        options.map(([value, text]) => (
          <label key={value} class="option check">
            <span>
              <input
                type="checkbox"
                checked={chosen.includes(value)}
                onChange={() => toggle(value)}
              />{' '}
              {text}
            </span>
          </label>
        ))
      }
    </Menu>
  );
}

function Filters({ state }: { state: ExploreState }) {
  return (
    <div class="filter-chips">
      {state.filters.flatMap(([dimension, values]) =>
        values.map((value) => (
          <span key={`${dimension} ${value}`} class="chip">
            <span class="faint">{labelOf(dimension)}</span>
            <span class="name truncate" title={value}>
              {value}
            </span>
            <a
              href={linkWith({ [dimension]: values.filter((item) => item !== value) })}
              aria-label={`Remove the filter ${labelOf(dimension)} ${value}`}
            >
              <Icon node={X} size={13} />
            </a>
          </span>
        )),
      )}
      <Menu
        label={
          <>
            <Icon node={Plus} size={14} /> Filter
          </>
        }
        ariaLabel="Add a filter"
      >
        {(close) => <FilterForm state={state} close={close} />}
      </Menu>
    </div>
  );
}

const MAX_VALUES = 50;

function FilterForm({ state, close }: { state: ExploreState; close: () => void }) {
  const [dimension, setDimension] = useState<FilterDimension>('service');
  const [search, setSearch] = useState('');
  const { data } = useApi('values', {
    ...rangeQuery.value,
    dimension,
    metricType: state.metricType,
    limit: MAX_VALUES,
    ...(search && { search }),
  });
  const chosen = state.filters.find(([name]) => name === dimension)?.[1] ?? [];
  const add = (value: string) => {
    setParameters({ [dimension]: [...chosen, value] });
    close();
  };
  return (
    <div class="form">
      <select
        class="input"
        aria-label="Dimension"
        value={dimension}
        onChange={(event) => setDimension(event.currentTarget.value as FilterDimension)}
      >
        {FILTER_DIMENSIONS.filter(isVisibleDimension).map((name) => (
          <option key={name} value={name}>
            {labelOf(name)}
          </option>
        ))}
      </select>
      <input
        class="input"
        type="search"
        placeholder="Search values"
        aria-label="Search values"
        value={search}
        onInput={(event) => setSearch(event.currentTarget.value)}
      />
      <div>
        {(data?.values ?? [])
          .filter(({ value }) => !chosen.includes(value))
          .map(({ value, count }) => (
            <button key={value} type="button" class="option" onClick={() => add(value)}>
              <span class="name truncate" title={value}>
                {value}
              </span>
              <span class="faint">{formatText(count)}</span>
            </button>
          ))}
        {data && data.values.length === 0 && (
          <p class="faint small">This metric has no values of this dimension in the range.</p>
        )}
      </div>
    </div>
  );
}

function labelOf(dimension: string): string {
  return DIMENSION_LABELS[dimension] ?? dimension;
}
