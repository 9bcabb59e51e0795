import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { ServiceResource } from '../schema/table-definition.ts';
import type { EnvironmentVariables } from './settings.ts';

/**
 * Who this process is, from `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, else from the
 * application's package.json.
 *
 * @param fallbackName the service's name where neither says one.
 */
export function detectServiceResource(
  env: EnvironmentVariables,
  fallbackName?: string,
): ServiceResource {
  const attributes = parseResourceAttributes(env.OTEL_RESOURCE_ATTRIBUTES ?? '');
  const random = randomBytes(4).toString('hex');
  const application = fallbackName ? {} : readPackageJson();
  return {
    service:
      env.OTEL_SERVICE_NAME ||
      attributes.get('service.name') ||
      fallbackName ||
      application.name ||
      'unknown_service:node',
    serviceVersion: attributes.get('service.version') || application.version,
    environment:
      attributes.get('deployment.environment.name') ||
      attributes.get('deployment.environment') ||
      env.NODE_ENV,
    instance: attributes.get('service.instance.id') || `${hostname()}-${process.pid}-${random}`,
  };
}

/** The format is W3C Baggage's: `key=value` pairs with percent-encoded values. */
function parseResourceAttributes(text: string): Map<string, string> {
  const pairs = text.split(',').map((pair) => pair.split('=', 2).map((part) => part.trim()));
  return new Map(
    pairs.flatMap(([key, value]) => (key && value ? [[key, decodeAttributeValue(value)]] : [])),
  );
}

function decodeAttributeValue(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function readPackageJson(): { name?: string; version?: string } {
  try {
    const parsed: unknown = JSON.parse(readFileSync(join(process.cwd(), 'package.json'), 'utf8'));
    const { name, version } = parsed as Record<string, unknown>;
    return {
      ...(typeof name === 'string' && { name }),
      ...(typeof version === 'string' && { version }),
    };
  } catch {
    return {};
  }
}
