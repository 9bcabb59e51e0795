import type { ApiResponse } from '../../../client/api-types.ts';
import { Dot } from '../../design/controls.tsx';
import { ChangeText, Figure } from '../../design/figure.tsx';
import type { Column } from '../../design/table.tsx';
import { formatChange, formatText } from '../../format/quantities.ts';
import { linkTo } from '../../url/view-state.ts';

type RequestGroup = ApiResponse<'endpoints'>['endpoints'][number];
type TenantShare = ApiResponse<'queues'>['tenants'][number];

/** An organization with its part of all requests and jobs. Shares are in percent. */
export interface TenantRow {
  /** Undefined for requests and jobs without an organization. */
  readonly tenant: string | undefined;
  readonly figures: RequestGroup | undefined;
  readonly share: number;
  readonly workerShare: number | undefined;
  readonly waitingShare: number | undefined;
  readonly properties: readonly string[];
}

const BAD_ERROR_RATE = 1;
const BAD_RATIO = 1.5;
/** With fewer requests, a change is likely chance. */
const MIN_COUNT = 20;

/** Combines requests and jobs by organization. The organizations with the most failed requests are first. */
export function toTenantRows(
  groups: readonly RequestGroup[],
  properties: readonly RequestGroup[],
  shares: readonly TenantShare[],
): TenantRow[] {
  const requests = sum(groups, ({ count }) => count);
  const processing = sum(shares, (share) => share.processing);
  const waiting = sum(shares, (share) => share.waiting);
  const figures = new Map(groups.map((row) => [row.group.organizationId, row]));
  const tenants = new Set([
    ...figures.keys(),
    ...shares.map(({ organizationId }) => organizationId),
  ]);
  return [...tenants]
    .map((tenant): TenantRow => {
      const own = shares.filter(({ organizationId }) => organizationId === tenant);
      return {
        tenant,
        figures: figures.get(tenant),
        share: toPercent(figures.get(tenant)?.count ?? 0, requests) ?? 0,
        workerShare: toPercent(
          sum(own, (share) => share.processing),
          processing,
        ),
        waitingShare: toPercent(
          sum(own, (share) => share.waiting),
          waiting,
        ),
        properties: properties
          .filter(({ group }) => group.organizationId === tenant && group.propertyId !== undefined)
          .map(({ group }) => group.propertyId!),
      };
    })
    .sort(
      (a, b) =>
        (b.figures?.errorCount ?? 0) - (a.figures?.errorCount ?? 0) ||
        (b.figures?.count ?? 0) - (a.figures?.count ?? 0),
    );
}

function sum<T>(rows: readonly T[], value: (row: T) => number): number {
  return rows.reduce((total, row) => total + value(row), 0);
}

function toPercent(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : (100 * part) / whole;
}

/** Whether many requests of a tenant fail, or they are much slower than before. */
export function isAffected({ figures }: TenantRow): boolean {
  if (!figures) return false;
  const { errorRate = 0, p95, previous, count } = figures;
  if (errorRate >= BAD_ERROR_RATE) return true;
  if (p95 === undefined || !previous?.p95 || Math.min(count, previous.count) < MIN_COUNT)
    return false;
  return p95 / previous.p95 >= BAD_RATIO;
}

/** Columns of a table of tenants. `note` names the period to compare with. */
export function tenantColumns(note: string): Column<TenantRow>[] {
  const href = (tenant: string | undefined, changes = {}) =>
    tenant === undefined ? undefined : linkTo('/tenants', { tenant, ...changes });
  return [
    {
      id: 'tenant',
      header: 'Organization',
      isWide: true,
      sortBy: ({ tenant }) => tenant,
      cell: (row) => (
        <span class="cell">
          <Dot
            kind={isAffected(row) ? 'critical' : 'ok'}
            label={
              isAffected(row) ? 'Many requests fail, or are slower than before' : 'Not affected'
            }
          />
          {row.tenant === undefined ? (
            <span class="faint">(no organization)</span>
          ) : (
            <a class="name" href={href(row.tenant)} title={row.tenant}>
              {row.tenant}
            </a>
          )}
        </span>
      ),
    },
    {
      id: 'requests',
      header: 'Requests',
      align: 'right',
      sortBy: ({ figures }) => figures?.count,
      cell: ({ tenant, figures }) => <Figure value={figures?.count} href={href(tenant)} />,
    },
    {
      id: 'share',
      header: 'Share',
      align: 'right',
      sortBy: ({ share }) => share,
      cell: ({ share }) => <Figure value={share} unit="%" />,
    },
    {
      id: 'failed',
      header: 'Failed',
      align: 'right',
      sortBy: ({ figures }) => figures && (figures.errorRate ?? 0),
      cell: ({ tenant, figures }) => (
        <Figure
          value={figures && (figures.errorRate ?? 0)}
          unit="%"
          isBad={(figures?.errorRate ?? 0) >= BAD_ERROR_RATE}
          href={href(tenant, { samples: 'failed' })}
        />
      ),
    },
    {
      id: 'p95',
      header: 'p95',
      align: 'right',
      sortBy: ({ figures }) => figures?.p95,
      cell: ({ tenant, figures }) => (
        <Figure value={figures?.p95} unit="ms" href={href(tenant, { samples: 'slow' })} />
      ),
    },
    {
      id: 'change',
      header: note,
      align: 'right',
      isOptional: true,
      sortBy: ({ figures }) =>
        figures?.p95 !== undefined && figures.previous?.p95
          ? figures.p95 / figures.previous.p95
          : undefined,
      cell: ({ figures }) => (
        <ChangeText change={formatChange(figures?.p95, figures?.previous?.p95)} higherIs="worse" />
      ),
    },
    {
      id: 'workers',
      header: 'Worker time',
      align: 'right',
      isOptional: true,
      sortBy: ({ workerShare }) => workerShare,
      cell: ({ tenant, workerShare }) => (
        <Figure value={workerShare} unit="%" href={href(tenant)} />
      ),
    },
    {
      id: 'waiting',
      header: 'Job waiting',
      align: 'right',
      isOptional: true,
      sortBy: ({ waitingShare }) => waitingShare,
      cell: ({ waitingShare }) => <Figure value={waitingShare} unit="%" />,
    },
    {
      id: 'properties',
      header: 'Properties',
      align: 'right',
      isOptional: true,
      sortBy: ({ properties }) => properties.length,
      cell: ({ properties }) => (
        <span title={properties.slice(0, 20).join(', ')}>
          {properties.length === 0 ? '–' : formatText(properties.length)}
        </span>
      ),
    },
  ];
}
