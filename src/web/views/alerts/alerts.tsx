import { useApi } from '../../api/queries.ts';
import {
  ALERT_STATES,
  type Alert,
  type AlertState,
  compareAlerts,
} from '../../data/alert-names.tsx';
import { Card } from '../../design/card.tsx';
import { Tabs } from '../../design/controls.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { formatCount, formatText } from '../../format/quantities.ts';
import { getParameter, globalFilters, linkTo, linkWith } from '../../url/view-state.ts';
import { AlertRow } from './alert-row.tsx';
import { SilencesCard } from './silences-card.tsx';

const TITLES: Readonly<Record<AlertState, string>> = {
  firing: 'Firing',
  pending: 'Pending',
  acknowledged: 'Acknowledged',
  resolved: 'Resolved',
};

/** What is wrong, since when, and who is on it? */
export default function Alerts() {
  const current = ALERT_STATES.find((state) => state === getParameter('state')) ?? 'firing';
  const { environment: _none, ...tenant } = globalFilters.value;
  const active = useApi('alerts', tenant, { isLive: true });
  const resolved = useApi('alerts', { ...tenant, state: ['resolved'] }, { isLive: true });
  const rules = useApi('rules', {}, { isLive: true });
  const state = current === 'resolved' ? resolved : active;
  const byName = new Map((rules.data?.rules ?? []).map((rule) => [rule.name, rule]));
  const count = (name: AlertState) => {
    const list = (name === 'resolved' ? resolved : active).data?.alerts;
    return list?.filter((alert) => alert.state === name).length;
  };
  return (
    <>
      <Card>
        <Tabs
          label="State"
          current={current}
          tabs={ALERT_STATES.map((id) => ({
            id,
            href: linkWith({ state: id === 'firing' ? undefined : id }),
            label: (
              <>
                {TITLES[id]} <span class="faint tab-count">{formatText(count(id))}</span>
              </>
            ),
          }))}
        />
        <Loaded state={state} height={180}>
          {({ alerts }) => {
            const shown = alerts
              .filter((alert) => alert.state === current)
              .toSorted(current === 'resolved' ? byChange : compareAlerts);
            if (shown.length === 0) {
              return <NoAlerts state={current} rules={rules.data?.rules.length} />;
            }
            return (
              <div class="alert-list">
                {shown.map((alert) => (
                  <AlertRow
                    key={alert.id}
                    alert={alert}
                    rule={byName.get(alert.rule)}
                    hasRules={!rules.isLoading}
                  />
                ))}
              </div>
            );
          }}
        </Loaded>
      </Card>
      {/* Later, because the list of alerts has any height. */}
      {!state.isLoading && <SilencesCard />}
    </>
  );
}

/** The last resolved alert first. */
function byChange(a: Alert, b: Alert): number {
  return Date.parse(b.changedAt) - Date.parse(a.changedAt);
}

function NoAlerts({ state, rules }: { state: AlertState; rules: number | undefined }) {
  const watched = (
    <a href={linkTo('/rules')}>
      {rules === undefined ? 'Alert rules' : formatCount(rules, 'rule')}
    </a>
  );
  if (state === 'firing') {
    return (
      <EmptyState title="No alert is firing">
        {watched} watch response times, errors, databases, queues, outgoing calls, hosts, and
        Perfscope itself. An alert appears here as soon as a value crosses its threshold. See{' '}
        <a href={linkWith({ state: 'resolved' })}>which alerts resolved</a> in the last 24 hours.
      </EmptyState>
    );
  }
  if (state === 'pending') {
    return (
      <EmptyState title="No alert is pending">
        An alert is pending while its value is beyond a threshold, but not yet for as long as its
        rule requires. {watched} are evaluated.
      </EmptyState>
    );
  }
  if (state === 'acknowledged') {
    return (
      <EmptyState title="No alert is acknowledged">
        To show others that you work on an alert, open it and acknowledge it.
      </EmptyState>
    );
  }
  return (
    <EmptyState title="No alert resolved in the last 24 hours">
      {watched} are evaluated. <a href={linkWith({ state: undefined })}>See firing alerts</a>.
    </EmptyState>
  );
}
