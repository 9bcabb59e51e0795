import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
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

/** The format that Grafana 9.4 writes; later ones read it and raise it by themselves. */
const SCHEMA_VERSION = 37;
const TAG = 'perfscope';

/** Panels side by side, each with the width that it asks for. */
interface PanelRow {
  readonly height: number;
  readonly panels: readonly AnyPanel[];
}

export interface DashboardSpec {
  /** Behind `perfscope-`. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Builder<VariableModel>[];
  readonly rows: readonly PanelRow[];
  /** How far it looks back when it is opened, such as `1h`. */
  readonly last: string;
  readonly refresh: string;
  /** What is marked on the axis of time. */
  readonly marks: readonly Builder<AnnotationQuery>[];
}

export function createDashboard(spec: DashboardSpec): Dashboard {
  const { name, title, description, variables, last, refresh, marks } = spec;
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
  const built = builder.annotations([...marks]).build();
  return { ...built, schemaVersion: SCHEMA_VERSION, panels: layOutPanels(spec.rows) };
}

/** To all other dashboards, with the range and the names that are chosen. */
function createLinks(): Builder<DashboardLink> {
  return {
    build: () => ({
      ...defaultDashboardLink(),
      // Only the newest Grafana has another place for links, where nobody would see it.
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
