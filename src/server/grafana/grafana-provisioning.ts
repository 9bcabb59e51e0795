import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { applyRuleThresholds, type PanelRules, type RuleThresholds } from './panel-thresholds.ts';

/** A data source as Grafana's provisioning files and its HTTP API write it. */
export interface DataSource {
  readonly name: string;
  readonly uid: string;
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Where dashboards come from, as Grafana's provisioning files write it. */
export interface Provider {
  readonly name: string;
  readonly folder: string;
  readonly folderUid: string;
  readonly options: { readonly path: string };
  readonly [field: string]: unknown;
}

export interface Dashboard {
  /** Name of its file. */
  readonly file: string;
  readonly content: { readonly uid: string; readonly title: string } & Record<string, unknown>;
}

/** What stands for each `$NAME` of the data sources' file. */
export interface DataSourceAddresses {
  /** `host:port` of QuestDB's Postgres wire, as Grafana reaches it. */
  readonly PERFSCOPE_QUESTDB_ADDRESS: string;
  readonly PERFSCOPE_QUESTDB_USER: string;
  readonly PERFSCOPE_QUESTDB_PASSWORD: string;
  readonly PERFSCOPE_PROMETHEUS_URL: string;
}

/** The package's own files, beside `src` as well as beside `dist`. */
const PROVISIONING_FOLDER = fileURLToPath(
  new URL('../../../grafana/provisioning', import.meta.url),
);
export const DASHBOARDS_FOLDER = join(PROVISIONING_FOLDER, 'dashboards', 'json');

/** The data sources of the stack, with their addresses. */
export function loadDataSources(addresses: DataSourceAddresses): DataSource[] {
  const { datasources } = readYaml('datasources') as { datasources: DataSource[] };
  return datasources.map((source) => replaceVariables(source, { ...addresses }) as DataSource);
}

/** @param path folder of the dashboards, as Grafana sees it */
export function loadProvider(path: string): Provider {
  const [first] = (readYaml('dashboards') as { providers: Provider[] }).providers;
  return { ...first!, options: { ...first!.options, path } };
}

/** The dashboards, with the thresholds of these rules drawn in their panels. */
export function loadDashboards(rules: readonly RuleThresholds[]): Dashboard[] {
  const drawn = readJson(join(PROVISIONING_FOLDER, 'drawn-rules.json')) as PanelRules;
  return readdirSync(DASHBOARDS_FOLDER)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => ({
      file,
      content: applyRuleThresholds(
        readJson(join(DASHBOARDS_FOLDER, file)) as Dashboard['content'],
        drawn,
        rules,
      ),
    }));
}

/** The data sources as a file for Grafana's `provisioning/datasources`. It holds the password. */
export function formatDataSourcesFile(addresses: DataSourceAddresses): string {
  return formatYamlFile({ apiVersion: 1, datasources: loadDataSources(addresses) });
}

/** A file for Grafana's `provisioning/dashboards`. @param path as `provider` takes it */
export function formatProviderFile(path: string): string {
  return formatYamlFile({ apiVersion: 1, providers: [loadProvider(path)] });
}

/** In Grafana's files a `$` begins a variable, and `$$` stands for itself. */
function formatYamlFile(value: object): string {
  return stringify(mapStrings(value, (text) => text.replaceAll('$', '$$$$')));
}

function replaceVariables(value: unknown, by: Readonly<Record<string, string>>): unknown {
  return mapStrings(value, (text) => text.replace(/^\$(\w+)$/, (all, name) => by[name] ?? all));
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
