import { formatNumber } from '../../../core/format.ts';
import type { MessageIncident } from '../channels/channel.ts';

/** Returns a text such as `grand/north: 12 of 340 requests failed; 3 more tenants`. Undefined without tenants. */
export function formatTenants({ tenants, moreTenants }: MessageIncident): string | undefined {
  if (tenants.length === 0) return undefined;
  const texts = tenants.map(({ organizationId, propertyId, requests, failed }) => {
    const name = [organizationId, propertyId].filter((each) => each !== undefined).join('/');
    const total = formatNumber(requests);
    if (failed === 0) return `${name}: ${total} requests`;
    return `${name}: ${formatNumber(failed)} of ${total} requests failed`;
  });
  const more =
    moreTenants === 0 ? [] : [`${moreTenants} more ${moreTenants === 1 ? 'tenant' : 'tenants'}`];
  return [...texts, ...more].join('; ');
}
