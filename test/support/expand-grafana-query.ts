import { DAY_MS } from '../../src/core/duration.ts';

/**
 * What Grafana makes of a query before a database sees it: its variables as the page puts them in,
 * and its macros as the PostgreSQL data source does.
 */

/** What a viewer has chosen. Times in ms since the epoch. */
export interface DashboardView {
  readonly fromMs: number;
  readonly toMs: number;
  /** Chosen names by variable; a variable that is not here is at All. */
  readonly selected?: Readonly<Record<string, readonly string[]>>;
  /** Of the variable `interval`. Default: auto. */
  readonly interval?: string;
  /** Width of a panel in pixels. */
  readonly width?: number;
}

interface Variable {
  readonly name: string;
  readonly type: string;
  readonly allValue?: string;
  readonly auto_min?: string;
  readonly auto_count?: number;
}

export interface PanelLimits {
  readonly maxDataPoints?: number | undefined;
  readonly interval?: string | undefined;
}

/** Lengths that Grafana rounds to, in ms, with the bound below which each is taken. */
const ROUNDED_INTERVALS: readonly (readonly [below: number, ms: number])[] = [
  ...([
    [10, 1],
    [15, 10],
    [35, 20],
    [75, 50],
    [150, 100],
    [350, 200],
    [750, 500],
  ] as const),
  ...([
    [1500, 1000],
    [3500, 2000],
    [7500, 5000],
    [12_500, 10_000],
    [17_500, 15_000],
  ] as const),
  ...([
    [25_000, 20_000],
    [45_000, 30_000],
    [90_000, 60_000],
    [210_000, 120_000],
  ] as const),
  ...([
    [450_000, 300_000],
    [750_000, 600_000],
    [1_050_000, 900_000],
  ] as const),
  ...([
    [1_500_000, 1_200_000],
    [2_700_000, 1_800_000],
    [5_400_000, 3_600_000],
  ] as const),
  ...([
    [9_000_000, 7_200_000],
    [16_200_000, 10_800_000],
    [32_400_000, 21_600_000],
  ] as const),
  ...([
    [DAY_MS, 43_200_000],
    [604_800_000, DAY_MS],
  ] as const),
  ...([
    [1_814_400_000, 604_800_000],
    [3_628_800_000, 2_592_000_000],
  ] as const),
];
const YEAR_MS = 31_536_000_000;
const UNITS = [
  ['y', YEAR_MS],
  ['d', DAY_MS],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

/** `1h` → 3600000. */
function parseIntervalMs(text: string): number {
  const [, amount, unit] = /^(\d+)(ms|[ydhms])$/.exec(text) ?? [];
  const length = UNITS.find(([name]) => name === unit)?.[1];
  if (!length) throw new Error(`${text} is no interval`);
  return Number(amount) * length;
}

/** The interval of so many points over a range, at least `leastMs` (Grafana's `calculateInterval`). */
function calculateInterval(
  { fromMs, toMs }: DashboardView,
  points: number,
  leastMs: number,
): { text: string; ms: number } {
  const exact = (toMs - fromMs) / points;
  const rounded = ROUNDED_INTERVALS.find(([below]) => exact < below)?.[1] ?? YEAR_MS;
  const ms = Math.max(rounded, leastMs);
  const [unit, length] = UNITS.find(([, each]) => ms >= each)!;
  return { text: `${Math.floor(ms / length)}${unit}`, ms };
}

/**
 * A query as the database gets it.
 *
 * @param variables of the dashboard
 * @throws for a variable that the dashboard does not have, and for a macro that is not known here
 */
export function expandGrafanaQuery(
  text: string,
  variables: readonly Variable[],
  view: DashboardView,
  limits: PanelLimits = {},
): string {
  const page = (part: string, more: Readonly<Record<string, string>>) =>
    part.replaceAll(
      /\$(\w+)|\$\{(\w+)(?::(\w+))?\}/g,
      (whole, bare?: string, braced?: string, format?: string) =>
        more[bare ?? braced ?? ''] ??
        formatVariable(whole, bare ?? braced ?? '', format, variables, view),
    );
  const leastText = limits.interval === undefined ? '1s' : page(limits.interval, {});
  const points = Math.min(limits.maxDataPoints ?? view.width ?? 1000, 10_000);
  const { text: interval, ms } = calculateInterval(
    view,
    points,
    Math.max(1000, parseIntervalMs(leastText)),
  );
  const asked = page(text, {
    __interval: interval,
    __interval_ms: String(ms),
    __from: String(view.fromMs),
    __to: String(view.toMs),
  });
  return expandMacros(asked, view);
}

/** Names that are the data source's, which the page leaves alone. */
const MACROS = new Set(['__timeFilter', '__timeFrom', '__timeTo', '__timeGroup']);

function formatVariable(
  whole: string,
  name: string,
  format: string | undefined,
  variables: readonly Variable[],
  view: DashboardView,
): string {
  if (MACROS.has(name)) return whole;
  const variable = variables.find((each) => each.name === name);
  if (!variable) throw new Error(`there is no variable ${name}`);
  if (variable.type === 'interval') return view.interval ?? calculateAutoInterval(variable, view);
  const chosen = view.selected?.[name];
  // The value of All is put in as it is, whatever format is asked for.
  if (chosen === undefined) return variable.allValue ?? '';
  if (format === 'sqlstring') {
    return chosen.map((value) => `'${value.replaceAll("'", "''")}'`).join(',');
  }
  throw new Error(`${whole} is not quoted`);
}

function calculateAutoInterval(
  { auto_min = '10s', auto_count = 30 }: Variable,
  view: DashboardView,
): string {
  return calculateInterval(view, auto_count, parseIntervalMs(auto_min)).text;
}

/** https://grafana.com/docs/grafana/latest/datasources/postgres/#macros */
function expandMacros(text: string, { fromMs, toMs }: DashboardView): string {
  const [from, to] = [fromMs, toMs].map((ms) => `'${new Date(ms).toISOString()}'`);
  return text.replaceAll(/\$(__\w+)\(([^)]*)\)/g, (whole, name: string, inside: string) => {
    const [first = '', second = ''] = inside.split(',').map((part) => part.trim());
    if (name === '__timeFrom') return from!;
    if (name === '__timeTo') return to!;
    if (name === '__timeFilter') return `${first} BETWEEN ${from} AND ${to}`;
    if (name === '__timeGroup') {
      const seconds = parseIntervalMs(second.replaceAll(/['"]/g, '')) / 1000;
      return `floor(extract(epoch from ${first})/${seconds})*${seconds}`;
    }
    throw new Error(`${whole} is no macro`);
  });
}
