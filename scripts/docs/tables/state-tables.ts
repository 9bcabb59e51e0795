import { ROLES } from '../../../src/core/person-and-roles.ts';
import { ALERT_SEVERITIES } from '../../../src/core/schema/enums.ts';
import { ALERT_STATES } from '../../../src/core/schema/tables/alerts-table.ts';
import { DEPLOY_SOURCES } from '../../../src/core/schema/tables/deploys-table.ts';
import { INCIDENT_STATES } from '../../../src/core/schema/tables/incidents-table.ts';
import { NOTIFICATION_STATUSES } from '../../../src/core/schema/tables/notifications-table.ts';
import {
  DECISION_OUTCOME_STATUSES,
  DECISION_STATUSES,
} from '../../../src/core/schema/tables/rule-decisions-table.ts';
import { DISMISSAL_STATES } from '../../../src/core/schema/tables/suggestion-dismissals-table.ts';
import { BAND_AGGREGATES } from '../../../src/server/anomalies/band-measure.ts';
import { BAND_STATUSES } from '../../../src/server/anomalies/model/band-problem.ts';
import type { Message } from '../../../src/server/notifications/channels/channel.ts';
import type { TableDescriptions } from './table-description.ts';

/** Keys are checked by the compiler, so no kind can be missing. */
const MESSAGE_KINDS: Readonly<Record<Message['kind'], true>> = {
  route: true,
  escalation: true,
  digest: true,
  summary: true,
  test: true,
};

const SEQ = {
  meaning: 'Number of the change, starting at 1. Sorts changes with the same timestamp.',
};

/** Describes the tables of alerts and notifications. */
export const ALERT_TABLES: TableDescriptions<
  'alerts' | 'silences' | 'incidents' | 'notifications'
