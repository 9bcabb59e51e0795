import { redactAttribute } from '../../redact.ts';
import { MAX_TEXT_LENGTH } from '../../schema/table-definition.ts';
import { getSqlDialect } from '../../sql/sql-dialect.ts';
import { fingerprintSql } from '../../sql/sql-fingerprint.ts';
import type { OtelAttributes, OtelAttributeValue } from '../metric-data.ts';
import { isDroppedAttribute, toCurrentName } from './attribute-names.ts';
import { findCallErrorKind } from './call-errors.ts';
import { formatHost } from './format-host.ts';
import { toHttpMethod } from './http-methods.ts';
import { DEFAULT_DIMENSIONS, type MetricDefinition } from './metric-definitions.ts';
import { toName } from './resource-mapping.ts';
import type { TenantAttributeNames } from './tenant-attributes.ts';

/** Columns of a row that are filled from attributes, without the tenant. See `readTenant`. */
export interface RowDimensions {
  endpoint: string | undefined;
  operation: string | undefined;
  /** Class of the error, if all values of the series are failures. */
  errorType: string | undefined;
  host: string | undefined;
  queueScope: string | undefined;
  /** All other attributes as JSON, or undefined if there are none. */
  tags: string | undefined;
}

/** Replaces attributes that were too large. */
const DROPPED_TAGS = '{"perfscope.tags.dropped":true}';
/** Type of a value that an application recorded with Perfscope's library. */
export const METRIC_TYPE_ATTRIBUTE = 'perfscope.metric.type';
const HOST = 'host.name';
const QUEUE_SCOPE = 'perfscope.queue.scope';
const QUERY_TEXT = 'db.query.text';
const HTTP_METHOD = 'http.request.method';
const ERROR_TYPE = 'error.type';

/** Attributes by their current names, without attributes that are never stored. */
export type CurrentAttributes = Map<string, OtelAttributeValue | undefined>;

/**
 * Returns attributes by their current names. If two names mean the same, the current name wins. Drops raw URLs and
 * personal data, replaces unknown methods by `_OTHER`, replaces statements by their fingerprints, and redacts secrets.
 */
export function normalizeNames(
  attributes: OtelAttributes,
  { attributeNames = {}, isOutgoing = false }: MetricDefinition,
): CurrentAttributes {
  const current: CurrentAttributes = new Map();
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || isDroppedAttribute(name)) continue;
    const own = Object.hasOwn(attributeNames, name) ? attributeNames[name] : undefined;
    const currentName = own ?? toCurrentName(name);
    if (currentName === name || attributes[currentName] === undefined) {
      if (currentName === name || !current.has(currentName)) current.set(currentName, value);
    }
  }
  setStatement(current);
  setRpcMethod(current);
  const method = current.get(HTTP_METHOD);
  if (method !== undefined) current.set(HTTP_METHOD, toHttpMethod(method));
  if (isOutgoing) setCallError(current);
  for (const [name, value] of current) {
    if (name !== QUERY_TEXT) current.set(name, redactValue(value));
  }
  return current;
}

/** Values repeat often, and to redact one takes several µs. */
const redactedValues = new Map<string, string>();
const MAX_REDACTED_VALUES = 2000;
const MAX_REPEATED_LENGTH = 256;

function redactText(text: string): string {
  if (text.length > MAX_REPEATED_LENGTH) return redactAttribute(text, MAX_TEXT_LENGTH);
  const known = redactedValues.get(text);
  if (known !== undefined) return known;
  const redacted = redactAttribute(text, MAX_TEXT_LENGTH);
  if (redactedValues.size >= MAX_REDACTED_VALUES) redactedValues.clear();
  redactedValues.set(text, redacted);
  return redacted;
}

function redactValue(value: OtelAttributeValue | undefined): OtelAttributeValue | undefined {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object') return value;
  return value.map((each) => (typeof each === 'string' ? redactText(each) : each));
}

/** Systems whose statements start with the name of a command. The rest contains keys and values. */
const COMMAND_LANGUAGES = /^(?:redis|valkey|memcached)$/;
/** Other systems whose statements aren't SQL. Their texts contain keys and values. */
const OTHER_LANGUAGES =
  /^(?:mongodb|elasticsearch|opensearch|couchdb|couchbase|dynamodb|aws\.dynamodb|neo4j|hbase|geode|influxdb|azure\.cosmosdb|cosmosdb)$/;
