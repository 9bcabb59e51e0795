import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { ServiceResource } from '../schema/table-definition.ts';
import { toServiceName, UNKNOWN_SERVICE } from '../service-name.ts';
import {
  type LambdaEnvironment,
  listLambdaAttributes,
  readLambdaEnvironment,
} from './lambda-environment.ts';
import type { EnvironmentVariables } from './parse-settings.ts';
import { formatProcessName, readProcessRole } from './process-name.ts';
import { decodePercentEncoding } from './variable-parsers.ts';

/**
 * Detects the service from `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`. If they are unset,
 * uses `fallbackName`, or the package.json file in `folder`. See `toServiceName` for services with a namespace.
 *
 * @param folder folder in which the application starts
 * @param fallbackName service name to use instead of package.json. It has no namespace.
 */
export function detectServiceResource(
  env: EnvironmentVariables,
  folder: string | undefined,
  fallbackName?: string,
): ServiceResource {
  const attributes = readResourceAttributes(env);
  // Only has to be unique. `node:crypto` would take 4 ms to load before the application starts.
  const randomSuffix = Math.random().toString(16).slice(2, 10);
  const packageJson = fallbackName || folder === undefined ? {} : readPackageJson(folder);
  const lambda = readLambdaEnvironment(env);
  const name =
    env.OTEL_SERVICE_NAME ||
    attributes.get('service.name') ||
    lambda?.functionName ||
    packageJson.name;
  const host = lambda?.instance ?? hostname();
  const instance =
    attributes.get('service.instance.id') || `${host}-${process.pid}-${randomSuffix}`;
  return nameInstance({
    service:
      name || !fallbackName
        ? toServiceName(name || `${UNKNOWN_SERVICE}:node`, attributes.get('service.namespace'))
        : fallbackName,
    serviceVersion:
      attributes.get('service.version') || getPublishedVersion(lambda) || packageJson.version,
    environment:
      attributes.get('deployment.environment.name') ||
      attributes.get('deployment.environment') ||
      env.NODE_ENV,
    instance,
  });
}

/** Returns the version of a function, unless it is not published yet. */
function getPublishedVersion(lambda: LambdaEnvironment | undefined): string | undefined {
  return lambda?.version === '$LATEST' ? undefined : lambda?.version;
}

/**
 * Adds the name of a worker thread or cluster worker to its instance. It also makes the instances of one process unique
 * if `OTEL_RESOURCE_ATTRIBUTES` contains one. The script of a thread is known when its code starts, so the name is fixed
 * when it is read for the first time.
 */
function nameInstance(resource: ServiceResource): ServiceResource {
  const role = readProcessRole();
  const name = formatProcessName(role);
  if (name === undefined) return resource;
  const { instance } = resource;
  if (role.threadId === undefined) return { ...resource, instance: `${instance} ${name}` };
  let fixed: string | undefined;
  return {
    ...resource,
    get instance() {
      fixed ??= `${instance} ${formatProcessName(readProcessRole())}`;
      return fixed;
    },
  };
}

/**
 * Returns the name of the machine or the container in which the process runs. Uses the pod, the container, or
 * the host in `OTEL_RESOURCE_ATTRIBUTES`. Otherwise, returns the host name. In a container, it is usually the
 * name of the pod or the ID of the container.
 */
export function detectHost(env: EnvironmentVariables): string {
  const attributes = readResourceAttributes(env);
  const names = ['k8s.pod.name', 'container.id', 'host.name', 'faas.instance'].map((name) =>
    attributes.get(name),
  );
  return names.find(Boolean) ?? hostname();
}

/** Returns all attributes in `OTEL_RESOURCE_ATTRIBUTES`, and the attributes of an AWS Lambda function. */
export function readResourceAttributes(env: EnvironmentVariables): ReadonlyMap<string, string> {
  const lambda = readLambdaEnvironment(env);
  const configured = parseResourceAttributes(env.OTEL_RESOURCE_ATTRIBUTES ?? '');
  return lambda ? new Map([...listLambdaAttributes(lambda), ...configured]) : configured;
}

/** Parses the W3C Baggage format: `key=value` pairs with percent-encoded values. */
function parseResourceAttributes(text: string): Map<string, string> {
  const pairs = text.split(',').map((pair) => pair.split('=', 2).map((part) => part.trim()));
  return new Map(
    pairs.flatMap(([key, value]) => (key && value ? [[key, decodePercentEncoding(value)]] : [])),
  );
}

function readPackageJson(folder: string): { name?: string; version?: string } {
  try {
    const parsed: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const { name, version } = parsed as Record<string, unknown>;
    return {
      ...(typeof name === 'string' && { name }),
      ...(typeof version === 'string' && { version }),
    };
  } catch {
    return {};
  }
}
