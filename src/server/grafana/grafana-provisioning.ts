import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { applyRuleThresholds, type PanelRules, type RuleThresholds } from './panel-thresholds.ts';

/** A data source in the format of Grafana's provisioning files and HTTP API. */
export interface DataSource {
  readonly name: string;
  readonly uid: string;
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A source of dashboards in the format of Grafana's provisioning files. */
export interface Provider {
  readonly name: string;
  readonly folder: string;
  readonly folderUid: string;
  readonly options: { readonly path: string };
  readonly [field: string]: unknown;
}

export interface Dashboard {
  /** File name. */
  readonly file: string;
  readonly content: { readonly uid: string; readonly title: string } & Record<string, unknown>;
}

/** Values for the `$NAME` variables in the data source file. */
export interface DataSourceAddresses {
  /** `host:port` of the QuestDB Postgres wire endpoint, as seen from Grafana. */
  readonly PERFSCOPE_QUESTDB_ADDRESS: string;
  readonly PERFSCOPE_QUESTDB_USER: string;
  readonly PERFSCOPE_QUESTDB_PASSWORD: string;
  readonly PERFSCOPE_PROMETHEUS_URL: string;
}

/** The files in this package. The path is valid from `src` and from `dist`. */
const PROVISIONING_FOLDER = fileURLToPath(
  new URL('../../../grafana/provisioning', import.meta.url),
);
export const DASHBOARDS_FOLDER = join(PROVISIONING_FOLDER, 'dashboards', 'json');

/** Returns the data sources of the stack with the given addresses. */
export function loadDataSources(addresses: DataSourceAddresses): DataSource[] {
  const { datasources } = readYaml('datasources') as { datasources: DataSource[] };
  return datasources.map((source) => replaceVariables(source, { ...addresses }) as DataSource);
}

/** @param path folder of the dashboards, as seen from Grafana */
export function loadProvider(path: string): Provider {
  const [first] = (readYaml('dashboards') as { providers: Provider[] }).providers;
  return { ...first!, options: { ...first!.options, path } };
}

/**
 * Returns the dashboards. Their panels show the thresholds of `rules`.
 *
 * @param traceUrl address of the tracing UI. A trace ID follows it. Default: a local Jaeger.
 */
export function loadDashboards(rules: readonly RuleThresholds[], traceUrl?: string): Dashboard[] {
  const panelRules = readJson(join(PROVISIONING_FOLDER, 'drawn-rules.json')) as PanelRules;
  return readdirSync(DASHBOARDS_FOLDER)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => ({
      file,
      content: applyTraceUrl(
        applyRuleThresholds(
          readJson(join(DASHBOARDS_FOLDER, file)) as Dashboard['content'],
          panelRules,
          rules,
        ),
        traceUrl,
      ),
    }));
}

/** Name of the text variable with the address of the tracing UI. */
export const TRACE_URL_VARIABLE = 'tracing_url';

function applyTraceUrl(
  dashboard: Dashboard['content'],
  traceUrl: string | undefined,
): Dashboard['content'] {
  const { templating } = dashboard as { templating?: { list?: readonly { name: string }[] } };
  if (traceUrl === undefined || !templating?.list) return dashboard;
  const current = { selected: true, text: traceUrl, value: traceUrl };
  const list = templating.list.map((variable) =>
    variable.name === TRACE_URL_VARIABLE ? { ...variable, query: traceUrl, current } : variable,
  );
  return { ...dashboard, templating: { ...templating, list } };
}

/** Returns a file for `provisioning/datasources` in Grafana. The file contains the password. */
export function formatDataSourcesFile(addresses: DataSourceAddresses): string {
  return formatYamlFile({ apiVersion: 1, datasources: loadDataSources(addresses) });
}

/** Returns a file for `provisioning/dashboards` in Grafana. @param path see `loadProvider` */
export function formatProviderFile(path: string): string {
  return formatYamlFile({ apiVersion: 1, providers: [loadProvider(path)] });
}

/** Escapes `$` as `$$`, because `$` starts a variable in Grafana files. */
function formatYamlFile(value: object): string {
  return stringify(mapStrings(value, (text) => text.replaceAll('$', '$$$$')));
}

function replaceVariables(value: unknown, variables: Readonly<Record<string, string>>): unknown {
  return mapStrings(value, (text) =>
    text.replace(/^\$(\w+)$/, (match, name) => variables[name] ?? match),
  );
}

function mapStrings(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((each) => mapStrings(each, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, mapStrings(each, change)]),
  );
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function readYaml(kind: 'datasources' | 'dashboards'): unknown {
  return parse(readFileSync(join(PROVISIONING_FOLDER, kind, 'perfscope.yaml'), 'utf8'));
}
