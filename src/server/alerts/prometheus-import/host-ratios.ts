import type { PerformanceMetricType } from '../../../core/schema/enums.ts';
import { type Grouping, mapGrouping, mapMatchers } from './label-mapping.ts';
import type { PromqlExpression, Selector } from './promql-expression.ts';
import { LOOKBACK_MS, type Quantity } from './quantity.ts';

/** Pairs of metrics of node_exporter and cAdvisor whose ratio Perfscope measures. */
const RATIOS: readonly {
  readonly part: RegExp;
  readonly whole: RegExp;
  readonly type: PerformanceMetricType;
  /** Whether `part` is the free part, not the used part. */
  readonly isFree: boolean;
  readonly note: string;
}[] = [
  {
    part: /^node_memory_MemAvailable(?:_bytes)?$/,
    whole: /^node_memory_MemTotal(?:_bytes)?$/,
    ...{ type: 'MEMORY_USAGE', isFree: true },
    note: 'memory of node_exporter becomes `MEMORY_USAGE`',
  },
  {
    part: /^node_filesystem_(?:avail|free)(?:_bytes)?$/,
    whole: /^node_filesystem_size(?:_bytes)?$/,
    ...{ type: 'DISK_USAGE', isFree: true },
    note: 'file systems of node_exporter become `DISK_USAGE`, which measures the root file system',
  },
  {
    part: /^container_memory_(?:working_set|usage)_bytes$/,
    whole: /^(?:container_spec_memory_limit_bytes|machine_memory_bytes)$/,
    ...{ type: 'MEMORY_USAGE', isFree: false },
    note: 'container memory becomes `MEMORY_USAGE`, relative to the limit of the container',
  },
];

/** Labels of file systems and CPUs that need no matcher in Perfscope. */
const IRRELEVANT_LABELS: ReadonlySet<string> = new Set([
  ...['mountpoint', 'fstype', 'device', 'mode', 'cpu', 'job', 'image', 'container', 'name'],
]);

/**
 * Converts expressions about the CPU, the memory, and the disk of a host, such as
 * `avg(rate(node_cpu_seconds_total{mode="idle"}[5m]))`. Returns undefined for other expressions.
 */
export function findHostRatio(expression: PromqlExpression): Quantity | undefined {
  return findCpu(expression) ?? findUsage(expression);
}

function findCpu(expression: PromqlExpression): Quantity | undefined {
  if (expression.kind !== 'aggregation' || expression.op !== 'avg') return undefined;
  const [call] = expression.args;
  const isRate = call?.kind === 'call' && (call.name === 'rate' || call.name === 'irate');
  const selector = isRate ? call.args[0] : undefined;
  if (selector?.kind !== 'selector' || !/^node_cpu(?:_seconds_total)?$/.test(selector.metric)) {
    return undefined;
  }
  const mode = selector.matchers.find(({ label }) => label === 'mode');
  if (mode?.value !== 'idle' || mode.op !== '=') return undefined;
  return toHostQuantity('CPU_USAGE', [selector], expression, true, [
    'CPU time of node_exporter becomes `CPU_USAGE`',
  ]);
}

function findUsage(expression: PromqlExpression): Quantity | undefined {
  if (expression.kind !== 'binary' || expression.op !== '/') return undefined;
  const { left, right } = expression;
  const whole = toSelector(right);
  if (!whole) return undefined;
  // (size - available) / size
  const isDifference = left.kind === 'binary' && left.op === '-';
  const part = toSelector(isDifference ? left.right : left);
  const minuend = isDifference ? toSelector(left.left) : undefined;
  if (!part || (isDifference && minuend?.metric !== whole.metric)) return undefined;
  const found = RATIOS.find((each) => each.part.test(part.metric) && each.whole.test(whole.metric));
  if (!found) return undefined;
  const isFree = isDifference ? !found.isFree : found.isFree;
  const grouping = right.kind === 'aggregation' ? right : undefined;
  return toHostQuantity(found.type, [part, whole], grouping, isFree, [found.note]);
}

function toSelector(expression: PromqlExpression): Selector | undefined {
  const isGrouped = expression.kind === 'aggregation' && expression.args.length === 1;
  const inner = isGrouped ? expression.args[0]! : expression;
  return inner.kind === 'selector' && inner.rangeMs === undefined ? inner : undefined;
}

function toHostQuantity(
  type: PerformanceMetricType,
  selectors: readonly [Selector, ...Selector[]],
  grouping: Grouping | undefined,
  isFree: boolean,
  notes: readonly string[],
): Quantity {
  const [selector] = selectors;
  const relevant = selector.matchers.filter(({ label }) => !IRRELEVANT_LABELS.has(label));
  const { filter, constants, warnings } = mapMatchers(relevant, true);
  const groups = mapGrouping(
    grouping && {
      ...grouping,
      labels: grouping.labels.filter((label) => !IRRELEVANT_LABELS.has(label)),
    },
    ['host'],
    true,
  );
  return {
    source: {
      ...{ kind: 'measure', type, filter, windowMs: selector.rangeMs ?? LOOKBACK_MS },
      aggregate: type === 'DISK_USAGE' ? 'last' : 'mean',
      groupBy: groups.groupBy,
    },
    ...{ scale: isFree ? -100 : 100, offset: isFree ? 100 : 0, unit: '%', constants },
    notes: [...notes, ...groups.notes],
    warnings: [...warnings, ...groups.warnings],
  };
}
