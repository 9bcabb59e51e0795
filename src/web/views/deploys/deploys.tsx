import { useApi } from '../../api/queries.ts';
import { hostQuery } from '../../api/range-query.ts';
import { Card } from '../../design/card.tsx';
import { SearchableTable } from '../../design/searchable-table.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { tableHeight } from '../../design/table.tsx';
import { formatCount } from '../../format/quantities.ts';
import { formatDateTime, toZoneName } from '../../format/times.ts';
import { getParameters, linkTo, zoneChoice } from '../../url/view-state.ts';
import { type Deploy, DeployStatus, deployLink } from './deploy-parts.tsx';

const ROWS = 12;

/** Which versions started, and did they make anything slower? */
export default function Deploys() {
  const services = getParameters('service');
  const query = { ...hostQuery.value, ...(services.length > 0 && { service: services }) };
  const state = useApi('deploys', query, { isLive: true });
  return (
    <Card title="Deploys" note={state.data && formatCount(state.data.deploys.length, 'deploy')}>
      <Loaded state={state} height={tableHeight(ROWS)}>
        {({ deploys }) => (
          <SearchableTable<Deploy>
            label="Deploys"
            columns={createColumns()}
            rows={deploys.toReversed()}
            searchText={(deploy) =>
              `${deploy.service} ${deploy.version} ${deploy.environment} ${deploy.commit} ${deploy.author}`
            }
            rowKey={({ id }) => id}
            empty={<NoDeploys />}
          />
        )}
      </Loaded>
    </Card>
  );
}

function createColumns() {
  const zone = toZoneName(zoneChoice.value);
  return [
    {
      id: 'version',
      header: 'Version',
      sortBy: ({ version }: Deploy) => version,
      cell: ({ id, version, previousVersion }: Deploy) => (
        <span class="cell">
          <a class="name" href={deployLink(id)}>
            {version}
          </a>
          {previousVersion && <span class="faint">after {previousVersion}</span>}
        </span>
      ),
    },
    {
      id: 'service',
      header: 'Service',
      sortBy: ({ service }: Deploy) => service,
      cell: ({ service, environment }: Deploy) => (
        <span class="cell">
          <a class="name" href={linkTo('/service', { service })}>
            {service}
          </a>
          {environment && <span class="faint">{environment}</span>}
        </span>
      ),
    },
    {
      id: 'status',
      header: 'Result',
      sortBy: ({ status }: Deploy) => status,
      cell: ({ status }: Deploy) => <DeployStatus status={status} />,
    },
    {
      id: 'startsAt',
      header: 'Started',
      align: 'left' as const,
      sortBy: ({ startsAt }: Deploy) => Date.parse(startsAt),
      cell: ({ startsAt }: Deploy) => formatDateTime(Date.parse(startsAt), zone),
    },
    {
      id: 'findings',
      header: 'Most important change',
      isWide: true,
      isOptional: true,
      cell: ({ findings }: Deploy) => {
        const first = findings.find(({ verdict }) => verdict === 'regression') ?? findings[0];
        return (
          <span class="truncate muted" style={{ display: 'block' }} title={first?.text}>
            {first?.text ?? ''}
          </span>
        );
      },
    },
  ];
}

function NoDeploys() {
  return (
    <EmptyState title="No deploys in this range">
      Perfscope detects a deploy when a service sends a new version. To record a deploy, run
      perfscope deploy in your pipeline.
    </EmptyState>
  );
}
