import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  AnnotationPanelFilterBuilder,
  type AnnotationQuery,
  AnnotationQueryBuilder,
  IntervalVariableBuilder,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { TRACE_URL_VARIABLE } from '../../src/server/grafana/grafana-provisioning.ts';
import { METRICS_TABLE } from '../../src/storage/queries/aggregation-tables.ts';
import {
  selectAlertStarts,
  selectIncidents,
  selectNewVersions,
} from '../sql/annotation-queries.ts';
import { selectQueueNames } from '../sql/job-queries.ts';
import { selectNames } from '../sql/select-metrics.ts';
import { ALL, IS_NOT_OWN, type VariableName } from '../sql/sql-text.ts';
import type { DashboardSpec } from './create-dashboard.ts';
import { createSqlQuery, PROMETHEUS, QUESTDB } from './data-sources.ts';
import { MAX_POINTS } from './panels.ts';

/** Labels of the variables, from the widest filter to the narrowest. */
const LABELS: Readonly<Record<VariableName, string>> = {
  organization: 'Organization',
  property: 'Property',
  service: 'Service',
  environment: 'Environment',
  endpoint: 'Endpoint',
  queue: 'Queue',
};

/** Returns the query for a variable's names. The variables before it limit the result. */
function toNamesSql(name: VariableName, before: readonly VariableName[]): string {
  if (name === 'queue') return selectQueueNames(before);
  const conditions = name === 'endpoint' ? ["metric_type = 'API_RESPONSE_TIME'", IS_NOT_OWN] : [];
  return selectNames(METRICS_TABLE, name, before, conditions);
}

/** Creates a dashboard's filter variables, the interval variable, and the annotations that match the filters. */
export function createFilters(
  ...names: readonly VariableName[]
): Pick<DashboardSpec, 'variables' | 'annotations'> {
  return {
    variables: [
      ...names.map((name, i) => createNameVariable(name, names.slice(0, i))),
      createIntervalVariable(),
    ],
    annotations: (panelsWithLines) => createAnnotations(names, panelsWithLines),
  };
}

/**
 * Creates annotations for incidents, single alerts, and new service versions. Panels with threshold lines show no alerts,
 * because the lines already show when a limit was exceeded.
 */
function createAnnotations(
  names: readonly VariableName[],
  panelsWithLines: readonly number[],
): Builder<AnnotationQuery>[] {
  return [
    createAnnotation('Incidents', 'orange', selectIncidents(names), { hiddenIn: panelsWithLines }),
    createAnnotation('All alerts', 'red', selectAlertStarts(names), {
      hiddenIn: panelsWithLines,
      isOn: false,
    }),
    createAnnotation('New versions', 'blue', selectNewVersions(names)),
  ];
}

interface AnnotationOptions {
  /** IDs of panels that don't show the annotation. */
  readonly hiddenIn?: readonly number[];
  readonly isOn?: boolean;
}

function createAnnotation(
  name: string,
  color: string,
  sql: string,
  { hiddenIn = [], isOn = true }: AnnotationOptions = {},
): Builder<AnnotationQuery> {
  const builder = new AnnotationQueryBuilder()
    .name(name)
    .datasource(QUESTDB)
    .enable(isOn)
    .iconColor(color)
    .target(createSqlQuery(sql, 'table', 'Anno'));
  if (hiddenIn.length > 0) {
    builder.filter(new AnnotationPanelFilterBuilder().exclude(true).ids([...hiddenIn]));
  }
  // `placement` exists only in the newest Grafana. There it could move the switch out of sight.
  return { build: () => ({ ...builder.build(), placement: undefined }) };
}

/**
 * Creates the text variable with the address of the tracing UI. A trace ID follows it. The default is a local Jaeger.
 */
export function createTracingVariable(): Builder<VariableModel> {
  const url = 'http://localhost:16686/trace/';
  return new TextBoxVariableBuilder(TRACE_URL_VARIABLE)
    .label('Trace URL')
    .defaultValue(url)
    .current({ selected: true, text: url, value: url });
}

/** Creates a variable with multiple selection and All. Grafana inserts the value of All without quotes. */
function createNameVariable(
  name: VariableName,
  before: readonly VariableName[],
): Builder<VariableModel> {
  const sql = toNamesSql(name, before);
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

/** Creates the variable for the minimum interval of the panels. By default it depends on the time range. */
function createIntervalVariable(): Builder<VariableModel> {
  return new IntervalVariableBuilder('interval')
    .label('Interval')
    .values('10s,30s,1m,5m,15m,1h,6h,1d')
    .auto(true)
    .stepCount(MAX_POINTS)
    .minInterval('1m')
    .current({ selected: true, text: 'auto', value: '$__auto_interval_interval' });
}

/** Creates a variable with the values of a label of the request series. The job limits the instances. */
export function createLabelVariable(
  name: 'job' | 'instance',
  label: string,
): Builder<VariableModel> {
  const jobFilter = name === 'job' ? '' : ',job=~"$job"';
  const series = `{__name__=~"http_server_request_duration(_seconds)?_count"${jobFilter}}`;
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
