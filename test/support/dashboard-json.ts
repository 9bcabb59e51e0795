import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { JSON_DIR } from '../../grafana/generate-files.ts';

interface Target {
  readonly refId: string;
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly format?: string;
  readonly rawSql?: string;
  readonly expr?: string;
  readonly legendFormat?: string;
}

export interface PanelJson {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets: readonly Target[];
  readonly maxDataPoints?: number;
  readonly interval?: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly fieldConfig: {
    readonly defaults: {
      readonly unit?: string;
      readonly custom?: {
        readonly stacking?: { readonly mode?: string };
        readonly drawStyle?: string;
        readonly lineInterpolation?: string;
        readonly thresholdsStyle?: { readonly mode?: string };
      };
      readonly noValue?: string;
      readonly mappings?: readonly unknown[];
      readonly thresholds?: { readonly steps: readonly { value: number | null; color: string }[] };
    };
    readonly overrides: readonly {
      readonly matcher?: { readonly id?: string; readonly options?: string };
      readonly properties: readonly { readonly id: string; readonly value: unknown }[];
    }[];
  };
}

interface VariableJson {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
  readonly datasource?: { readonly uid: string };
  readonly multi?: boolean;
  readonly includeAll?: boolean;
  readonly allValue?: string;
  readonly auto_min?: string;
  readonly auto_count?: number;
}

export interface DashboardJson {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly links: readonly Readonly<Record<string, unknown>>[];
  readonly panels: readonly PanelJson[];
  readonly templating: { readonly list: readonly VariableJson[] };
  readonly annotations: {
    readonly list: readonly {
      readonly name: string;
      readonly target: Target;
      readonly enable?: boolean;
      readonly iconColor?: string;
      readonly filter?: { readonly exclude?: boolean; readonly ids: readonly number[] };
    }[];
  };
}

/** Returns all dashboards from the provisioning folder. */
export function readDashboards(): DashboardJson[] {
  return readdirSync(JSON_DIR)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(JSON_DIR, name), 'utf8')) as DashboardJson);
}

/** A query of a dashboard, and where the dashboard uses it. */
export interface DashboardQuery {
  readonly dashboard: DashboardJson;
  readonly kind: 'panel' | 'variable' | 'annotation';
  /** Dashboard uid and panel title, for example `perfscope-api: Response time`. */
  readonly name: string;
  readonly sql: string;
  readonly format: string;
  readonly panel?: PanelJson;
}

/** Returns all QuestDB queries of a dashboard. */
export function getDashboardQueries(dashboard: DashboardJson): DashboardQuery[] {
  const toQueryName = (title: string) => `${dashboard.uid}: ${title}`;
  const variables = dashboard.templating.list.flatMap(({ name, type, query }): DashboardQuery[] =>
    type === 'query' && typeof query === 'string'
      ? [
          {
            dashboard,
            kind: 'variable',
            name: toQueryName(`$${name}`),
            sql: query,
            format: 'table',
          },
        ]
      : [],
  );
  const annotations = dashboard.annotations.list.map(
    ({ name, target }): DashboardQuery => ({
      dashboard,
      kind: 'annotation',
      name: toQueryName(`@${name}`),
      sql: target.rawSql ?? '',
      format: 'table',
    }),
  );
  const panels = dashboard.panels.flatMap((panel) =>
    panel.targets.flatMap(({ rawSql, format = '' }): DashboardQuery[] =>
      rawSql === undefined
        ? []
        : [
            {
              dashboard,
              kind: 'panel',
              name: toQueryName(panel.title),
              sql: rawSql,
              format,
              panel,
            },
          ],
    ),
  );
  return [...variables, ...annotations, ...panels];
}
