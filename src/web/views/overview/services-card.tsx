import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { Card } from '../../design/card.tsx';
import { Loaded } from '../../design/states.tsx';
import { Table, tableHeight } from '../../design/table.tsx';
import { comparison, linkTo } from '../../url/view-state.ts';
import {
  NoServices,
  type ServiceRow,
  serviceColumns,
  toServiceRows,
} from '../services/service-columns.tsx';

const ROWS = 6;

/** The services, those with firing alerts first. */
export function ServicesCard() {
  const compare = comparison.value ?? 'previous';
  const state = useApi('endpoints', {
    ...rangeQuery.value,
    compare,
    groupBy: ['service'],
    limit: 100,
  });
  const trends = useApi('trends', {
    ...rangeQuery.value,
    groupBy: ['service'],
    aggregate: ['rate'],
    limit: 100,
  });
  const alerts = useApi('alerts', { state: ['firing'] });
  const health = useApi('health', {});
  const objectives = useApi('objectives', {});
  return (
    <Card title="Services" note={<a href={linkTo('/services')}>all services</a>} span={8}>
      <Loaded state={state} height={tableHeight(ROWS)}>
        {({ endpoints }) => (
          <Table<ServiceRow>
            label="Services"
            columns={serviceColumns(compare)}
            rows={toServiceRows(
              endpoints,
              trends.data,
              alerts.data?.alerts,
              health.data?.hosts,
              objectives.data?.objectives,
            )}
            rowKey={({ service }) => service}
            visibleRows={ROWS}
            empty={<NoServices />}
          />
        )}
      </Loaded>
    </Card>
  );
}
