import type { ApiResponse } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import type { HostFilter } from '../../api/range-query.ts';
import { serverNow } from '../../api/server-clock.ts';
import { Card } from '../../design/card.tsx';
import { Dot, type Kind } from '../../design/controls.tsx';
import { Figure } from '../../design/figure.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { type Column, Table, tableHeight } from '../../design/table.tsx';
import { formatAge } from '../../format/times.ts';
import { globalFilters, linkTo } from '../../url/view-state.ts';

type Process = NonNullable<ApiResponse<'health'>['hosts']>[number];

const ROWS = 5;
/** Values from which figures are red: the thresholds of the default rules, and a noticeable delay. */
const LIMITS = { cpu: 80, memory: 85, disk: 90, delayMs: 100, utilization: 90 } as const;
const STATUS: Readonly<Record<string, { kind: Kind; rank: number }>> = {
  unhealthy: { kind: 'critical', rank: 0 },
  degraded: { kind: 'warning', rank: 1 },
  healthy: { kind: 'ok', rank: 2 },
};

/** The processes that reported lately. Unhealthy processes and those with the highest usage are first. */
export function ProcessTable({ filter }: { filter: HostFilter }) {
  const { environment } = globalFilters.value;
  const state = useApi('health', { ...filter, ...(environment && { environment }) });
  return (
    <Card title="Processes" note="now">
      <Loaded state={state} height={tableHeight(ROWS)}>
        {({ hosts = [] }) => (
          <Table
            label="Processes"
            columns={processColumns(hosts)}
            rows={hosts.toSorted((a, b) => rank(a) - rank(b) || usage(b) - usage(a))}
            rowKey={({ service, instance }) => `${service} ${instance}`}
            visibleRows={ROWS}
            empty={
              <EmptyState title="No process has reported lately">
                Processes report once a minute. If yours should be here, check that it runs with the
                agent: <a href={linkTo('/setup')}>see the setup</a>.
              </EmptyState>
            }
          />
        )}
      </Loaded>
    </Card>
  );
}

function rank({ status = '' }: Process): number {
  return STATUS[status]?.rank ?? 3;
}

function usage({ cpuUsage = 0, memoryUsage = 0 }: Process): number {
  return Math.max(cpuUsage, memoryUsage);
}

/** Shows the usage of the host only if processes run in containers with limits. */
function processColumns(hosts: readonly Process[]): Column<Process>[] {
  const hasContainers = hosts.some(
    ({ cpuUsage, hostCpuUsage, memoryUsage, hostMemoryUsage }) =>
      (hostCpuUsage !== undefined && cpuUsage !== hostCpuUsage) ||
      (hostMemoryUsage !== undefined && memoryUsage !== hostMemoryUsage),
  );
  const limits = hasContainers ? 'Container' : 'Host';
  return [
    {
      id: 'service',
      header: 'Process',
      isWide: true,
      sortBy: ({ service }) => service,
      cell: ({ service, instance, status, host }) => (
        <span class="cell">
          <Dot kind={STATUS[status ?? '']?.kind ?? 'none'} label={status ?? 'unknown'} />
          <a
            class="name"
            href={linkTo('/hosts', { service })}
            style={{ flexShrink: 0, maxWidth: '60%' }}
          >
            {service}
          </a>
          <a
            class="faint truncate"
            href={linkTo('/hosts', { service, instance })}
            title={host ? `${instance} on ${host}` : instance}
          >
            {instance}
          </a>
        </span>
      ),
    },
    percent('cpu', `${limits} CPU`, ({ cpuUsage }) => cpuUsage, LIMITS.cpu),
    ...(hasContainers
      ? [percent('hostCpu', 'Host CPU', ({ hostCpuUsage }) => hostCpuUsage, LIMITS.cpu, true)]
      : []),
    percent('processCpu', 'Process CPU', ({ processCpuUsage }) => processCpuUsage, 101, true),
    percent('memory', `${limits} memory`, ({ memoryUsage }) => memoryUsage, LIMITS.memory),
    ...(hasContainers
      ? [
          percent(
            'hostMemory',
            'Host memory',
            ({ hostMemoryUsage }) => hostMemoryUsage,
            LIMITS.memory,
            true,
          ),
        ]
      : []),
    {
      id: 'processMemory',
      header: 'Process memory',
      align: 'right',
      isOptional: true,
      sortBy: ({ processMemory }) => processMemory,
      cell: ({ processMemory }) => <Figure value={processMemory} unit="By" />,
    },
    {
      id: 'delay',
      header: 'Loop delay p99',
      align: 'right',
      sortBy: ({ eventLoopDelayP99 }) => eventLoopDelayP99,
      cell: ({ eventLoopDelayP99 }) => (
        <Figure
          value={eventLoopDelayP99}
          unit="ms"
          isBad={(eventLoopDelayP99 ?? 0) >= LIMITS.delayMs}
        />
      ),
    },
    percent(
      'utilization',
      'Loop utilization',
      ({ eventLoopUtilization }) => eventLoopUtilization,
      LIMITS.utilization,
      true,
    ),
    percent('disk', 'Disk', ({ diskUsage }) => diskUsage, LIMITS.disk, true),
    {
      id: 'uptime',
      header: 'Running for',
      align: 'right',
      isOptional: true,
      sortBy: ({ uptime }) => uptime,
      cell: ({ uptime }) => <Figure value={uptime} unit="s" />,
    },
    {
      id: 'reported',
      header: 'Reported',
      align: 'right',
      isOptional: true,
      sortBy: ({ timestamp }) => Date.parse(timestamp),
      cell: ({ timestamp }) => formatAge(Date.parse(timestamp), serverNow()),
    },
  ];
}

function percent(
  id: string,
  header: string,
  read: (row: Process) => number | undefined,
  limit: number,
  isOptional = false,
): Column<Process> {
  return {
    id,
    header,
    align: 'right',
    isOptional,
    sortBy: read,
    cell: (row) => <Figure value={read(row)} unit="%" isBad={(read(row) ?? 0) >= limit} />,
  };
}
