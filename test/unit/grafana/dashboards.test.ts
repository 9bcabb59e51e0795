import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { findStaleFiles } from '../../../grafana/generate-files.ts';
import { getRule, getTargetRules } from '../../../grafana/parts/built-in-rules.ts';
import {
  type DashboardJson,
  getDashboardQueries,
  type PanelJson,
  readDashboards,
} from '../../support/dashboard-json.ts';

const DASHBOARDS = readDashboards();
const PROVISIONING = 'grafana/provisioning';
/** Panel types that exist in Grafana 9.4 and in the latest version. */
const PANEL_TYPES = new Set(['timeseries', 'state-timeline', 'stat', 'table', 'heatmap']);
const BUILT_IN = new Set(['__interval', '__interval_ms', '__from', '__to', '__rate_interval']);
const UNQUOTED = new Set([...BUILT_IN, 'interval']);
const MACROS = /\$__(timeFilter|timeFrom|timeTo|timeGroup)\(/g;

function findVariables(text: string): { name: string; format: string | undefined }[] {
  const pattern = /\$(\w+)|\$\{([\w.]+)(?::(\w+))?\}/g;
  return [...text.replaceAll(MACROS, '(').matchAll(pattern)].map(([, bare, braced, format]) => ({
    name: bare ?? braced ?? '',
    format,
  }));
}

it('has JSON files that match the code', () => {
  expect(findStaleFiles()).toEqual([]);
});

it('has all documented dashboards', () => {
  expect(DASHBOARDS.map(({ uid }) => uid)).toEqual(
    [
      ...[
        'actions',
        'alerts',
        'api',
        'database',
        'overview',
        'own',
        'prometheus',
        'queues',
        'system',
      ],
      ...['targets', 'tenants', 'trends'],
    ].map((name) => `perfscope-${name}`),
  );
});

it('uses exactly the provisioned data sources', () => {
  const { datasources } = parse(
    readFileSync(`${PROVISIONING}/datasources/perfscope.yaml`, 'utf8'),
  ) as { datasources: { uid: string; type: string; secureJsonData?: { password: string } }[] };
  const provisioned = datasources.map(({ uid, type }) => `${type} ${uid}`);
  const used = DASHBOARDS.flatMap(({ panels }) =>
    panels.flatMap(({ datasource, targets }) =>
      [datasource, ...targets.map((target) => target.datasource)].map(
        (ref) => `${ref?.type} ${ref?.uid}`,
      ),
    ),
  );
  expect([...new Set(used)].sort()).toEqual(provisioned.toSorted());
  expect(datasources[0]?.secureJsonData?.password).toBe('$PERFSCOPE_QUESTDB_PASSWORD');
});

describe.each(DASHBOARDS.map((each) => [each.uid, each] as const))('%s', (_, dashboard) => {
  it('fits into 24 columns without overlapping panels', () => {
    const titleByCell = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels) {
      const { x, y, w, h } = gridPos;
      expect([title, x >= 0 && w >= 3 && x + w <= 24]).toEqual([title, true]);
      for (let column = x; column < x + w; column++) {
        for (let row = y; row < y + h; row++) {
          const cell = `${column},${row}`;
          expect([title, cell, titleByCell.get(cell)]).toEqual([title, cell, undefined]);
          titleByCell.set(cell, title);
        }
      }
    }
  });

  it('has a title, a description, and a unit in every panel', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const titles = dashboard.panels.map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
    for (const panel of dashboard.panels) {
      const { unit } = panel.fieldConfig.defaults;
      expect(panel).toMatchObject({ title: expect.stringMatching(/./), id: expect.any(Number) });
      expect([panel.title, PANEL_TYPES.has(panel.type)]).toEqual([panel.title, true]);
      expect([panel.title, unit, panel.description]).toEqual([
        ...[panel.title, expect.stringMatching(/./), expect.stringMatching(/.\.$/)],
      ]);
      expect(panel.targets.length).toBeGreaterThan(0);
      for (const { refId, rawSql, expr } of panel.targets) {
        expect(refId).toMatch(/^[A-Z]$/);
        expect(rawSql ?? expr).toMatch(/./);
      }
    }
  });

  it('links to the other dashboards with the time range and the variables', () => {
    expect(dashboard.links).toEqual([
      expect.objectContaining({
        type: 'dashboards',
        keepTime: true,
        includeVars: true,
        tags: ['perfscope'],
      }),
    ]);
    const uids = new Set(DASHBOARDS.map(({ uid }) => uid));
    for (const url of cellLinks(dashboard)) {
      // Links of alerts have their own time range, and links of traces lead to another site.
      if (/__data\.fields|tracing_url/.test(url)) continue;
      const [, uid = '', query = ''] = /^\/d\/([\w-]+)\?(.*)$/.exec(url) ?? [];
      expect(uids).toContain(uid);
      expect(query).toContain(`$\{__url_time_range}`);
      for (const { name } of findVariables(query.replace(/\$\{__value[^}]*\}/, ''))) {
        if (!name.startsWith('__')) expect(variableNames(dashboard)).toContain(name);
      }
    }
  });

  it('uses only its own variables and quotes each name in SQL', () => {
    const names = variableNames(dashboard);
    for (const { name, sql } of getDashboardQueries(dashboard)) {
      for (const use of findVariables(sql)) {
        if (!BUILT_IN.has(use.name))
          expect([name, names]).toEqual([name, expect.arrayContaining([use.name])]);
        if (!UNQUOTED.has(use.name))
          expect([name, use]).toEqual([name, { ...use, format: 'sqlstring' }]);
      }
    }
    for (const { interval } of dashboard.panels) {
      for (const use of findVariables(interval ?? '')) expect(names).toContain(use.name);
    }
  });

  it('filters each variable only by earlier variables', () => {
    const names = variableNames(dashboard);
    for (const [i, { query }] of dashboard.templating.list.entries()) {
      const text = typeof query === 'string' ? query : query.query;
      for (const { name } of findVariables(text)) {
        if (!BUILT_IN.has(name)) expect(names.slice(0, i)).toContain(name);
      }
    }
  });
});

