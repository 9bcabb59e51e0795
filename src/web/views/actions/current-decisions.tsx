import type { ApiResponse } from '../../../client/api-types.ts';
import { Badge } from '../../design/controls.tsx';
import { EmptyState } from '../../design/states.tsx';
import { Table } from '../../design/table.tsx';
import { formatText } from '../../format/quantities.ts';
import { formatCoarse } from '../../format/times.ts';
import { linkTo } from '../../url/view-state.ts';

type CurrentDecision = ApiResponse<'actions'>['decisions'][number];

/** Settings that rules have changed, with the facts of the decision. */
export function CurrentDecisions({ decisions }: { decisions: readonly CurrentDecision[] }) {
  return (
    <Table
      label="Changed settings"
      sortParameter="settingSort"
      rows={decisions}
      rowKey={({ id, setting, organizationId, propertyId }) =>
        `${id} ${setting} ${organizationId} ${propertyId}`
      }
      empty={
        <EmptyState title="All settings have their default values">
          Business rules change settings, such as prices or limits, while their conditions are met.
          docs/actions.md describes them. The log below contains earlier decisions.
        </EmptyState>
      }
      columns={[
        {
          id: 'setting',
          header: 'Setting',
          isWide: true,
          sortBy: ({ setting }) => setting,
          cell: ({ setting, dryRun, organizationId, propertyId }) => (
            <span class="cell">
              <span class="mono name truncate" title={setting}>
                {setting}
              </span>
              {dryRun && <Badge>dry run</Badge>}
              <Tenant organizationId={organizationId} propertyId={propertyId} />
            </span>
          ),
        },
        {
          id: 'value',
          header: 'Value',
          align: 'right',
          sortBy: ({ value }) => value,
          cell: ({ value, defaultValue }) => (
            <span>
              <strong>{formatText(value)}</strong>{' '}
              <span class="faint">default {formatText(defaultValue)}</span>
            </span>
          ),
        },
        {
          id: 'rule',
          header: 'Rule',
          isOptional: true,
          sortBy: ({ rule }) => rule,
          cell: ({ rule }) => (
            <span
              class="name truncate"
              style={{ display: 'block', maxWidth: '160px' }}
              title={rule}
            >
              {rule}
            </span>
          ),
        },
        {
          id: 'facts',
          header: 'Facts',
          isWide: true,
          cell: ({ facts, reason }) => <Facts facts={facts} reason={reason} />,
        },
        {
          id: 'remaining',
          header: 'Ends in',
          align: 'right',
          sortBy: ({ remainingMs }) => remainingMs,
          cell: ({ remainingMs }) => (
            <span title="Unless the rule renews it">{formatCoarse(Math.max(0, remainingMs))}</span>
          ),
        },
      ]}
    />
  );
}

/** The measurements that a rule compared. The title explains the decision. */
function Facts({ facts, reason }: { facts: CurrentDecision['facts']; reason: string }) {
  const text = Object.entries(facts)
    .map(([name, value]) => `${name} = ${formatText(value)}`)
    .join(', ');
  return (
    <span class="name" style={{ display: 'block', whiteSpace: 'normal' }} title={reason}>
      {text || reason || '–'}
    </span>
  );
}

export function Tenant({
  organizationId,
  propertyId,
}: {
  organizationId?: string | undefined;
  propertyId?: string | undefined;
}) {
  if (!organizationId) return null;
  return (
    <a class="faint truncate name" href={linkTo('/tenants', { tenant: organizationId })}>
      {[organizationId, propertyId].filter(Boolean).join(' / ')}
    </a>
  );
}