> = {
  alerts: {
    row: [
      'A row is one state change of one alert.',
      "The alert's row with the greatest (`timestamp`, `seq`) contains its current state.",
      'The server writes these rows.',
    ],
    columns: {
      timestamp: { meaning: 'Time of the state change.' },
      rule: { meaning: 'Name of the rule.' },
      state: {
        meaning: 'New state. `acknowledged` is a firing alert that a user is handling.',
        values: ALERT_STATES,
      },
      severity: { meaning: 'Severity, from lowest to highest.', values: ALERT_SEVERITIES },
      service: { meaning: 'Label `service` of the alert.' },
      organizationId: { meaning: 'Label `organization` of the alert.' },
      propertyId: { meaning: 'Label `property` of the alert.' },
      id: {
        meaning: 'ID of the alert: a hash of its rule, its labels, and the time of its start.',
      },
      seq: SEQ,
      value: {
        unit: 'as in the rule',
        meaning: 'Value that changed the state. Empty if data is missing.',
      },
      threshold: {
        unit: 'as in the rule',
        meaning: 'Threshold that was crossed. For a resolved alert, the first threshold.',
      },
      labels: { meaning: 'JSON object with sorted keys. Identifies the group within the rule.' },
      cause: {
        meaning:
          'Cause of the alert, or the reason why it was resolved even though its value did not recover.',
      },
      author: { meaning: 'User who acknowledged the alert.' },
      comment: { meaning: 'Comment of the person who acknowledged the alert.' },
      startedAt: { meaning: 'When the value first crossed the threshold.' },
      firedAt: {
        meaning: 'When the alert fired. Empty for pending alerts, and for alerts that never fired.',
      },
      annotations: {
        meaning: 'JSON object with the texts of an alert from another system. Otherwise empty.',
      },
      endsAt: {
        meaning:
          'Only for alerts from other systems: time at which the alert is resolved if its sender does not refresh it.',
      },
    },
  },
  silences: {
    row: [
      'A row is one change of a silence: its creation or its end.',
      "The silence's row with the greatest (`timestamp`, `seq`) contains its current state.",
      'The server writes these rows.',
    ],
    columns: {
      timestamp: { meaning: 'Time of the change.' },
      organizationId: {
        meaning: 'Organization whose alerts match. If empty, alerts of all organizations match.',
      },
      propertyId: {
        meaning: 'Property whose alerts match. If empty, alerts of all properties match.',
      },
      id: { meaning: 'ID of the silence.' },
      seq: SEQ,
      author: { meaning: 'User who created or ended the silence.' },
      comment: { meaning: 'Reason for the silence.' },
      matchers: { meaning: 'JSON array of label matchers, such as `service="shop"`.' },
      recurrence: {
        meaning: 'JSON object with the recurring times. Empty for a silence that does not recur.',
      },
      startsAt: { meaning: 'Start of the silence.' },
      endsAt: { meaning: 'End of the silence.' },
    },
  },
  incidents: {
    row: [
      'A row is one change of one incident.',
      "The incident's row with the greatest (`timestamp`, `seq`) contains its current state.",
      'The server writes these rows. An incident can contain alerts of several organizations, so only administrators can read this table.',
    ],
    columns: {
      timestamp: { meaning: 'Time of the change.' },
      state: {
        meaning: 'State. `merged` incidents became a part of an older incident.',
        values: INCIDENT_STATES,
      },
      severity: {
        meaning: 'Highest severity of the active alerts, or of all alerts after they have ended.',
        values: ALERT_SEVERITIES,
      },
      id: { meaning: 'ID of the incident: a hash of the ID of its first alert.' },
      seq: SEQ,
      title: { meaning: 'Likeliest cause, or the summary of the most severe alert.' },
      alerts: {
        meaning:
          'JSON array of up to 100 alerts with their IDs, rules, labels, states, and times. Active and newer alerts are stored first.',
      },
      alertCount: { meaning: 'Number of alerts.' },
      commonLabels: { meaning: 'JSON object with the labels that all alerts share.' },
      causes: {
        meaning:
          'JSON object with the likely causes and their evidence, and the causes for single tenants.',
      },
      tenants: { meaning: 'JSON array of affected tenants with their numbers of requests.' },
      services: { meaning: 'JSON array of the services.' },
      hosts: { meaning: 'JSON array of the hosts.' },
      queues: { meaning: 'JSON array of the queues.' },
      organizations: { meaning: 'JSON array of the organizations.' },
      startedAt: { meaning: 'Start of the first alert.' },
      lastAlertAt: { meaning: 'Start of the newest alert.' },
      resolvedAt: { meaning: 'When the incident was resolved. Empty for open incidents.' },
      mergedInto: { meaning: 'ID of the incident that contains the alerts now.' },
      splitFrom: { meaning: 'ID of the incident from which this incident was separated.' },
      reopenedCount: { meaning: 'How often the incident was reopened.' },
      author: { meaning: 'User who acknowledged the incident.' },
      comment: { meaning: 'Comment of the person who acknowledged the incident.' },
    },
  },
  notifications: {
    row: [
      'A row is one attempt to deliver a message, or the reason why an alert was not sent.',
      'A further row is written when a message is read.',
      'All attempts of a delivery have the same `id`.',
      'The server and `npx perfscope notify test` write these rows.',
    ],
    columns: {
      timestamp: {
        meaning:
          'Time at which the attempt was made, the alert was suppressed, or the message was read.',
      },
      receiver: { meaning: 'Name of the receiver in the notification file.' },
      channel: {
        meaning:
          'Kind of the channel, such as `email`, `slack`, or `inApp`. Empty for suppressed alerts.',
      },
      status: {
        meaning: 'Result. `retrying` is temporary, and the others are final.',
        values: NOTIFICATION_STATUSES,
      },
      reason: {
        meaning:
          'Reason for the status, such as `delivered`, `permanent`, `deadline`, `silenced`, `inhibited`, `group_wait`, or `no_route`.',
      },
      kind: {
        meaning: 'Why the message was sent. Empty for suppressed alerts.',
        values: Object.keys(MESSAGE_KINDS),
      },
      organizationId: {
        meaning: 'Organization, if all alerts in the message have the same organization.',
      },
      propertyId: { meaning: 'Property, if all alerts in the message have the same property.' },
      id: { meaning: 'ID of the delivery. All suppressions of one alert have the same ID.' },
      seq: { meaning: 'Number of the row, starting at 1. Sorts rows with the same timestamp.' },
      alertId: { meaning: 'ID of the first alert in the message.' },
      recipient: { meaning: 'Host, role, or partly masked address of the recipient.' },
      attempt: { meaning: 'Number of the attempt, starting at 1. 0 before the first attempt.' },
      level: { meaning: 'Escalation level, starting at 1. 0 for other messages.' },
      groupKey: { meaning: 'Key of the alert group that the message is about.' },
      detail: { meaning: 'Readable explanation of the status, without secrets.' },
      content: { meaning: 'JSON object with the status of the message and its alerts.' },
      author: { meaning: 'User who read the message. Set only with `read_at`.' },
      readAt: { meaning: 'When the message was read in the app.' },
    },
  },
};

