import { describe, expect, it } from 'vitest';
import drawnRules from '../../../grafana/provisioning/drawn-rules.json' with { type: 'json' };
import {
  applyRuleThresholds,
  type PanelRules,
} from '../../../src/server/grafana/panel-thresholds.ts';
import {
  type DashboardJson,
  getDashboardQueries,
  type PanelJson,
  readDashboards,
} from '../../support/dashboard-json.ts';

// Rules for the generated JSON. Each rule is about something that only a real Grafana shows.

const DASHBOARDS = readDashboards();
const PANELS = DASHBOARDS.flatMap((dashboard) =>
  dashboard.panels.map((panel) => ({ dashboard, panel, name: `${dashboard.uid}: ${panel.title}` })),
);
const ofType = (...types: string[]) => PANELS.filter(({ panel }) => types.includes(panel.type));
const getSql = (panel: PanelJson) => panel.targets.map(({ rawSql = '' }) => rawSql).join('\n');
const findPanel = (uid: string, title: string) =>
  PANELS.find(({ name }) => name === `perfscope-${uid}: ${title}`)!.panel;

/** Height of a row of Grafana's grid with its gap, and the space above the grid in a window of 1,280 × 800 px. */
const GRID_ROW_PX = 38;
const WINDOW_HEIGHT_PX = 800;
/** Navigation (80 px), and variables in up to five lines, because they wrap in this width. */
const HEADER_PX = 280;
const PANEL_COLUMN_PX = (1280 - 2 * 25) / 24;

/** Returns the properties of a column or line by their id. */
function getProperties(panel: PanelJson, field: string): Record<string, unknown> {
  return Object.fromEntries(
    panel.fieldConfig.overrides
      .filter(({ matcher }) => matcher?.options === field)
      .flatMap(({ properties }) => properties.map(({ id, value }) => [id, value])),
  );
}

/** Returns the names of the columns that a table's query selects. */
function getColumns(panel: PanelJson): string[] {
  return [...getSql(panel).matchAll(/AS "([^"]+)"/g)].map(([, column]) => column!);
}

const hasLines = (panel: PanelJson) =>
  (panel.fieldConfig.defaults.custom?.thresholdsStyle?.mode ?? 'off') !== 'off';

describe('annotations', () => {
  const findAnnotation = ({ annotations }: DashboardJson, name: string) =>
    annotations.list.find((each) => each.name === name);
  const annotated = DASHBOARDS.filter(({ annotations }) => annotations.list.length > 0);

  it('are thin lines, because areas cover the lines of the charts', () => {
    const queries = DASHBOARDS.flatMap(getDashboardQueries).filter(
      ({ kind }) => kind === 'annotation',
    );
    expect(queries.length).toBeGreaterThan(20);
    for (const { name, sql } of queries) expect(sql, name).not.toMatch(/timeend/i);
  });

  it('show incidents by default, and single alerts only if the user switches them on', () => {
    expect(annotated.length).toBeGreaterThan(8);
    for (const dashboard of annotated) {
      const enabled = dashboard.annotations.list.map(({ name, enable }) => [name, enable]);
      expect([dashboard.uid, Object.fromEntries(enabled)]).toEqual([
        dashboard.uid,
        { Incidents: true, 'All alerts': false, 'New versions': true },
      ]);
    }
  });

  it('exclude the alerts of panels with threshold lines', () => {
    for (const dashboard of annotated) {
      const ids = dashboard.panels.filter(hasLines).map(({ id }) => id);
      for (const name of ['Incidents', 'All alerts']) {
        const { filter } = findAnnotation(dashboard, name) ?? {};
        const expected = ids.length > 0 ? { exclude: true, ids } : undefined;
        expect([dashboard.uid, name, filter]).toEqual([dashboard.uid, name, expected]);
      }
    }
  });

  it('are limited to the selected service and tenant', () => {
    const checked = new Set<string>();
    for (const dashboard of annotated) {
      const names = dashboard.templating.list.map(({ name }) => name);
      for (const { name, sql } of getDashboardQueries(dashboard)) {
        if (!/@(Incidents|All alerts)/.test(name)) continue;
        checked.add(name);
        for (const filter of ['organization', 'property', 'service']) {
          if (names.includes(filter))
            expect([name, sql]).toContainEqual(expect.stringContaining(`\${${filter}:`));
        }
      }
    }
    expect(checked.size).toBe(2 * annotated.length);
  });
});

