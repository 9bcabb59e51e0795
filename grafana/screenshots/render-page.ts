import type { QueryResult } from '../../test/support/check-dashboards.ts';
import type { DashboardJson, PanelJson } from '../../test/support/dashboard-json.ts';
import { formatValue } from './format-value.ts';
import { COLORS, renderHeatmap, renderTimeSeries } from './render-chart.ts';

/** Size of a column and a row in Grafana's grid, in pixels. */
const COLUMN_WIDTH = 40;
const ROW_HEIGHT = 26;
const GAP = 8;
const TITLE_HEIGHT = 26;
export const PAGE_WIDTH = 24 * COLUMN_WIDTH + GAP;

/** Renders a dashboard as an HTML page without scripts. */
export function renderPage(
  dashboard: DashboardJson,
  getResult: (panel: PanelJson) => QueryResult | undefined,
): string {
  const height =
    Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h)) * ROW_HEIGHT + 50;
  const panels = dashboard.panels.map((panel) => renderPanel(panel, getResult(panel)));
  return `<!doctype html><meta charset="utf-8"><style>${STYLE}</style>
<body style="height:${height}px"><h1>${escapeHtml(dashboard.title)}</h1>${panels.join('')}</body>`;
}

function renderPanel(panel: PanelJson, result: QueryResult | undefined): string {
  const { x, y, w, h } = panel.gridPos;
  const size = {
    width: w * COLUMN_WIDTH - GAP - 2,
    height: h * ROW_HEIGHT - GAP - TITLE_HEIGHT - 2,
  };
  const position = `left:${x * COLUMN_WIDTH + GAP}px;top:${y * ROW_HEIGHT + 44}px;width:${size.width}px;height:${h * ROW_HEIGHT - GAP - 2}px`;
  return `<section style="${position}"><h2>${escapeHtml(panel.title)}</h2>${renderContent(panel, result, size)}</section>`;
}

function renderContent(
  panel: PanelJson,
  result: QueryResult | undefined,
  size: { width: number; height: number },
): string {
  const noData = `<p class="none">${escapeHtml(panel.fieldConfig.defaults.noValue ?? '')}</p>`;
  if (!result || result.rows.length === 0) return noData;
  if (panel.type === 'timeseries') return renderTimeSeries(panel, result, size);
  if (panel.type === 'heatmap') return renderHeatmap(result, size);
  return panel.type === 'stat'
    ? renderStat(panel, result, noData)
    : renderTable(panel, result, size);
}

function renderStat(panel: PanelJson, { columns, rows }: QueryResult, noData: string): string {
  const { unit = 'short', thresholds } = panel.fieldConfig.defaults;
  const [row = {}] = rows;
  const values = columns.filter((name) => row[name] !== null);
  if (values.length === 0) return noData;
  const colorOf = (value: number) => {
    const step = thresholds?.steps.findLast((each) => each.value === null || each.value <= value);
    return COLORS[step?.color ?? 'green'];
  };
  const cells = values.map((name) => {
    const value = Number(row[name]);
    const label = values.length > 1 ? `<small>${escapeHtml(name)}</small>` : '';
    return `<b style="color:${colorOf(value)}">${label}${formatValue(value, unit)}</b>`;
  });
  return `<div class="stat">${cells.join('')}</div>`;
}

function renderTable(
  panel: PanelJson,
  { columns, rows }: QueryResult,
  { height }: { height: number },
): string {
  const units = new Map(
    panel.fieldConfig.overrides.flatMap(({ matcher, properties }) =>
      properties.flatMap(({ id, value }) =>
        id === 'unit' ? [[matcher?.options ?? '', String(value)] as const] : [],
      ),
    ),
  );
  const cell = (name: string, value: unknown) => {
    if (value === null || value === undefined) return '';
    if (value instanceof Date) return value.toISOString().slice(0, 19).replace('T', ' ');
    if (typeof value !== 'number') return escapeHtml(String(value));
    return formatValue(value, units.get(name) ?? panel.fieldConfig.defaults.unit ?? 'short');
  };
  const head = columns.map((name) => `<th>${escapeHtml(name)}</th>`).join('');
  const body = rows
    .slice(0, Math.max(1, Math.floor(height / 22) - 1))
    .map(
      (row) => `<tr>${columns.map((name) => `<td>${cell(name, row[name])}</td>`).join('')}</tr>`,
    );
  return `<table><tr>${head}</tr>${body.join('')}</table>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

const STYLE = `
  body { margin: 0; width: ${PAGE_WIDTH}px; background: #111217; color: #ccccdc; position: relative;
    font: 12px/1.4 "DejaVu Sans", sans-serif; overflow: hidden }
  h1 { font-size: 16px; font-weight: 500; margin: 0; padding: 12px ${GAP}px }
  section { position: absolute; background: #181b1f; border: 1px solid #25272e; overflow: hidden }
  h2 { font-size: 12px; font-weight: 500; margin: 0; padding: 5px 8px; height: 16px }
  .none { color: #7b8087; text-align: center; margin-top: 20px; padding: 0 8px }
  .stat { display: flex; justify-content: space-around; align-items: center; height: 70px }
  .stat b { font-size: 24px; font-weight: 500; text-align: center; white-space: nowrap }
  .stat small { display: block; font-size: 11px; color: #a5a9b4; font-weight: 400 }
  table { border-collapse: collapse; width: 100%; table-layout: auto }
  th, td { text-align: left; font-weight: 400; height: 21px; padding: 0 8px; border-bottom: 1px solid #25272e;
    white-space: nowrap; max-width: 260px; overflow: hidden; text-overflow: ellipsis }
  th { color: #6e9fff }`;
