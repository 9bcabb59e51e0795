import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { chooseStep } from '../../data/chart-step.ts';
import { useMarks } from '../../data/marks.ts';
import { Card } from '../../design/card.tsx';
import { Badge, CodeBlock } from '../../design/controls.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { LEGEND_HEIGHT, TimeChart } from '../../design/time-chart.tsx';
import { useHeading } from '../../shell/use-heading.ts';
import { linkTo } from '../../url/view-state.ts';
import { ErrorFacts } from './error-facts.tsx';
import { type ErrorGroup, errorTitle, kindLabel } from './error-names.ts';

const CHART_HEIGHT = 150;
const TITLE_LENGTH = 120;

/** One error: how often, since when, where, for whom, and its stack trace. */
export function ErrorDetails({ fingerprint }: { fingerprint: string }) {
  const state = useApi('errors', {
    ...rangeQuery.value,
    fingerprint: [fingerprint],
    step: chooseStep(),
    limit: 1,
  });
  const error = state.data?.errors[0];
  const title = error ? errorTitle(error) : 'Error';
  useHeading({
    title: title.length > TITLE_LENGTH ? `${title.slice(0, TITLE_LENGTH)}…` : title,
    crumbs: [
      { label: 'Errors', href: linkTo('/errors') },
      ...(error?.service
        ? [{ label: error.service, href: linkTo('/errors', { service: error.service }) }]
        : []),
    ],
  });
  if (state.data && !error) {
    return (
      <Card title="Error">
        <EmptyState title="This error did not happen in this range">
          Choose a longer range, remove a filter, or see <a href={linkTo('/errors')}>all errors</a>.
        </EmptyState>
      </Card>
    );
  }
  return (
    <>
      <Card
        title="Occurrences"
        note={error && <Badge kind="critical">{kindLabel(error.kind)}</Badge>}
        span={8}
      >
        <Loaded state={state} height={CHART_HEIGHT + LEGEND_HEIGHT}>
          {({ errors, times = [], from, to }) => (
            <Occurrences error={errors[0]!} times={times} from={from} to={to} />
          )}
        </Loaded>
      </Card>
      <Card title="Error" span={4}>
        <Loaded state={state} height={CHART_HEIGHT + LEGEND_HEIGHT}>
          {({ errors }) => <ErrorFacts error={errors[0]!} />}
        </Loaded>
      </Card>
      <Card title="Message">
        <Loaded state={state} height={50}>
          {({ errors }) => <CodeBlock label="Message">{errorTitle(errors[0]!)}</CodeBlock>}
        </Loaded>
      </Card>
      <Card title="Stack trace" note="of the last occurrence" span={8}>
        <Loaded state={state} height={200}>
          {({ errors }) =>
            errors[0]?.example.stackTrace ? (
              <CodeBlock label="Stack trace">{errors[0].example.stackTrace}</CodeBlock>
            ) : (
              <EmptyState title="No stack trace">
                The error has no stack trace, such as an alert or a thrown value that isn't an
                Error.
              </EmptyState>
            )
          }
        </Loaded>
      </Card>
      <Card title="Context" note="of the last occurrence" span={4}>
        <Loaded state={state} height={200}>
          {({ errors }) => <Context value={errors[0]?.example.context} />}
        </Loaded>
      </Card>
    </>
  );
}

interface OccurrencesProps {
  readonly error: ErrorGroup;
  readonly times: readonly string[];
  readonly from: string;
  readonly to: string;
}

function Occurrences({ error, times, from, to }: OccurrencesProps) {
  const marks = useMarks(error.service ? [error.service] : undefined);
  return (
    <TimeChart
      label="Occurrences"
      times={times.map((time) => Date.parse(time) / 1000)}
      series={[{ label: 'occurrences', values: error.points ?? [], color: '--critical' }]}
      unit="1"
      fromMs={Date.parse(from)}
      toMs={Date.parse(to)}
      kind="area"
      height={CHART_HEIGHT}
      marks={marks}
    />
  );
}

function Context({ value }: { value: unknown }) {
  if (value === undefined || value === null) {
    return <EmptyState title="No context">Nothing else is known about this error.</EmptyState>;
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value, undefined, 2);
  return <CodeBlock label="Context">{text}</CodeBlock>;
}
