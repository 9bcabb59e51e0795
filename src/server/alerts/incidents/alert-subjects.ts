import type { Labels } from '../../../core/alerts/alert.ts';

/** Which services run on a host, and which work on a queue. */
export interface ServiceRelations {
  /** Names of hosts by service. */
  readonly hosts: ReadonlyMap<string, readonly string[]>;
  /** Names of queues by service. */
  readonly queues: ReadonlyMap<string, readonly string[]>;
}

export const NO_RELATIONS: ServiceRelations = { hosts: new Map(), queues: new Map() };

/** The objects that an alert is about, as keys such as `service:booking`. */
export interface AlertSubjects {
  /** Services, hosts, queues, versions, called hosts, and Perfscope itself. */
  readonly direct: readonly string[];
  /**
   * Hosts and queues of the alert's service, and hosts of the services that work on the alert's queue. They link the
   * alert only to alerts about these objects.
   */
  readonly related: readonly string[];
  /** The organization, with the property if the alert has one. */
  readonly tenant: string | undefined;
}

/**
 * Returns the objects that an alert is about.
 *
 * - The keys of alerts about an environment contain the environment, so that alerts about two environments are never
 *   linked.
 * - Alerts about Perfscope itself have only the subject `perfscope`, because one problem of the storage concerns
 *   the rows of every service.
 * - An alert without any subject is about its own rule.
 */
export function getAlertSubjects(
  { rule, labels }: { readonly rule: string; readonly labels: Labels },
  relations: ServiceRelations,
): AlertSubjects {
  const { service, host, queue, version, endpoint, organization, property, environment } = labels;
  if (labels.scope === 'perfscope')
    return { direct: ['perfscope:'], related: [], tenant: undefined };
  const suffix = environment === undefined ? '' : `@${environment}`;
  const toKeys = (kind: string, names: readonly (string | undefined)[]) =>
    names.flatMap((name) => (name === undefined ? [] : [`${kind}:${name}${suffix}`]));
  const calledHost = rule.startsWith('outgoing-') ? endpoint : undefined;
  const direct = [
    ...toKeys('service', [service]),
    ...toKeys('host', [host]),
    ...toKeys('queue', [queue]),
    ...toKeys('version', [service && version && `${service} ${version}`]),
    ...toKeys('called', [calledHost]),
  ];
  const services = service === undefined ? listQueueServices(queue, relations) : [service];
  const listRelated = (byService: ReadonlyMap<string, readonly string[]>) =>
    services.flatMap((name) => byService.get(name) ?? []);
  const related = [
    ...toKeys('host', host === undefined ? listRelated(relations.hosts) : []),
    ...toKeys('queue', queue === undefined ? listRelated(relations.queues) : []),
  ];
  const tenant =
    organization === undefined ? undefined : `tenant:${organization}/${property ?? ''}${suffix}`;
  const isEmpty = direct.length === 0 && tenant === undefined;
  return { direct: isEmpty ? [`rule:${rule}`] : direct, related, tenant };
}

function listQueueServices(queue: string | undefined, { queues }: ServiceRelations): string[] {
  if (queue === undefined) return [];
  return [...queues].flatMap(([service, names]) => (names.includes(queue) ? [service] : []));
}