/** Describes the table of deploys. */
export const DEPLOY_TABLES: TableDescriptions<'deploys'> = {
  deploys: {
    row: [
      'A row is one report of a deploy, or the result of one comparison.',
      'Rows with the same `id` belong to one deploy.',
      'The server writes these rows.',
    ],
    columns: {
      timestamp: { meaning: 'Time at which the row was written.' },
      service: { meaning: 'Name of the service.' },
      environment: { meaning: 'Environment of the service. Empty if it has none.' },
      version: { meaning: 'Version that was deployed.' },
      previousVersion: { meaning: 'Version that ran before. Empty if it is unknown.' },
      source: { meaning: 'How the deploy became known.', values: DEPLOY_SOURCES },
      id: { meaning: 'ID of the deploy.' },
      seq: SEQ,
      startsAt: {
        meaning: 'Start of the deploy: the first row of the version, or the recorded time.',
      },
      commitId: { meaning: 'Commit of the version.' },
      author: { meaning: 'Author of the deploy.' },
      url: { meaning: 'Link to the pipeline or the release.' },
      look: { meaning: 'Number of the last comparison. 0 before the first.' },
      comparedSeries: { meaning: 'Number of series with enough data in the last comparison.' },
      summary: { meaning: 'Sentences about the confirmed changes.' },
      findings: { meaning: 'JSON array of the confirmed changes.' },
      changes: { meaning: 'JSON array of compared statistics: at most 100.' },
      endedAt: { meaning: 'When the regressions ended. Empty while they continue.' },
      endReason: { meaning: 'Why the regressions ended.' },
    },
  },
};

/** Describes the table of dismissed suggestions. */
export const SUGGESTION_TABLES: TableDescriptions<'suggestion_dismissals'> = {
  suggestion_dismissals: {
    row: [
      'A row is one change of a dismissal: a suggestion was dismissed or restored.',
      "The dismissal's row with the greatest (`timestamp`, `seq`) contains its current state.",
      'The server writes these rows.',
    ],
    columns: {
      timestamp: { meaning: 'Time of the change.' },
      state: {
        meaning: 'Whether the suggestion was dismissed, or is shown again.',
        values: DISMISSAL_STATES,
      },
      kind: { meaning: 'Kind of the suggestion.' },
      organizationId: {
        meaning:
          'Organization whose people do not see the suggestion. If empty, the suggestion is hidden from all users.',
      },
      propertyId: {
        meaning: 'Property whose people do not see the suggestion. Empty for all properties.',
      },
      id: { meaning: 'ID of the dismissal: a hash of the suggestion and the tenant.' },
      seq: SEQ,
      suggestionId: { meaning: 'ID of the suggestion.' },
      title: { meaning: 'Title of the suggestion when it was dismissed.' },
      author: { meaning: 'User who dismissed or restored the suggestion.' },
      comment: { meaning: 'Reason for the dismissal.' },
      expiresAt: { meaning: 'End of the dismissal. Empty for a dismissal without an end.' },
    },
  },
};

/** Describes the tables of decisions and of access. */
export const ACCESS_TABLES: TableDescriptions<
  'rule_decisions' | 'notification_people' | 'api_keys' | 'audit_log'
