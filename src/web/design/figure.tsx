import {
  type Change,
  formatExact,
  formatQuantity,
  formatText,
  type Unit,
} from '../format/quantities.ts';

export interface FigureProps {
  readonly value: number | null | undefined;
  readonly unit?: Unit;
  /** Location with the parts of the figure. */
  readonly href?: string | undefined;
  /** Whether the value is worse than it should be. */
  readonly isBad?: boolean;
}

/** A number with its unit. The exact value is in its tooltip. */
export function Figure({ value, unit = '1', href, isBad }: FigureProps) {
  const text = formatText(value, unit);
  const title = formatExact(value, unit);
  const className = isBad ? 'critical' : undefined;
  if (href === undefined || text === '–') {
    return (
      <span class={className} title={title}>
        {text}
      </span>
    );
  }
  return (
    <a class={className} title={title} href={href}>
      {text}
    </a>
  );
}

export interface StatProps extends FigureProps {
  readonly label: string;
  readonly change?: Change | undefined;
  /** Follows the change, for example `vs yesterday`. */
  readonly changeNote?: string | undefined;
  /** Whether a higher value is worse, better, or neither. @default neither */
  readonly higherIs?: 'worse' | 'better';
  readonly values?: readonly (number | null | undefined)[] | undefined;
  /** Color variable of the sparkline. */
  readonly color?: string;
}

/** A large figure with its change and its course. */
export function Stat(props: StatProps) {
  const { label, value, unit = '1', href, isBad, change, changeNote, values, color } = props;
  const quantity = formatQuantity(value, unit);
  const content = (
    <>
      <header>
        <h2>{label}</h2>
      </header>
      <div class={`value ${isBad ? 'critical' : ''}`} title={formatExact(value, unit)}>
        {quantity.value}
        {quantity.unit && <span class="unit">{quantity.unit}</span>}
      </div>
      {values && <Sparkline values={values} color={color} />}
      <div class="change">
        {change && <ChangeText change={change} higherIs={props.higherIs} />}{' '}
        {(change || value !== undefined) && changeNote}
      </div>
    </>
  );
  return href ? (
    <a class="card stat" href={href}>
      {content}
    </a>
  ) : (
    <section class="card stat">{content}</section>
  );
}

/** A change with its sign. Its color says whether it is better or worse. */
export function ChangeText({
  change,
  higherIs,
}: {
  change: Change | undefined;
  higherIs?: 'worse' | 'better' | undefined;
}) {
  if (!change) return <span class="faint">–</span>;
  const isUp = change.direction === 'up';
  const isNeutral = !higherIs || change.direction === 'same';
  const className = isNeutral ? 'muted' : isUp === (higherIs === 'worse') ? 'worse' : 'better';
  return <span class={className}>{change.text}</span>;
}

const SPARK_WIDTH = 100;
const SPARK_HEIGHT = 30;

/** A small line without axes. It starts at zero. */
export function Sparkline({
  values,
  color = '--series-1',
}: {
  values: readonly (number | null | undefined)[];
  color?: string | undefined;
}) {
  const points = values.map((value) => (Number.isFinite(value) ? (value as number) : undefined));
  const max = Math.max(...points.map((value) => value ?? 0), Number.MIN_VALUE);
  const x = (index: number) => (index / Math.max(points.length - 1, 1)) * SPARK_WIDTH;
  const y = (value: number) => SPARK_HEIGHT - 1.5 - (value / max) * (SPARK_HEIGHT - 4);
  let line = '';
  let area = '';
  let start: number | undefined;
  points.forEach((value, index) => {
    if (value === undefined) {
      if (start !== undefined) area += `L${x(index - 1)} ${SPARK_HEIGHT}Z`;
      start = undefined;
      return;
    }
    const point = `${x(index).toFixed(2)} ${y(value).toFixed(2)}`;
    line += start === undefined ? `M${point}` : `L${point}`;
    area += start === undefined ? `M${x(index).toFixed(2)} ${SPARK_HEIGHT}L${point}` : `L${point}`;
    start ??= index;
  });
  if (start !== undefined) area += `L${x(points.length - 1)} ${SPARK_HEIGHT}Z`;
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
      style={{ color: `var(${color})` }}
    >
      <path d={area} fill="currentColor" opacity="0.14" />
      <path
        d={line}
        fill="none"
        stroke="currentColor"
        stroke-width="1.4"
        vector-effect="non-scaling-stroke"
      />
    </svg>
  );
}
