import { EmptyState } from '../design/states.tsx';
import { FUNCTION_COLOR, PART_COLORS } from '../design/theme.ts';
import { formatText } from '../format/quantities.ts';
import { nestParts, type Sample, type SamplePart } from './sample.ts';

const COLORS: Readonly<Record<SamplePart['kind'], string>> = {
  database: PART_COLORS.database,
  outgoing: PART_COLORS.outgoing,
  queue: PART_COLORS.queue,
  connection: PART_COLORS.connectionWait,
  function: FUNCTION_COLOR,
};
const KINDS: Readonly<Record<SamplePart['kind'], string>> = {
  database: 'Statement',
  outgoing: 'Outgoing call',
  queue: 'Queue',
  connection: 'Wait for a connection',
  function: 'Function',
};
/** Functions are drawn behind the operations inside them. */
const FUNCTION_OPACITY = 0.45;
const INDENT_PX = 12;

/** The operations of a request on a line. `scaleMs` is the duration of the whole width. */
export function Waterfall({ sample, scaleMs }: { sample: Sample; scaleMs: number }) {
  const toPercent = (ms: number) => `${Math.min(100, (100 * ms) / scaleMs)}%`;
  const label = `${sample.parts.length} operations in ${formatText(sample.durationMs, 'ms')}`;
  return (
    <div class="waterfall" role="img" aria-label={label} title={label}>
      <span
        style={{
          left: 0,
          width: toPercent(sample.durationMs),
          '--color': `var(${PART_COLORS.own})`,
          opacity: 0.35,
        }}
      />
      {sample.parts.map((part, index) => (
        <span
          key={index}
          style={{
            left: toPercent(part.start),
            width: toPercent(part.duration),
            '--color': `var(${part.failed ? '--critical' : COLORS[part.kind]})`,
            ...(part.kind === 'function' && { opacity: FUNCTION_OPACITY }),
          }}
        />
      ))}
    </div>
  );
}

/** The operations of a request, one per line, with their names and durations. */
export function WaterfallList({ sample }: { sample: Sample }) {
  const { parts, omittedParts, durationMs } = sample;
  if (parts.length === 0) {
    return (
      <EmptyState title="No operations were recorded">
        The request made no statements, calls, or queue operations, or the agent had reduced its
        overhead.
      </EmptyState>
    );
  }
  return (
    <section>
      <h3 style={{ marginBottom: '6px' }}>Operations</h3>
      <div class="rows">
        {nestParts(parts).map(({ part, depth }, index) => (
          <div
            key={index}
            style={{ display: 'grid', gridTemplateColumns: 'minmax(0,1fr) 140px 64px' }}
          >
            <span
              class="mono truncate"
              title={part.name}
              style={{ paddingLeft: `${INDENT_PX * depth}px` }}
            >
              <i
                class="swatch"
                style={{ '--color': `var(${part.failed ? '--critical' : COLORS[part.kind]})` }}
              />
              {part.name || KINDS[part.kind]}
              {part.failed && <span class="critical"> failed</span>}
            </span>
            <Waterfall sample={{ ...sample, parts: [part] }} scaleMs={durationMs} />
            <span style={{ textAlign: 'right' }}>{formatText(part.duration, 'ms')}</span>
          </div>
        ))}
      </div>
      {omittedParts > 0 && (
        <p class="muted">{formatText(omittedParts)} further operations are not listed.</p>
      )}
    </section>
  );
}