> = {
  rule_decisions: {
    row: [
      'A row is one decision of a business rule, or the result of applying it.',
      'A result has the same `id` and `seq` as its decision, and a different `author`.',
      'All decisions from the first change of a setting until its reset have the same `id`.',
      'The server writes decisions.',
      'The agents and the server write results.',
    ],
    columns: {
      timestamp: { meaning: 'Time of the decision or of the result.' },
      rule: { meaning: 'Name of the business rule.' },
      event: { meaning: 'Event that a service handles.' },
      setting: { meaning: 'Name of the setting.' },
      status: {
        meaning: 'How the rule changed the setting, or the result of applying the change.',
        values: [...DECISION_STATUSES, ...DECISION_OUTCOME_STATUSES],
      },
      organizationId: {
        meaning: 'Organization. Empty if the decision applies to all organizations.',
      },
      propertyId: { meaning: 'Property. Empty if the decision applies to all properties.' },
      id: { meaning: 'ID of the series of decisions.' },
      seq: { meaning: 'Number of the decision in its series, starting at 1.' },
      author: {
        meaning:
          '`perfscope` for a decision. For a result, the service with its instance, or the webhook.',
      },
      value: { unit: 'as in the setting', meaning: 'New value of the setting.' },
      previous: { unit: 'as in the setting', meaning: 'Value before the decision.' },
      defaultValue: {
        unit: 'as in the setting',
        meaning: 'Value that applies without a decision.',
      },
      facts: {
        meaning:
          'JSON object with the values that led to the decision. `{}` in results from services.',
      },
      reason: { meaning: 'Explanation of the decision, or of the failure.' },
      expiresAt: {
        meaning:
          'When the default value applies again. Empty if the setting has its default value.',
      },
      dryRun: { meaning: 'Whether the decision was recorded but not applied.' },
    },
  },
  notification_people: {
    row: [
      'A row is one change to a person who receives notifications, made through the API.',
      "The person's row with the greatest (`timestamp`, `seq`) contains the current state.",
      'People in the notification file are not in this table.',
      'The server writes these rows.',
    ],
    columns: {
      timestamp: { meaning: 'Time of the change.' },
      id: { meaning: 'Name of the person.' },
      seq: SEQ,
      state: {
        meaning:
          'Whether the person was added, replaced, or removed. `active` means added or replaced.',
        values: ['active', 'removed'],
      },
      role: { meaning: 'Role of the person.', values: ROLES },
      organizationId: { meaning: 'Organization of the person. Empty for the whole installation.' },
      properties: {
        meaning: 'JSON array of properties. Empty for all properties of the organization.',
      },
      email: { meaning: 'Email address. Set only in the newest row of the person.' },
      phone: { meaning: 'Phone number. Set only in the newest row of the person.' },
      subject: {
        meaning:
          'Subject of the key or token that reads the notifications in the app. Set only in the newest row of the person.',
      },
      author: { meaning: 'User who made the change.' },
    },
  },
  api_keys: {
    row: [
      'A row is the creation or the revocation of an API key.',
      'The key itself is never stored.',
      'The server and `npx perfscope keys` write these rows.',
    ],
    columns: {
      timestamp: { meaning: 'When the key was created or revoked.' },
      id: { meaning: 'ID of the key: its public part.' },
      seq: { meaning: '1 for the creation, and 2 for the revocation.' },
      state: { meaning: 'Whether the key was created or revoked.', values: ['active', 'revoked'] },
      name: { meaning: 'Purpose of the key.' },
      role: { meaning: 'Role of the key.', values: ROLES },
      organizationId: { meaning: 'Organization of the key. Empty for all organizations.' },
      properties: {
        meaning: 'JSON array of properties. Empty for all properties of the organization.',
      },
      hash: { meaning: 'SHA-256 hash of the secret part, in hexadecimal digits.' },
      expiresAt: { meaning: 'When the key expires. Empty if it does not expire.' },
      author: { meaning: 'User who created or revoked the key.' },
    },
  },
  audit_log: {
    row: [
      'A row is one administrative action.',
      'The server and the command line write these rows.',
    ],
    columns: {
      timestamp: { meaning: 'Time of the action.' },
      id: { meaning: 'Unique ID of the row.' },
      seq: { meaning: 'Always 1.' },
      author: {
        meaning: 'Subject of the key or token, or `cli:` with the user of the command line.',
      },
      action: {
        meaning:
          'Action, such as `key.create`, `key.revoke`, `person.set`, `person.remove`, `silence.create`, `silence.end`, `suggestion.dismiss`, `suggestion.restore`, `suggestion.explain`, `alert.acknowledge`, or `receiver.test`.',
      },
      object: { meaning: 'ID or name of the changed object.' },
      detail: { meaning: 'JSON object with details, without secrets.' },
      address: { meaning: 'Remote address of the request. Empty for the command line.' },
      organizationId: { meaning: 'Organization of the object.' },
      propertyId: { meaning: 'Property of the object.' },
    },
  },
};

/** Describes the table of normal values. */
export const BAND_TABLES: TableDescriptions<'metric_bands'> = {
  metric_bands: {
    row: [
      'A row contains the normal values of one series in one hour.',
      'The server writes the rows of the current hour and the next hour of all series that anomaly rules watch.',
    ],
    columns: {
      timestamp: { meaning: 'Start of the hour.' },
      series: { meaning: 'Identifies the series: its measure and its group, as JSON.' },
      metricType: { meaning: 'Metric type.' },
      aggregate: { meaning: 'Aggregate, such as `p95` or `rate`.', values: BAND_AGGREGATES },
      service: { meaning: 'Service. Empty for all services.' },
      environment: { meaning: 'Environment. Empty for all environments.' },
      endpoint: { meaning: 'Endpoint or queue. Empty for all.' },
      operation: { meaning: 'Operation. Empty for all operations.' },
      organizationId: { meaning: 'Organization. Empty for all organizations.' },
      propertyId: { meaning: 'Property. Empty for all properties.' },
      lower: {
        unit: 'as in the metric',
        meaning: 'Lower limit of normal values at medium sensitivity. Rates are per minute.',
      },
      expected: { unit: 'as in the metric', meaning: 'Expected value.' },
      upper: { unit: 'as in the metric', meaning: 'Upper limit of normal values.' },
      status: {
        meaning: '`ready`, or why there are no normal values in this hour.',
        values: BAND_STATUSES,
      },
      reason: { meaning: 'The reason in words. Empty if the status is `ready`.' },
    },
  },
};
