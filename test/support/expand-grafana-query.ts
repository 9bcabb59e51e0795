import { DAY_MS } from '../../src/core/duration.ts';

// Expands a query as Grafana does. Its page replaces the variables, and its PostgreSQL data source replaces the macros.

/** The selected time range and filters. Times are in ms since the epoch. */
export interface DashboardView {
  readonly fromMs: number;
  readonly toMs: number;
  /** Selected names by variable. The other variables are set to All. */
  readonly selected?: Readonly<Record<string, readonly string[]>>;
  /** Value of the variable `interval`. Default: auto. */
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

/** Intervals that Grafana rounds to. Each one is used for values below its bound. All values are in ms. */
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

/** Parses an interval such as `1h` into ms. */
function parseIntervalMs(text: string): number {
  const [, amount, unit] = /^(\d+)(ms|[ydhms])$/.exec(text) ?? [];
  const length = UNITS.find(([name]) => name === unit)?.[1];
  if (!length) throw new Error(`${text} is not an interval`);
  return Number(amount) * length;
}

/** Returns the interval for a number of points, at least `minMs`. Same as Grafana's `calculateInterval`. */
function calculateInterval(
  { fromMs, toMs }: DashboardView,
  points: number,
  minMs: number,
): { text: string; ms: number } {
  const exact = (toMs - fromMs) / points;
  const rounded = ROUNDED_INTERVALS.find(([below]) => exact < below)?.[1] ?? YEAR_MS;
  const ms = Math.max(rounded, minMs);
  const [unit, length] = UNITS.find(([, each]) => ms >= each)!;
  return { text: `${Math.floor(ms / length)}${unit}`, ms };
}

/**
 * Returns the query that Grafana sends to the database.
 *
 * @param variables variables of the dashboard
 * @throws Error if the query uses an unknown variable or macro
 */
export function expandGrafanaQuery(
  text: string,
  variables: readonly Variable[],
  view: DashboardView,
  limits: PanelLimits = {},
): string {
  const replaceVariables = (part: string, more: Readonly<Record<string, string>>) =>
    part.replaceAll(
      /\$(\w+)|\$\{(\w+)(?::(\w+))?\}/g,
      (match, plain?: string, braced?: string, format?: string) =>
        more[plain ?? braced ?? ''] ??
        formatVariable(match, plain ?? braced ?? '', format, variables, view),
    );
  const minInterval = limits.interval === undefined ? '1s' : replaceVariables(limits.interval, {});
  const points = Math.min(limits.maxDataPoints ?? view.width ?? 1000, 10_000);
  const { text: interval, ms } = calculateInterval(
    view,
    points,
    Math.max(1000, parseIntervalMs(minInterval)),
  );
  const statement = replaceVariables(text, {
    __interval: interval,
    __interval_ms: String(ms),
    __from: String(view.fromMs),
    __to: String(view.toMs),
  });
  return expandMacros(statement, view);
}

/** Macros of the data source, which the page doesn't replace. */
const MACROS = new Set(['__timeFilter', '__timeFrom', '__timeTo', '__timeGroup']);

function formatVariable(
  match: string,
  name: string,
  format: string | undefined,
  variables: readonly Variable[],
  view: DashboardView,
): string {
  if (MACROS.has(name)) return match;
  const variable = variables.find((each) => each.name === name);
  if (!variable) throw new Error(`unknown variable ${name}`);
  if (variable.type === 'interval') return view.interval ?? calculateAutoInterval(variable, view);
  const selected = view.selected?.[name];
  // Grafana inserts the value of All unchanged, in any format.
  if (selected === undefined) return variable.allValue ?? '';
  if (format === 'sqlstring') {
    return selected.map((value) => `'${value.replaceAll("'", "''")}'`).join(',');
  }
  throw new Error(`${match} is not quoted`);
}

function calculateAutoInterval(
  { auto_min = '10s', auto_count = 30 }: Variable,
  view: DashboardView,
): string {
  return calculateInterval(view, auto_count, parseIntervalMs(auto_min)).text;
}

/** Expands the macros of https://grafana.com/docs/grafana/latest/datasources/postgres/#macros. */
function expandMacros(text: string, { fromMs, toMs }: DashboardView): string {
  const [from, to] = [fromMs, toMs].map((ms) => `'${new Date(ms).toISOString()}'`);
  return text.replaceAll(/\$(__\w+)\(([^)]*)\)/g, (match, name: string, args: string) => {
    const [first = '', second = ''] = args.split(',').map((part) => part.trim());
    if (name === '__timeFrom') return from!;
    if (name === '__timeTo') return to!;
    if (name === '__timeFilter') return `${first} BETWEEN ${from} AND ${to}`;
    if (name === '__timeGroup') {
      const seconds = parseIntervalMs(second.replaceAll(/['"]/g, '')) / 1000;
      return `floor(extract(epoch from ${first})/${seconds})*${seconds}`;
    }
    throw new Error(`unknown macro ${match}`);
  });
}
