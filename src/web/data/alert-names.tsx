import type { ApiResponse } from '../../client/api-types.ts';
import { Badge, type Kind } from '../design/controls.tsx';
import { linkTo, type ParameterChanges } from '../url/view-state.ts';

export type Alert = ApiResponse<'alerts'>['alerts'][number];
export type Severity = Alert['severity'];
export type AlertState = Alert['state'];
type Labels = Alert['labels'];

/** Returns whether another system, such as Prometheus, evaluates the alert. */
export function isExternalAlert({ rule }: Pick<Alert, 'rule'>): boolean {
  return rule.startsWith('alertmanager:');
}

/** From highest to lowest. */
export const SEVERITIES: readonly Severity[] = ['critical', 'high', 'medium', 'warning'];
export const ALERT_STATES: readonly AlertState[] = [
  'firing',
  'pending',
  'acknowledged',
  'resolved',
];

/** The color of a severity. `high` and `critical` have the color of problems. */
export function severityKind(severity: Severity): 'critical' | 'warning' {
  return severity === 'critical' || severity === 'high' ? 'critical' : 'warning';
}

/** Sorts the most severe alerts first, then the newest. */
export function compareAlerts(a: Alert, b: Alert): number {
  return (
    SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
    sinceMs(b) - sinceMs(a) ||
    a.id.localeCompare(b.id)
  );
}

/** When the alert fired, or when its value crossed the threshold if it hasn't fired. */
export function sinceMs({ firedAt, startedAt }: Alert): number {
  return Date.parse(firedAt ?? startedAt);
}

export function SeverityBadge({ severity }: { severity: Severity }) {
  return <Badge kind={severityKind(severity)}>{severity}</Badge>;
}

const STATE_KINDS: Readonly<Record<string, Kind | undefined>> = {
  firing: 'critical',
  pending: 'warning',
  acknowledged: 'accent',
  resolved: 'ok',
};

/** Also for the state `inactive` of rules. */
export function StateBadge({ state }: { state: AlertState | 'inactive' }) {
  return <Badge kind={STATE_KINDS[state]}>{state}</Badge>;
}

/** Returns the link to an alert. */
export function alertLink(id: string): string {
  return linkTo(`/alerts/${encodeURIComponent(id)}`);
}

/** Names of labels for people. Other labels keep their names. */
const LABEL_TEXTS: Readonly<Record<string, string>> = {
  organization: 'tenant',
  queueScope: 'Redis',
  failed_rule: 'rule',
  errorType: 'error type',
};

/** Labels that repeat the kind of the rule. */
const INTERNAL_LABELS: readonly string[] = ['scope'];

/**
 * Returns the link to the view about a label, such as the queue. It keeps the other labels that the view needs.
 *
 * @param metricType metric type of the rule, which decides what an endpoint is
 */
function labelLink(name: string, labels: Labels, metricType?: string): string | undefined {
  const value = labels[name];
  if (value === undefined || value === '') return undefined;
  const { service, operation, queueScope } = labels;
  const to = (path: string, changes: ParameterChanges) => linkTo(path, changes);
  switch (name) {
    case 'service':
      return to('/service', { service: value });
    case 'endpoint':
      if (metricType === 'OUTGOING_REQUEST_TIME') return to('/outgoing', { host: value });
      if (metricType?.startsWith('DATABASE'))
        return to('/statement', { service, operation, statement: value });
      if (metricType?.startsWith('QUEUE')) return to('/queue', { queue: value, scope: queueScope });
      return to('/endpoint', { service, operation, endpoint: value });
    case 'queue':
      return to('/queue', { queue: value, scope: queueScope });
    case 'organization':
      return to('/tenants', { tenant: value });
    case 'property':
      return to('/services', { propertyId: value });
    case 'instance':
      return to('/hosts', { service, instance: value });
    case 'host':
      return to('/hosts', {});
    case 'failed_rule':
      return to('/rules', { rule: value });
    case 'table':
      return to('/storage', {});
    default:
      return undefined;
  }
}

/** The labels of an alert as links to the views of the service, the queue, and so on. */
export function LabelLinks({ labels, metricType }: { labels: Labels; metricType?: string }) {
  const names = Object.keys(labels).filter(
    (name) => !INTERNAL_LABELS.includes(name) && labels[name],
  );
  if (names.length === 0) return <span class="faint">no labels</span>;
  return (
    <span class="labels">
      {names.map((name) => {
        const href = labelLink(name, labels, metricType);
        const text = labels[name];
        return (
          <span key={name} class="label-pair" title={`${name}: ${text}`}>
            <span class="faint">{LABEL_TEXTS[name] ?? name}</span>{' '}
            {href ? (
              <a class="name" href={href}>
                {text}
              </a>
            ) : (
              <span class="name">{text}</span>
            )}
          </span>
        );
      })}
    </span>
  );
}

/** What a reason means, and what happens next. */
const HELD_TEXTS: Readonly<Record<string, string>> = {
  silenced: 'Silenced',
  maintenance: 'Maintenance window',
  inhibited: 'Inhibited by another alert',
  flapping: 'Changes too often',
  group_wait: 'Waits for more alerts of the group',
  group_interval: 'The group was just sent',
  duplicate: 'Already sent',
  never_told: 'Resolved before it was sent',
};

/** For example `Silenced` for `silenced`. */
export function formatReason(reason: string): string {
  return HELD_TEXTS[reason] ?? reason.replaceAll('_', ' ');
}

/** Authors are stored as `key:ID`, `token:SUBJECT`, or the name of a person. */
export function formatAuthor(author: string): string {
  return author.replace(/^(key|token):/, '$1 ');
}

type Rule = ApiResponse<'rules'>['rules'][number];

const RULE_STATES: readonly Rule['state'][] = ['firing', 'pending', 'inactive'];

/** Sorts rules with errors first, then firing and pending rules, then by name. */
export function compareRules(a: Rule, b: Rule): number {
  return (
    Number(b.error !== undefined) - Number(a.error !== undefined) ||
    RULE_STATES.indexOf(a.state) - RULE_STATES.indexOf(b.state) ||
    a.name.localeCompare(b.name)
  );
}
