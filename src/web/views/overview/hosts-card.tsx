import { useApi } from '../../api/queries.ts';
import { caller } from '../../api/session.ts';
import { Card } from '../../design/card.tsx';
import { Dot } from '../../design/controls.tsx';
import { Figure } from '../../design/figure.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { Table, tableHeight } from '../../design/table.tsx';
import { linkTo } from '../../url/view-state.ts';

const ROWS = 6;

/** The processes with the highest CPU usage first. Callers of one organization don't see hosts. */
export function HostsCard() {
  const isHidden =
    caller.value?.organizationId !== undefined && caller.value.organizationId !== null;
  const state = useApi('health', {}, { enabled: !isHidden });
  if (isHidden) return null;
  return (
    <Card title="Hosts and runtime" note={<a href={linkTo('/hosts')}>all processes</a>} span={6}>
      <Loaded state={state} height={tableHeight(ROWS)}>
        {({ hosts = [] }) => (
          <Table
            label="Processes"
            sortParameter="hostSort"
            visibleRows={ROWS}
            rowKey={({ service, instance }) => `${service} ${instance}`}
            rows={hosts.toSorted((a, b) => (b.cpuUsage ?? 0) - (a.cpuUsage ?? 0))}
            empty={
              <EmptyState title="No process has reported">
                Processes report once a minute. <a href={linkTo('/setup')}>Set up a service</a>.
              </EmptyState>
            }
            columns={[
              {
                id: 'service',
                header: 'Service',
                isWide: true,
                sortBy: ({ service }) => service,
                cell: ({ service, instance, status, host }) => (
                  <span class="cell">
                    <Dot
                      kind={
                        status === 'healthy'
                          ? 'ok'
                          : status === 'unhealthy'
                            ? 'critical'
                            : 'warning'
                      }
                      label={status ?? 'unknown'}
                    />
                    <a class="name" href={linkTo('/hosts', { service, instance })} title={instance}>
                      {service}
                    </a>
                    {host && <span class="faint truncate">{host}</span>}
                  </span>
                ),
              },
              {
                id: 'cpu',
                header: 'CPU',
                sortBy: ({ cpuUsage }) => cpuUsage,
                align: 'right',
                cell: ({ cpuUsage }) => (
                  <Figure value={cpuUsage} unit="%" isBad={(cpuUsage ?? 0) > 85} />
                ),
              },
              {
                id: 'memory',
                header: 'Memory',
                sortBy: ({ memoryUsage }) => memoryUsage,
                align: 'right',
                isOptional: true,
                cell: ({ memoryUsage }) => (
                  <Figure value={memoryUsage} unit="%" isBad={(memoryUsage ?? 0) > 90} />
                ),
              },
              {
                id: 'disk',
                header: 'Disk',
                sortBy: ({ diskUsage }) => diskUsage,
                align: 'right',
                isOptional: true,
                cell: ({ diskUsage }) => (
                  <Figure value={diskUsage} unit="%" isBad={(diskUsage ?? 0) > 85} />
                ),
              },
              {
                id: 'loop',
                header: 'Event loop',
                sortBy: ({ eventLoopDelayP99 }) => eventLoopDelayP99,
                align: 'right',
                cell: ({ eventLoopDelayP99 }) => <Figure value={eventLoopDelayP99} unit="ms" />,
              },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}
