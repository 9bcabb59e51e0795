import type { ApiResponse } from '../../client/api-types.ts';
import { Stat } from '../design/figure.tsx';
import { formatChange, formatPoints } from '../format/quantities.ts';
import { formatComparison } from '../url/time-range.ts';
import { comparison } from '../url/view-state.ts';

type Figures = Pick<
  ApiResponse<'database'>['statements'][number],
  'rate' | 'errorRate' | 'p50' | 'p95' | 'p99' | 'previous'
>;

export interface WorkStatsProps {
  /** Name of the rate, such as `Calls`. */
  readonly label: string;
  readonly figures: Figures | undefined;
  /** Link to the failures. */
  readonly failedHref?: string;
}

/** Rate, failures, and percentiles with their changes. */
export function WorkStats({ label, figures, failedHref }: WorkStatsProps) {
  const previous = figures?.previous;
  const note = previous && formatComparison(comparison.value ?? 'yesterday');
  return (
    <div class="stats">
      <Stat
        label={label}
        value={figures?.rate}
        unit="/s"
        change={formatChange(figures?.rate, previous?.rate)}
        changeNote={note}
      />
      <Stat
        label="Failed"
        value={figures && (figures.errorRate ?? 0)}
        unit="%"
        isBad={(figures?.errorRate ?? 0) >= 1}
        higherIs="worse"
        {...(failedHref && { href: failedHref })}
        change={previous && formatPoints(figures?.errorRate ?? 0, previous.errorRate ?? 0)}
        changeNote={note}
      />
      {(['p50', 'p95', 'p99'] as const).map((name) => (
        <Stat
          key={name}
          label={name}
          value={figures?.[name]}
          unit="ms"
          higherIs="worse"
          change={formatChange(figures?.[name], previous?.[name])}
          changeNote={note}
        />
      ))}
    </div>
  );
}
