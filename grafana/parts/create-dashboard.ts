import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { GraphFieldConfig } from '@grafana/grafana-foundation-sdk/common';
import {
  type AnnotationQuery,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  type DashboardLink,
  DashboardLinkType,
  defaultDashboardLink,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { AnyPanel } from './panels.ts';

/** Schema version of Grafana 9.4. Later versions read it and upgrade it automatically. */
const SCHEMA_VERSION = 37;
const TAG = 'perfscope';

/** Panels next to each other. Each panel has its own width. */
interface PanelRow {
  readonly height: number;
  readonly panels: readonly AnyPanel[];
}

export interface DashboardSpec {
  /** Part of the uid after `perfscope-`. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Builder<VariableModel>[];
  readonly rows: readonly PanelRow[];
  /** Default time range, for example `1h`. */
  readonly last: string;
  readonly refresh: string;
  /** Creates the annotations on the time axis. The argument has the IDs of panels with threshold lines. */
  readonly annotations: (panelsWithLines: readonly number[]) => readonly Builder<AnnotationQuery>[];
}

export function createDashboard(spec: DashboardSpec): Dashboard {
  const { name, title, description, variables, last, refresh, annotations } = spec;
  const builder = new DashboardBuilder(title)
    .uid(`perfscope-${name}`)
    .description(description)
    .tags([TAG])
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: `now-${last}`, to: 'now' })
    .refresh(refresh)
    .link(createLinks())
    .variables([...variables]);
  const panels = layOutPanels(spec.rows);
  const built = builder.annotations([...annotations(findPanelsWithLines(panels))]).build();
  return { ...built, schemaVersion: SCHEMA_VERSION, panels };
}

/** Returns the IDs of panels that draw thresholds as lines. */
function findPanelsWithLines(panels: Dashboard['panels']): number[] {
  return (panels ?? []).flatMap((panel) => {
    if (!('fieldConfig' in panel) || panel.id === undefined) return [];
    const { thresholdsStyle } = (panel.fieldConfig?.defaults.custom ?? {}) as GraphFieldConfig;
    return (thresholdsStyle?.mode ?? 'off') === 'off' ? [] : [panel.id];
  });
}

/** Creates links to all other dashboards. They keep the time range and the selected filters. */
function createLinks(): Builder<DashboardLink> {
  return {
    build: () => ({
      ...defaultDashboardLink(),
      // `placement` exists only in the newest Grafana. There it could move the links out of sight.
      placement: undefined,
      title: 'Perfscope',
      type: DashboardLinkType.Dashboards,
      icon: 'external link',
      tags: [TAG],
      asDropdown: true,
      keepTime: true,
      includeVars: true,
    }),
  };
}

function layOutPanels(rows: readonly PanelRow[]): Dashboard['panels'] {
  let [id, y] = [1, 0];
  return rows.flatMap(({ height, panels }) => {
    let x = 0;
    const placed = panels.map((each) => {
      const panel = each.build();
      const w = panel.gridPos?.w ?? 24;
      const gridPos = { x, y, w, h: height };
      x += w;
      return { ...panel, id: id++, gridPos };
    });
    y += height;
    return placed;
  });
}