function variableNames({ templating }: DashboardJson): string[] {
  return templating.list.map(({ name }) => name);
}

function cellLinks({ panels }: DashboardJson): string[] {
  return panels.flatMap(({ fieldConfig }) =>
    fieldConfig.overrides.flatMap(({ properties }) =>
      properties.flatMap(({ id, value }) =>
        id === 'links' ? (value as { url: string }[]).map(({ url }) => url) : [],
      ),
    ),
  );
}

describe('thresholds', () => {
  const findPanel = (uid: string, title: string): PanelJson =>
    DASHBOARDS.find((each) => each.uid === `perfscope-${uid}`)!.panels.find(
      (panel) => panel.title === title,
    )!;
  const limits = (panel: PanelJson) =>
    panel.fieldConfig.defaults.thresholds?.steps.map(({ value }) => value);

  it('match the alert rules', () => {
    const levels = getRule('response-time').levels.map(({ threshold }) => threshold);
    expect(levels).toEqual([2000, 5000]);
    expect(limits(findPanel('api', 'Response time'))).toEqual([null, ...levels]);
    expect(limits(findPanel('queues', 'Waiting jobs'))).toEqual([null, 50, 100, 200]);
    expect(limits(findPanel('system', 'Uptime'))).toEqual([null, 99.9]);
  });

  it('include each of the five targets', () => {
    const shown = DASHBOARDS.find(({ uid }) => uid === 'perfscope-targets')!.panels.map(limits);
    expect(getTargetRules()).toHaveLength(5);
    for (const { levels } of getTargetRules()) {
      expect(shown).toContainEqual([null, ...levels.map(({ threshold }) => threshold)]);
    }
  });
});

it('has valid PromQL in every panel of the Prometheus dashboard', () => {
  const { panels, templating } = DASHBOARDS.find(({ uid }) => uid === 'perfscope-prometheus')!;
  const queries = panels.flatMap((panel) => panel.targets.map(({ expr = '' }) => expr));
  expect(queries.length).toBeGreaterThan(15);
  const rules = queries.map((expr, i) => ({
    record: `panel:${i}`,
    expr: expr.replaceAll(/\$(job|instance)/g, '.*').replaceAll('$__rate_interval', '1m'),
  }));
  expect(templating.list.map(({ name }) => name)).toEqual(['job', 'instance']);
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-promtool-'));
  const file = join(folder, 'rules.json');
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'panels', rules }] }));
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file], {
    encoding: 'utf8',
  });
  rmSync(folder, { recursive: true });
  expect([status, stdout + stderr]).toEqual([0, expect.stringContaining(`${rules.length} rules`)]);
});
