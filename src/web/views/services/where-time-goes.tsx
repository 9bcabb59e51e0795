import type { ApiResponse } from '../../../client/api-types.ts';
import { BottleneckLine } from '../../data/bottleneck-line.tsx';
import { listParts, type PartName, PartsBar } from '../../data/parts.tsx';
import { Card } from '../../design/card.tsx';
import { ChangeText, Figure } from '../../design/figure.tsx';
import { EmptyState } from '../../design/states.tsx';
import { Table } from '../../design/table.tsx';
import { PART_COLORS } from '../../design/theme.ts';
import { formatChange, formatCount, formatText } from '../../format/quantities.ts';
import { linkTo } from '../../url/view-state.ts';

type RequestGroup = ApiResponse<'endpoints'>['endpoints'][number];

type BottleneckFilter = Parameters<typeof BottleneckLine>[0]['filter'];

/** The parts of a request's time, longest first, and the statement that it repeats. */
export function WhereTimeGoes({
  figures,
  filter,
}: {
  figures: RequestGroup | undefined;
  filter: BottleneckFilter;
}) {
  const parts = figures ? listParts(figures) : [];
  const earlier = figures?.previous ? listParts(figures.previous) : [];
  return (
    <Card
      title="Where the time goes"
      note={figures && `mean of ${formatCount(figures.count, 'request')}`}
      span={7}
    >
      {parts.length === 0 ? (
        <EmptyState title="No breakdown in this range">
          Agents of version 0.1.0 and later record it. Services that send OTLP don't.
        </EmptyState>
      ) : (
        <>
          <BottleneckLine filter={filter} />
          <PartsBar figures={figures!} height={24} />
          <Table
            label="Parts of the time"
            sortParameter="partSort"
            rows={parts.toSorted((a, b) => b.ms - a.ms)}
            rowKey={({ name }) => name}
            columns={[
              {
                id: 'part',
                header: 'Part',
                isWide: true,
                cell: ({ name, label }) => (
                  <span class="cell">
                    <i
                      class="swatch"
                      style={{ '--color': `var(${PART_COLORS[name]})`, margin: 0 }}
                    />
                    <PartLink name={name} label={label} service={figures?.group.service} />
                  </span>
                ),
              },
              {
                id: 'time',
                header: 'Time',
                align: 'right',
                cell: ({ ms }) => <Figure value={ms} unit="ms" />,
              },
              {
                id: 'share',
                header: 'Share',
                align: 'right',
                cell: ({ share }) => <Figure value={100 * share} unit="%" />,
              },
              {
                id: 'calls',
                header: 'Calls per request',
                align: 'right',
                cell: ({ calls }) => <Figure value={calls} />,
              },
              ...(earlier.length > 0
                ? [
                    {
                      id: 'change',
                      header: 'Change',
                      align: 'right' as const,
                      cell: ({ name, ms }: (typeof parts)[number]) => (
                        <ChangeText
                          change={formatChange(ms, earlier.find((part) => part.name === name)?.ms)}
                          higherIs="worse"
                        />
                      ),
                    },
                  ]
                : []),
            ]}
          />
          {figures?.repeatedStatement && <RepeatedStatement figures={figures} />}
        </>
      )}
    </Card>
  );
}

/** Links to the view with the details of a part. */
function PartLink({
  name,
  label,
  service,
}: {
  name: PartName;
  label: string;
  service: string | undefined;
}) {
  const paths: Partial<Record<PartName, string>> = {
    database: '/databases',
    connectionWait: '/databases',
    outgoing: '/outgoing',
    queue: '/queues',
    eventLoopWait: '/hosts',
  };
  const path = paths[name];
  return path ? <a href={linkTo(path, { service })}>{label}</a> : <span>{label}</span>;
}

function RepeatedStatement({ figures: { group, repeatedStatement } }: { figures: RequestGroup }) {
  const { statement, average, max, requests } = repeatedStatement!;
  return (
    <p class="muted" style={{ marginTop: '8px' }}>
      <strong>Repeated statement:</strong>{' '}
      <a class="mono name" href={linkTo('/statement', { service: group.service, statement })}>
        {statement}
      </a>{' '}
      runs {formatText(average)} times per request (at most {formatText(max)}) in{' '}
      {formatText(requests)} requests. One statement for all values may be faster.
    </p>
  );
}
