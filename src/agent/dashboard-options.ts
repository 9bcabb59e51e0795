import { DAY_MS } from '../core/duration.ts';
import type { DashboardOptions } from '../storage/queries/dashboard-query.ts';
import { checkName, createArgumentError, isValidDate, readOptions } from './argument-checks.ts';

/** A hundred years. */
const MAX_WINDOW_MS = 36_525 * DAY_MS;

/**
 * Copies the options of a query.
 *
 * @param fn name of the public function
 * @throws PS_ARGUMENT_INVALID if an option is invalid
 */
export function readDashboardOptions(fn: string, options: unknown): DashboardOptions {
  const given = readOptions(fn, options as DashboardOptions | undefined, [
    'windowMs',
    'now',
    'organizationId',
    'propertyId',
    'includeTest',
  ]);
  const { windowMs, now, organizationId, propertyId, includeTest } = given;
  const isWindow = Number.isFinite(windowMs) && windowMs! > 0 && windowMs! <= MAX_WINDOW_MS;
  if (windowMs !== undefined && !isWindow) {
    throw createArgumentError(fn, 'windowMs', 'is not a positive number of milliseconds');
  }
  if (now !== undefined && !isValidDate(now)) {
    throw createArgumentError(fn, 'now', 'is not a valid Date');
  }
  // An empty or unknown scope must not select the data of all tenants.
  if (organizationId !== undefined) checkName(fn, 'organizationId', organizationId);
  if (propertyId !== undefined) checkName(fn, 'propertyId', propertyId);
  return { ...given, ...(includeTest !== undefined && { includeTest: includeTest === true }) };
}