describe('tables', () => {
  const tables = ofType('table');

  it('define the width of every column', () => {
    expect(tables.length).toBeGreaterThan(15);
    for (const { name, panel } of tables) {
      const columns = getColumns(panel);
      expect([name, columns.length]).toEqual([name, expect.any(Number)]);
      for (const column of columns) {
        const properties = getProperties(panel, column);
        const isSized =
          'custom.width' in properties ||
          'custom.minWidth' in properties ||
          properties['custom.hidden'] === true;
        expect([name, column, isSized]).toEqual([name, column, true]);
      }
      const overridden = panel.fieldConfig.overrides.map(({ matcher }) => matcher?.options);
      expect([name, new Set(overridden)]).toEqual([name, new Set(columns)]);
    }
  });

  it('fit into a window of 1,280 px, and give a column with long texts the remaining width', () => {
    for (const { name, panel } of tables) {
      const widths = getColumns(panel).map((column) => {
        const properties = getProperties(panel, column);
        return Number(properties['custom.width'] ?? properties['custom.minWidth'] ?? 0);
      });
      const total = widths.reduce((sum, width) => sum + width, 0);
      expect([name, total]).toEqual([name, expect.any(Number)]);
      expect(total, name).toBeLessThanOrEqual(panel.gridPos.w * PANEL_COLUMN_PX);
      const flexible = getColumns(panel).filter(
        (column) => 'custom.minWidth' in getProperties(panel, column),
      );
      expect([name, flexible.length > 0]).toEqual([name, true]);
      for (const column of flexible) {
        const {
          'custom.inspect': inspect,
          'custom.cellOptions': cell,
          ...others
        } = getProperties(panel, column);
        expect([name, column, inspect, cell]).toEqual([
          ...[name, column, true, expect.objectContaining({ wrapText: true })],
        ]);
        // Grafana 12.2 and later read these.
        expect(others).toMatchObject({
          'custom.wrapText': true,
          'custom.tooltip': { field: column },
        });
      }
    }
  });

  it('give endpoints and statements at least 300 px', () => {
    for (const { name, panel } of tables) {
      for (const column of getColumns(panel)) {
        if (!['Endpoint', 'Statement'].includes(column)) continue;
        const { 'custom.minWidth': width } = getProperties(panel, column);
        expect([name, column, Number(width) >= 300]).toEqual([name, column, true]);
      }
    }
  });

  it('show severities, states, and statuses in colors', () => {
    const colored = tables.flatMap(({ name, panel }) =>
      getColumns(panel)
        .filter((column) => ['Severity', 'State', 'Status'].includes(column))
        .map((column) => ({ name, column, properties: getProperties(panel, column) })),
    );
    expect(colored.length).toBeGreaterThan(5);
    for (const { name, column, properties } of colored) {
      expect([name, column, properties]).toEqual([
        ...[name, column],
        expect.objectContaining({
          mappings: expect.arrayContaining([expect.anything()]),
          'custom.cellOptions': expect.objectContaining({ type: 'color-text' }),
        }),
      ]);
    }
  });

  it('have units for durations and percentages', () => {
    const units: Readonly<Record<string, string>> = {
      Average: 'ms',
      p95: 'ms',
      Longest: 'ms',
      Duration: 'ms',
      Processing: 'ms',
      Wait: 'ms',
      Failed: 'percent',
      Aborted: 'percent',
      Share: 'percent',
      Up: 'percent',
    };
    const found = new Set(tables.flatMap(({ panel }) => getColumns(panel)));
    expect([...found]).toEqual(expect.arrayContaining(Object.keys(units)));
    for (const { name, panel } of tables) {
      for (const column of getColumns(panel)) {
        if (!(column in units)) continue;
        expect([name, column, getProperties(panel, column).unit]).toEqual([
          name,
          column,
          units[column],
        ]);
      }
    }
  });

  it('show the value and the limit of each alert with the unit of its rule', () => {
    const sql = getSql(findPanel('alerts', 'Active alerts'));
    expect(sql).toMatch(/'error-rate'.*' %'/s);
    expect(sql).toMatch(/'response-time'.*' ms'/s);
  });
});

describe('missing values', () => {
  it('have a text only in stats, because tables show it in every empty cell', () => {
    for (const { name, panel } of PANELS) {
      const { noValue } = panel.fieldConfig.defaults;
      expect([name, noValue !== undefined]).toEqual([name, panel.type === 'stat']);
    }
  });

  it('are gray in stats, not green', () => {
    for (const { name, panel } of ofType('stat')) {
      const { mappings = [], noValue } = panel.fieldConfig.defaults;
      expect([name, mappings]).toEqual([
        name,
        expect.arrayContaining([
          {
            type: 'special',
            options: {
              match: 'null+nan',
              result: expect.objectContaining({ text: noValue, color: '#8e8e8e' }),
            },
          },
        ]),
      ]);
    }
  });
});

