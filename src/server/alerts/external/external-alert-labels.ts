import type { Labels } from '../../../core/alerts/alert.ts';
import { AlertSeverity, isAlertSeverity } from '../../../core/schema/enums.ts';
import { isValidTenantName } from '../../../core/tenant-scope.ts';

/** Severities of common Prometheus rule sets and the matching severities of Perfscope. */
const SEVERITIES: ReadonlyMap<string, AlertSeverity> = new Map<string, AlertSeverity>([
  ...(['info', 'informational', 'none', 'debug', 'low', 'minor', 'notice', 'ticket'] as const).map(
    (name) => [name, AlertSeverity.WARNING] as const,
  ),
  ...(['warn', 'moderate', 'p3', 'p4', 'p5'] as const).map(
    (name) => [name, AlertSeverity.WARNING] as const,
  ),
  ...(['average', 'error'] as const).map((name) => [name, AlertSeverity.MEDIUM] as const),
  ...(['major', 'p2', 'severe'] as const).map((name) => [name, AlertSeverity.HIGH] as const),
  ...(['crit', 'page', 'p0', 'p1', 'emergency', 'fatal', 'disaster', 'blocker'] as const).map(
    (name) => [name, AlertSeverity.CRITICAL] as const,
  ),
]);

/**
 * Returns the severity of Perfscope for a severity label of Prometheus. Case doesn't matter. The
 * default for unknown and missing labels is `warning`.
 */
export function mapExternalSeverity(label: string | undefined): AlertSeverity {
  const name = (label ?? '').trim().toLowerCase();
  return isAlertSeverity(name) ? name : (SEVERITIES.get(name) ?? AlertSeverity.WARNING);
}

/**
 * Labels of other systems for each label that Perfscope groups incidents by. The first label that
 * exists wins.
 */
const LABEL_SOURCES: readonly (readonly [string, readonly string[]])[] = [
  ['service', ['service_name', 'app', 'app_kubernetes_io_name', 'job']],
  ['host', ['hostname', 'node', 'nodename', 'host_name']],
  ['queue', ['queue_name']],
  ['version', ['service_version', 'app_version']],
  ['endpoint', ['http_route', 'route', 'handler']],
];

/** Labels that select the tenant. The API key decides about the organization. */
const ORGANIZATION_LABELS = ['organization', 'organizationId', 'organization_id'] as const;
const PROPERTY_LABELS = ['property', 'propertyId', 'property_id'] as const;

/** Value of the label `source` of all external alerts. */
const SOURCE = 'alertmanager';

/**
 * Converts the labels of a posted alert to the labels of its group. The result depends only on the
 * labels and the organization, so it identifies the alert. Posted values are kept as
 * `exported_severity` and `exported_source` if Perfscope sets labels with these names itself.
 *
 * @param posted labels without `alertname`, with valid names
 * @param organization organization of the API key. If undefined, the labels can select one.
 * @throws RangeError if the labels select an invalid tenant name
 */
export function normalizeExternalLabels(posted: Labels, organization: string | undefined): Labels {
  const labels = new Map(Object.entries(posted));
  const take = (names: readonly string[]): string | undefined => {
    const found = names.map((name) => labels.get(name)).find((value) => value !== undefined);
    for (const name of names) labels.delete(name);
    return found;
  };
  const tenant = {
    organization: organization ?? take(ORGANIZATION_LABELS),
    property: take(PROPERTY_LABELS),
  };
  take(ORGANIZATION_LABELS);
  for (const name of ['severity', 'source', 'alertstate']) {
    const value = labels.get(name);
    if (value !== undefined) labels.set(`exported_${name}`, value);
    labels.delete(name);
  }
  for (const [target, sources] of LABEL_SOURCES) {
    const value = sources.map((name) => labels.get(name)).find((found) => found !== undefined);
    if (!labels.has(target) && value !== undefined) labels.set(target, value);
  }
  const host = toHost(labels.get('instance'));
  if (!labels.has('host') && host !== undefined) labels.set('host', host);
  for (const [name, value] of Object.entries(tenant)) {
    if (value === undefined) continue;
    if (!isValidTenantName(value)) throw new RangeError(`the label ${name} is not a valid name`);
    labels.set(name, value);
  }
  labels.set('source', SOURCE);
  return Object.fromEntries(labels);
}

/** Returns the host of an `instance` label such as `db1:9100` or `[::1]:9100`. */
function toHost(instance: string | undefined): string | undefined {
  if (instance === undefined) return undefined;
  const [, host] = /^(?:https?:\/\/)?(\[[^\]]+\]|[^:/\s]+)(?::\d+)?(?:\/.*)?$/.exec(instance) ?? [];
  return host?.replace(/^\[|\]$/g, '');
}