const SQL_START =
  /^\W*(?:select|insert|update|delete|merge|with|begin|start|commit|rollback|savepoint|release|create|alter|drop|truncate|call|exec|execute|set|show|explain|values|copy|lock|grant|use|pragma|replace|declare|fetch|close|listen|notify|vacuum|analyze|deallocate|prepare|do|table)\b/i;

/** Statements contain values of users, so only fingerprints of SQL statements are stored. */
function setStatement(attributes: CurrentAttributes): void {
  const text = attributes.get(QUERY_TEXT);
  if (text === undefined) return;
  attributes.delete(QUERY_TEXT);
  const system = String(attributes.get('db.system.name') ?? '');
  if (typeof text !== 'string') return;
  if (COMMAND_LANGUAGES.test(system)) {
    const operation = text.includes('\n') ? 'PIPELINE' : /^[a-z]{2,20}(?!\S)/i.exec(text)?.[0];
    if (operation && !attributes.has('db.operation.name')) {
      attributes.set('db.operation.name', operation);
    }
    return;
  }
  if (OTHER_LANGUAGES.test(system) || !SQL_START.test(text)) return;
  const { text: fingerprint, operation } = fingerprintSql(text, getSqlDialect(system));
  attributes.set(QUERY_TEXT, fingerprint);
  if (!attributes.has('db.operation.name')) attributes.set('db.operation.name', operation);
}

/**
 * Replaces error codes and exceptions by the kinds of the agent, and sets the status of failed responses. In the
 * semantic conventions, a 4xx status is an error of the client. For Perfscope, the host has worked.
 */
function setCallError(attributes: CurrentAttributes): void {
  const status = Number(attributes.get('http.response.status_code'));
  const errorType = attributes.get(ERROR_TYPE);
  if (status >= 400 && status < 500 && String(errorType) === String(status)) {
    attributes.delete(ERROR_TYPE);
  } else if (typeof errorType === 'string') {
    attributes.set(ERROR_TYPE, findCallErrorKind(errorType) ?? errorType);
  } else if (status >= 500) attributes.set(ERROR_TYPE, String(status));
}

/** Older conventions have the service and the method in two attributes. */
function setRpcMethod(attributes: CurrentAttributes): void {
  const service = attributes.get('rpc.service');
  const method = attributes.get('rpc.method');
  if (service === undefined || method === undefined || String(method).includes('/')) return;
  attributes.set('rpc.method', `${service}/${method}`);
  attributes.delete('rpc.service');
}

/** Fills the columns from attributes. The tenant is not part of the tags. Long values are truncated, and too large tags are replaced by a marker. */
export function toRowDimensions(
  attributes: CurrentAttributes,
  { dimensions = {}, isOutgoing = false }: MetricDefinition,
  tenantAttributes: TenantAttributeNames,
): RowDimensions {
  const remaining = new Map(attributes);
  remaining.delete(METRIC_TYPE_ATTRIBUTE);
  // Tenants have columns, and only samples and errors contain users.
  for (const name of Object.values(tenantAttributes)) remaining.delete(name);
  const take = (names: readonly string[]) => {
    const name = names.find((each) => remaining.has(each) && toName(remaining.get(each)));
    if (name === undefined) return undefined;
    const value = toName(remaining.get(name));
    remaining.delete(name);
    return value;
  };
  const takeHost = () => {
    const address = take(['server.address']);
    const port = take(['server.port']);
    return address && formatHost(address, port === undefined ? undefined : Number(port));
  };
  const takeCall = () => {
    const method = take([HTTP_METHOD, 'rpc.system.name']);
    const template = take(['url.template', 'rpc.method']);
    return method && template ? `${method} ${template}` : (method ?? template);
  };
  const errorType = toName(attributes.get(ERROR_TYPE));
  if (isOutgoing) remaining.delete(ERROR_TYPE);
  return {
    endpoint: isOutgoing ? takeHost() : take(dimensions.endpoint ?? DEFAULT_DIMENSIONS.endpoint),
    operation: isOutgoing ? takeCall() : take(dimensions.operation ?? DEFAULT_DIMENSIONS.operation),
    errorType,
    host: take([HOST]),
    queueScope: take([QUEUE_SCOPE]),
    tags: toTags(remaining),
  };
}

function toTags(attributes: CurrentAttributes): string | undefined {
  if (attributes.size === 0) return undefined;
  // Unlike an assignment, `fromEntries` creates the property `__proto__`.
  const tags = JSON.stringify(Object.fromEntries(attributes));
  return tags.length <= MAX_TEXT_LENGTH ? tags : DROPPED_TAGS;
}