describe('layout', () => {
  it('shows the first chart completely in a window of 1,280 × 800 px', () => {
    for (const { uid, panels } of DASHBOARDS) {
      // For alerts, the tables with open incidents and alerts are more important than charts.
      const others = uid === 'perfscope-alerts' ? ['stat'] : ['stat', 'table'];
      const charts = panels.filter(({ type }) => !others.includes(type));
      const end = Math.min(...charts.map(({ gridPos: { y, h } }) => y + h)) * GRID_ROW_PX;
      expect(HEADER_PX + end, uid).toBeLessThanOrEqual(WINDOW_HEIGHT_PX);
    }
  });

  it('uses compact stats', () => {
    for (const { name, panel } of ofType('stat'))
      expect([name, panel.gridPos.h]).toEqual([name, 3]);
  });
});

describe('lines', () => {
  it('of processes are named after the service and the instance', () => {
    const names = ofType('timeseries').filter(({ panel }) =>
      /\binstance\b[^,]* AS metric/.test(getSql(panel)),
    );
    expect(names.length).toBeGreaterThan(8);
    for (const { name, panel } of names) {
      expect([name, getSql(panel)]).toEqual([
        name,
        expect.stringContaining("concat(service, ' ', instance) AS metric"),
      ]);
    }
    for (const { panel } of ofType('timeseries')) {
      for (const { expr = '', legendFormat = '' } of panel.targets) {
        if (legendFormat.includes('{{instance}}'))
          expect([expr, legendFormat]).toEqual([expr, '{{job}} {{instance}}']);
      }
    }
  });

  it('never connect two states with a slope', () => {
    const states = PANELS.filter(({ panel }) =>
      /breaker\.state|BREAKER_STATE|scaling\.desired|rule_decisions/.test(getSql(panel)),
    ).filter(({ panel }) => !['stat', 'table'].includes(panel.type));
    expect(states.map(({ name }) => name)).toEqual([
      'perfscope-actions: Circuit breaker state',
      'perfscope-actions: Setting values',
      'perfscope-actions: Queue workers',
      'perfscope-actions: Service replicas',
    ]);
    for (const { name, panel } of states) {
      const { lineInterpolation } = panel.fieldConfig.defaults.custom ?? {};
      expect([name, panel.type === 'state-timeline' || lineInterpolation === 'stepAfter']).toEqual([
        name,
        true,
      ]);
    }
  });

  it('of queues contain the scope only if a name exists in several scopes', () => {
    for (const title of ['Waiting jobs', 'Age of the oldest waiting job', 'Wait time by queue']) {
      expect(getSql(findPanel('queues', title))).toMatch(
        /CASE WHEN scopes > 1 THEN concat\(\w+, ' \(', queue_scope/,
      );
    }
  });
});

describe('thresholds', () => {
  it('color the share of aborted requests, the error rate, and the Apdex', () => {
    for (const uid of ['overview', 'api']) {
      for (const title of ['Error rate', 'Aborted requests', 'Apdex']) {
        const steps = findPanel(uid, title).fieldConfig.defaults.thresholds?.steps ?? [];
        expect([uid, title, steps.length > 1]).toEqual([uid, title, true]);
      }
      const { lines, sql } = {
        lines: findPanel(uid, 'Requests per second'),
        sql: getSql(findPanel(uid, 'Requests per second')),
      };
      for (const name of ['2xx', '3xx', '4xx', '5xx', 'aborted']) {
        expect(sql).toContain(`AS "${name}"`);
        expect(getProperties(lines, name).color).toMatchObject({ mode: 'fixed' });
      }
    }
  });

  it('of columns follow the rules of the user', () => {
    const { content, rules } = {
      content: DASHBOARDS.find(({ uid }) => uid === 'perfscope-api')!,
      rules: [
        { name: 'error-rate', direction: 'above', levels: [{ severity: 'high', threshold: 42 }] },
      ] as const,
    };
    const { panels } = applyRuleThresholds(content, drawnRules as PanelRules, rules);
    const table = panels.find(({ title }) => title === 'Endpoints')!;
    expect(getProperties(table, 'Failed').thresholds).toMatchObject({
      steps: [{ value: null }, { value: 42 }],
    });
    // The rule of this column was removed.
    expect(getProperties(table, 'Average').thresholds).toMatchObject({ steps: [{ value: null }] });
  });
});

describe('figures', () => {
  it('are rates in a readable unit', () => {
    const rates = ofType('stat').filter(({ panel }) =>
      /Requests$|^Statements|^Finished/.test(panel.title),
    );
    expect(rates.map(({ name }) => name)).toContain('perfscope-overview: Requests');
    for (const { name, panel } of rates.filter(({ panel: { targets } }) => targets[0]?.rawSql)) {
      const units = ['per second', 'per minute', 'per day'].map(
        (unit) => getProperties(panel, unit).unit,
      );
      expect([name, units]).toEqual([
        name,
        [
          expect.stringMatching(/\/s$/),
          expect.stringMatching(/\/min$/),
          expect.stringMatching(/\/day$/),
        ],
      ]);
    }
  });

  it('of targets don’t depend on the interval', () => {
    const met = ofType('stat').filter(({ panel }) => / met$|budget/.test(panel.title));
    expect(met).toHaveLength(7);
    for (const { name, panel } of met) expect(getSql(panel), name).not.toMatch(/\$__interval/);
  });

  it('exclude Perfscope’s own requests unless the user selects its service', () => {
    const requests = PANELS.filter(({ panel }) =>
      /API_RESPONSE_TIME|DATABASE_QUERY_TIME/.test(getSql(panel)),
    );
    expect(requests.length).toBeGreaterThan(40);
    for (const { name, panel } of requests) {
      expect([name, getSql(panel)]).toEqual([
        name,
        expect.stringContaining(
          `('__all__' NOT IN (\${service:sqlstring}) OR service != 'perfscope')`,
        ),
      ]);
    }
  });

  it('limit percentiles to the longest duration', () => {
    const percentiles = PANELS.filter(({ panel }) => /\bp95\b/.test(getSql(panel)));
    expect(percentiles.length).toBeGreaterThan(9);
    for (const { name, panel } of percentiles) {
      expect([name, getSql(panel)]).toEqual([
        name,
        expect.stringMatching(/least\(greatest\((p\.)?p95, minimum\), maximum\)/),
      ]);
    }
  });
});

describe('heatmaps', () => {
  it('have the end of the interval as time, and a row for each interval', () => {
    expect(ofType('heatmap')).toHaveLength(2);
    for (const { panel } of ofType('heatmap')) {
      expect(getSql(panel)).toMatch(
        /^SELECT dateadd\('s', \(\$__interval_ms \/ 1000\)::int, time\) AS time/,
      );
      expect(getSql(panel)).toContain('long_sequence(($__to - $__from) / $__interval_ms');
    }
  });
});

describe('Prometheus', () => {
  it('percentiles above the last bucket are marked', () => {
    const percentiles = PANELS.filter(({ panel }) =>
      panel.targets.some(({ expr = '' }) => expr.includes('histogram_quantile')),
    );
    expect(percentiles).toHaveLength(2);
    for (const { panel } of percentiles) {
      expect(panel.description).toContain('> 10 s');
      expect(panel.fieldConfig.defaults.mappings).toEqual([
        {
          type: 'range',
          options: { from: 10_000, to: null, result: { text: '> 10 s', index: 0 } },
        },
      ]);
    }
  });
});

describe('links', () => {
  const getLinks = (uid: string, title: string, column: string) =>
    getProperties(findPanel(uid, title), column).links as { url: string }[];

  it('lead from an alert to its measurements at that time', () => {
    for (const title of ['Active alerts', 'Alert history']) {
      for (const column of ['Rule', 'Cause']) {
        const [{ url } = { url: '' }] = getLinks('alerts', title, column);
        const fields = [...url.matchAll(/\$\{__data\.fields\.(\w+):percentencode\}/g)].map(
          ([, field]) => field,
        );
        expect(fields).toEqual([
          'link_dashboard',
          'link_from',
          'link_to',
          'link_service',
          'link_organization',
          'link_property',
        ]);
        expect(getColumns(findPanel('alerts', title))).toEqual(expect.arrayContaining(fields));
      }
    }
    const uids = DASHBOARDS.map(({ uid }) => uid);
    for (const [, name] of getSql(findPanel('alerts', 'Active alerts')).matchAll(
      /THEN '([a-z]+)' (?=WHEN rule IN|ELSE 'overview')/g,
    )) {
      expect(uids).toContain(`perfscope-${name}`);
    }
  });

  it('lead from a trace ID to the tracing UI of the user', () => {
    expect(getLinks('api', 'Slow and failed requests', 'Trace')).toMatchObject([
      { url: `\${tracing_url:raw}\${__value.text:percentencode}` },
    ]);
    const { templating } = DASHBOARDS.find(({ uid }) => uid === 'perfscope-api')!;
    expect(templating.list.find(({ name }) => name === 'tracing_url')).toMatchObject({
      type: 'textbox',
    });
  });

  it('of rows without a tenant or a route lead to these rows', () => {
    for (const { kind, name, sql } of DASHBOARDS.flatMap(getDashboardQueries)) {
      for (const filter of ['organization', 'property', 'endpoint']) {
        if (kind !== 'panel' || !sql.includes(`IN (\${${filter}:sqlstring})`)) continue;
        expect([name, sql]).toEqual([
          name,
          expect.stringContaining(`('(none)' IN (\${${filter}:sqlstring}) AND`),
        ]);
      }
    }
  });
});
