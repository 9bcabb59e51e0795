import type { ApiResponse } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import { tenantQuery } from '../../api/range-query.ts';
import { Card } from '../../design/card.tsx';
import { Badge, type Kind, Tabs } from '../../design/controls.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { type Column, Table, tableHeight } from '../../design/table.tsx';
import { formatText } from '../../format/quantities.ts';
import { formatDateTime, toZoneName } from '../../format/times.ts';
import { getParameter, linkWith, zoneChoice } from '../../url/view-state.ts';
import { Tenant } from './current-decisions.tsx';

type Decision = ApiResponse<'decisions'>['decisions'][number];

const ROWS = 12;
const LIMIT = 500;
const STATUSES = ['failed', 'set', 'renewed', 'reset', 'expired', 'applied', 'delivered'] as const;
const KINDS: Readonly<Record<Decision['status'], Kind | undefined>> = {
  failed: 'critical',
  set: 'accent',
  renewed: undefined,
  reset: undefined,
  expired: 'warning',
  applied: 'ok',
  delivered: 'ok',
};

/** Decisions of business rules, and whether applications applied them. */
export function DecisionLog() {
  const status = STATUSES.find((name) => name === getParameter('status'));
  const state = useApi('decisions', {
    ...tenantQuery.value,
    ...(status && { status: [status] }),
    limit: LIMIT,
  });
  return (
    <Card
      title="Decisions"
      note={state.data?.nextCursor ? `the newest ${LIMIT} of this range` : 'the newest first'}
    >
      <Tabs
        label="Status of the decisions"
        current={status ?? 'all'}
        tabs={[
          { id: 'all', label: 'All', href: linkWith({ status: undefined }) },
          ...STATUSES.map((id) => ({
            id,
            label: id[0]!.toUpperCase() + id.slice(1),
            href: linkWith({ status: id }),
          })),
        ]}
      />
      <Loaded state={state} height={tableHeight(ROWS)}>
        {({ decisions }) => (
          <Table
            label="Decisions"
            rows={decisions}
            rowKey={({ id, seq, status: itemStatus, author }) =>
              `${id} ${seq} ${itemStatus} ${author}`
            }
            columns={columns()}
            empty={
              <EmptyState
                title={
                  status ? `No decision was ${status} in this range` : 'No decisions in this range'
                }
              >
                Business rules decide when their conditions change. Choose a longer range, or see
                docs/actions.md to add rules.
              </EmptyState>
            }
          />
        )}
      </Loaded>
    </Card>
  );
}

function columns(): Column<Decision>[] {
  const zone = toZoneName(zoneChoice.value);
  const text = (value: string, width: string) => (
    <span class="name truncate" style={{ display: 'block', maxWidth: width }} title={value}>
      {value || '–'}
    </span>
  );
  return [
    {
      id: 'at',
      header: 'Time',
      align: 'left',
      sortBy: ({ at }) => Date.parse(at),
      cell: ({ at }) => formatDateTime(Date.parse(at), zone, true),
    },
    {
      id: 'status',
      header: 'Status',
      sortBy: ({ status }) => status,
      cell: ({ status, dryRun }) => (
        <>
          <Badge kind={KINDS[status]}>{status}</Badge>
          {dryRun && <span class="faint"> dry run</span>}
        </>
      ),
    },
    {
      id: 'setting',
      header: 'Setting',
      isWide: true,
      sortBy: ({ setting }) => setting,
      cell: ({ setting, organizationId, propertyId }) => (
        <span class="cell">
          <span class="mono name truncate" title={setting}>
            {setting}
          </span>
          <Tenant organizationId={organizationId} propertyId={propertyId} />
        </span>
      ),
    },
    {
      id: 'value',
      header: 'Change',
      align: 'right',
      sortBy: ({ value }) => value,
      cell: ({ previous, value }) => (
        <span>
          <span class="faint">{formatText(previous)} → </span>
          {formatText(value)}
        </span>
      ),
    },
    {
      id: 'rule',
      header: 'Rule',
      isOptional: true,
      sortBy: ({ rule }) => rule,
      cell: ({ rule }) => text(rule, '140px'),
    },
    {
      id: 'author',
      header: 'Reported by',
      isOptional: true,
      sortBy: ({ author }) => author,
      cell: ({ author }) => text(author, '150px'),
    },
    {
      id: 'reason',
      header: 'Reason',
      isWide: true,
      isOptional: true,
      cell: ({ reason }) => text(reason, '100%'),
    },
  ];
}
