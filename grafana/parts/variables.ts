import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  IntervalVariableBuilder,
  QueryVariableBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { JOBS, MEASUREMENTS } from '../../src/windows/families.ts';
import { namesOf } from '../sql/names.ts';
import { ALL, type Name } from '../sql/text.ts';
import { annotations } from './annotations.ts';
import type { DashboardSpec } from './dashboard.ts';
import { PROMETHEUS, QUESTDB } from './data.ts';
import { MOST_POINTS } from './panels.ts';

/** From the widest to the narrowest: each is narrowed by those before it that the dashboard has. */
const LABELS: Readonly<Record<Name, string>> = {
  organization: 'Organization',
  property: 'Property',
  service: 'Service',
  environment: 'Environment',
  endpoint: 'Endpoint',
  queue: 'Queue',
};

/** What names a variable offers, when those before it have been chosen. */
function namesFor(name: Name, before: readonly Name[]): string {
  if (name === 'queue') return namesOf(JOBS, name, before);
  const conditions = name === 'endpoint' ? ["metric_type = 'API_RESPONSE_TIME'"] : [];
  return namesOf(MEASUREMENTS, name, before, conditions);
}

/** By which names a dashboard can be narrowed: its variables, and what is marked for them. */
export function narrowedBy(...names: readonly Name[]): Pick<DashboardSpec, 'variables' | 'marks'> {
  return {
    variables: [
      ...names.map((name, i) => nameVariable(name, names.slice(0, i))),
      intervalVariable(),
    ],
    marks: annotations(names),
  };
}

/** Several names, or All. Grafana puts All's value in as it is, without quotes. */
function nameVariable(name: Name, before: readonly Name[]): Builder<VariableModel> {
  const sql = namesFor(name, before);
  return new QueryVariableBuilder(name)
    .label(LABELS[name])
    .datasource(QUESTDB)
    .query(sql)
    .definition(sql)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.Disabled)
    .multi(true)
    .includeAll(true)
    .allValue(ALL)
    .current({ selected: true, text: ['All'], value: ['$__all'] });
}

/** The shortest interval of the panels; by itself it follows the length of the range. */
function intervalVariable(): Builder<VariableModel> {
  return new IntervalVariableBuilder('interval')
    .label('Interval')
    .values('10s,30s,1m,5m,15m,1h,6h,1d')
    .auto(true)
    .stepCount(MOST_POINTS)
    .minInterval('1m')
    .current({ selected: true, text: 'auto', value: '$__auto_interval_interval' });
}

/** Values of a label among the series of requests, narrowed by the job where it is another. */
export function labelVariable(name: 'job' | 'instance', label: string): Builder<VariableModel> {
  const narrowed = name === 'job' ? '' : ',job=~"$job"';
  const series = `{__name__=~"http_server_request_duration(_seconds)?_count"${narrowed}}`;
  const query = `label_values(${series}, ${name})`;
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(PROMETHEUS)
    .query({ query, refId: `variable-${name}` })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: ['All'], value: ['$__all'] });
}
