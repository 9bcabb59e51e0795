import { PART_COLORS } from '../design/theme.ts';
import { formatText } from '../format/quantities.ts';

export type PartName = keyof typeof PART_COLORS;

/** Means per request, in ms, as the API reports them. */
export interface PartFigures {
  readonly databaseTime?: number | undefined;
  readonly outgoingTime?: number | undefined;
  readonly queueTime?: number | undefined;
  readonly connectionWaitTime?: number | undefined;
  readonly eventLoopWaitTime?: number | undefined;
  readonly ownTime?: number | undefined;
  readonly databaseCalls?: number | undefined;
  readonly outgoingCalls?: number | undefined;
  readonly queueCalls?: number | undefined;
}

/** A part of a request's time. */
export interface Part {
  readonly name: PartName;
  readonly label: string;
  readonly ms: number;
  /** Share of the whole, 0 to 1. */
  readonly share: number;
  /** Calls per request. Undefined for parts without calls. */
  readonly calls: number | undefined;
}

const PART_LABELS: Readonly<Record<PartName, string>> = {
  database: 'Database statements',
  outgoing: 'Outgoing calls',
  queue: 'Queue operations',
  connectionWait: 'Waiting for a pool connection',
  eventLoopWait: 'Event loop delay',
  own: 'Own code',
};

/** Returns the parts of the time, in a fixed order. Empty if they were not recorded. */
export function listParts(figures: PartFigures): Part[] {
  const names = Object.keys(PART_LABELS) as PartName[];
  const times = names.map((name) => Math.max(0, figures[`${name}Time`] ?? 0));
  const total = times.reduce((sum, ms) => sum + ms, 0);
  if (figures.ownTime === undefined || total === 0) return [];
  return names.map((name, index) => ({
    name,
    label: PART_LABELS[name],
    ms: times[index]!,
    share: times[index]! / total,
    calls:
      name === 'database' || name === 'outgoing' || name === 'queue'
        ? figures[`${name}Calls`]
        : undefined,
  }));
}

/** A bar of the parts of the time. */
export function PartsBar({ figures, height = 8 }: { figures: PartFigures; height?: number }) {
  const parts = listParts(figures).filter(({ share }) => share >= 0.005);
  if (parts.length === 0) return <span class="faint">–</span>;
  const label = parts
    .toSorted((a, b) => b.share - a.share)
    .map(
      (part) => `${part.label} ${formatText(part.ms, 'ms')} (${formatText(100 * part.share, '%')})`,
    )
    .join(', ');
  return (
    <div
      class="parts-bar"
      role="img"
      aria-label={label}
      title={label}
      style={{ height: `${height}px`, minWidth: '120px' }}
    >
      {parts.map(({ name, share }) => (
        <span
          key={name}
          style={{ width: `${100 * share}%`, '--color': `var(${PART_COLORS[name]})` }}
        />
      ))}
    </div>
  );
}
