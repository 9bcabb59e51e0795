import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { type DrawnRules, type Limits, withThresholds } from './thresholds.ts';

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
export interface Addresses {
  /** `host:port` of QuestDB's Postgres wire, as Grafana reaches it. */
  readonly PERFSCOPE_QUESTDB_ADDRESS: string;
  readonly PERFSCOPE_QUESTDB_USER: string;
  readonly PERFSCOPE_QUESTDB_PASSWORD: string;
  readonly PERFSCOPE_PROMETHEUS_URL: string;
}

/** The package's own files, beside `src` as well as beside `dist`. */
const FOLDER = fileURLToPath(new URL('../../grafana/provisioning', import.meta.url));
export const DASHBOARDS_FOLDER = join(FOLDER, 'dashboards', 'json');

/** The data sources of the stack, with their addresses. */
export function dataSources(addresses: Addresses): DataSource[] {
  const { datasources } = readYaml('datasources') as { datasources: DataSource[] };
  return datasources.map((source) => filled(source, { ...addresses }) as DataSource);
}

/** @param path folder of the dashboards, as Grafana sees it */
export function provider(path: string): Provider {
  const [first] = (readYaml('dashboards') as { providers: Provider[] }).providers;
  return { ...first!, options: { ...first!.options, path } };
}

/** The dashboards, with the thresholds of these rules drawn in their panels. */
export function dashboards(rules: readonly Limits[]): Dashboard[] {
  const drawn = readJson(join(FOLDER, 'drawn-rules.json')) as DrawnRules;
  return readdirSync(DASHBOARDS_FOLDER)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => ({
      file,
      content: withThresholds(
        readJson(join(DASHBOARDS_FOLDER, file)) as Dashboard['content'],
        drawn,
        rules,
      ),
    }));
}

/** The data sources as a file for Grafana's `provisioning/datasources`. It holds the password. */
export function dataSourcesFile(addresses: Addresses): string {
  return yamlFile({ apiVersion: 1, datasources: dataSources(addresses) });
}

/** A file for Grafana's `provisioning/dashboards`. @param path as `provider` takes it */
export function providerFile(path: string): string {
  return yamlFile({ apiVersion: 1, providers: [provider(path)] });
}

/** In Grafana's files a `$` begins a variable, and `$$` stands for itself. */
function yamlFile(value: object): string {
  return stringify(mapTexts(value, (text) => text.replaceAll('$', '$$$$')));
}

function filled(value: unknown, by: Readonly<Record<string, string>>): unknown {
  return mapTexts(value, (text) => text.replace(/^\$(\w+)$/, (all, name) => by[name] ?? all));
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((each) => mapTexts(each, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, mapTexts(each, change)]),
  );
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function readYaml(kind: 'datasources' | 'dashboards'): unknown {
  return parse(readFileSync(join(FOLDER, kind, 'perfscope.yaml'), 'utf8'));
}
