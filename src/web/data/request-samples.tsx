import { useState } from 'preact/hooks';
import type { ApiResponse } from '../../client/api-types.ts';
import { useApi } from '../api/queries.ts';
import { rangeQuery } from '../api/range-query.ts';
import { Card } from '../design/card.tsx';
import { Dialog, Tabs } from '../design/controls.tsx';
import { Figure } from '../design/figure.tsx';
import { EmptyState, Loaded } from '../design/states.tsx';
import { Table, tableHeight } from '../design/table.tsx';
import { formatText } from '../format/quantities.ts';
import { formatClockMs, formatDateTime, toZoneName } from '../format/times.ts';
import { getParameter, linkTo, linkWith, zoneChoice } from '../url/view-state.ts';
import { type RequestFilter, readSelection } from './request-charts.tsx';
import { readSample, type Sample } from './sample.ts';
import { Waterfall, WaterfallList } from './waterfall.tsx';

const ROWS = 10;
const LIMIT = 100;

const KINDS = ['slow', 'failed'] as const;

/** Slow and failed requests with their parts, users, traces, and errors. */
export function RequestSamples({ filter }: { filter: RequestFilter }) {
  const kind = KINDS.find((name) => name === getParameter('samples')) ?? 'slow';
  const selection = readSelection();
  const [opened, setOpened] = useState<Sample>();
  const state = useApi('metrics', {
    ...rangeQuery.value,
    ...(filter as object),
    name: ['http.server.request.sample'],
    limit: LIMIT,
    sort: kind === 'slow' ? 'value' : 'at',
    ...(kind === 'failed' && { failed: true }),
    ...(selection && {
      last: undefined,
      from: new Date(selection.fromMs).toISOString(),
      to: new Date(selection.toMs).toISOString(),
      minValue: selection.min,
      maxValue: selection.max,
    }),
  } as never);
  const note = selection ? (
    <>
      {formatText(selection.min, 'ms')} to {formatText(selection.max, 'ms')},{' '}
      {formatDateTime(selection.fromMs, toZoneName(zoneChoice.value))}.{' '}
      <a class="link" href={linkWith({ box: undefined })}>
        Remove the selection
      </a>
    </>
  ) : (
    'the 10 slowest and the last 10 failed per interval and process are kept'
  );
  return (
    <Card title="Requests" note={note}>
      <Tabs
        label="Requests"
        current={kind}
        tabs={[
          { id: 'slow', label: 'Slowest', href: linkWith({ samples: 'slow' }) },
          { id: 'failed', label: 'Failed', href: linkWith({ samples: 'failed' }) },
        ]}
      />
      <Loaded state={state} height={tableHeight(ROWS)}>
        {(data) => (
          <SampleTable data={data as ApiResponse<'metrics'>} kind={kind} onOpen={setOpened} />
        )}
      </Loaded>
      {opened && <SampleDrawer sample={opened} onClose={() => setOpened(undefined)} />}
    </Card>
  );
}

interface SampleTableProps {
  readonly data: ApiResponse<'metrics'>;
  readonly kind: 'slow' | 'failed';
  readonly onOpen: (sample: Sample) => void;
}

function SampleTable({ data, kind, onOpen }: SampleTableProps) {
  const samples = data.metrics.map(readSample);
  const longest = Math.max(1, ...samples.map(({ durationMs }) => durationMs));
  const zone = toZoneName(zoneChoice.value);
  return (
    <Table
      label={kind === 'slow' ? 'Slowest requests' : 'Failed requests'}
      sortParameter="sampleSort"
      rows={samples}
      visibleRows={ROWS}
      rowKey={({ id }) => id}
      empty={
        <EmptyState
          title={
            kind === 'failed' ? 'No failed request was kept' : 'No request was kept in this range'
          }
        >
          {kind === 'failed'
            ? 'Either no request failed, or the failed ones are older than the retention of single requests.'
            : 'Choose a longer range, or a larger rectangle of the heatmap.'}
        </EmptyState>
      }
      columns={[
        {
          id: 'at',
          header: 'Time',
          sortBy: ({ atMs }) => atMs,
          align: 'left',
          cell: (sample) => (
            <button
              type="button"
              class="button"
              data-kind="quiet"
              style={{ padding: 0 }}
              onClick={() => onOpen(sample)}
            >
              {formatClockMs(sample.atMs, zone)}
            </button>
          ),
        },
        {
          id: 'duration',
          header: 'Duration',
          sortBy: ({ durationMs }) => durationMs,
          align: 'right',
          cell: ({ durationMs }) => <Figure value={durationMs} unit="ms" />,
        },
        {
          id: 'status',
          header: 'Status',
          align: 'right',
          sortBy: ({ status }) => status,
          cell: ({ status, errorType, isFailed, isAborted }) => (
            <span class={isFailed ? 'critical' : ''}>
              {isAborted ? 'aborted' : (status ?? errorType ?? '–')}
            </span>
          ),
        },
        {
          id: 'tenant',
          header: 'Tenant',
          sortBy: ({ organizationId }) => organizationId,
          cell: ({ organizationId }) =>
            organizationId ? (
              <a class="name" href={linkTo('/tenants', { tenant: organizationId })}>
                {organizationId}
              </a>
            ) : (
              <span class="faint">–</span>
            ),
        },
        {
          id: 'user',
          header: 'User',
          isOptional: true,
          cell: ({ userId }) => <span class="name">{userId ?? '–'}</span>,
        },
        {
          id: 'trace',
          header: 'Trace',
          isOptional: true,
          cell: ({ traceId }) => (
            <span class="mono" title={traceId}>
              {traceId ? `${traceId.slice(0, 12)}…` : '–'}
            </span>
          ),
        },
        {
          id: 'parts',
          header: 'Waterfall',
          isWide: true,
          cell: (sample) => <Waterfall sample={sample} scaleMs={longest} />,
        },
      ]}
    />
  );
}

function SampleDrawer({ sample, onClose }: { sample: Sample; onClose: () => void }) {
  const zone = toZoneName(zoneChoice.value);
  const facts: [string, string | undefined][] = [
    [
      'Time',
      `${formatDateTime(sample.atMs, zone).split(',')[0]}, ${formatClockMs(sample.atMs, zone)}`,
    ],
    ['Duration', formatText(sample.durationMs, 'ms')],
    [
      'Status',
      sample.isAborted ? 'aborted by the client' : String(sample.status ?? sample.errorType ?? '–'),
    ],
    ['Error', sample.errorType],
    ['Service', [sample.service, sample.version].filter(Boolean).join(' ')],
    ['Instance', sample.instance],
    ['Organization', sample.organizationId],
    ['Property', sample.propertyId],
    ['User', sample.userId],
    ['Trace', sample.traceId],
  ];
  return (
    <Dialog title={sample.name} kind="drawer" onClose={onClose}>
      <dl class="facts">
        {facts.map(
          ([label, value]) =>
            value && (
              <>
                <dt>{label}</dt>
                <dd class="name">{value}</dd>
              </>
            ),
        )}
      </dl>
      {sample.isFailed && sample.service && (
        <p>
          <a class="link" href={linkTo('/errors', { service: sample.service })}>
            Errors of {sample.service}
          </a>
        </p>
      )}
      <WaterfallList sample={sample} />
    </Dialog>
  );
}
