import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  addTenantToJob,
  readJobTenant,
} from '../../../../../../src/agent/instrumentation/queues/bee-queue/bee-queue-tenant.ts';
import { readStoredTenant } from '../../../../../../src/agent/instrumentation/queues/stored-tenant.ts';

const job = fc.record({ data: fc.jsonValue(), options: fc.object(), progress: fc.jsonValue() });
const id = fc.option(fc.string({ maxLength: 128, unit: 'binary' }), { nil: undefined });
const tenant = fc
  .record({ organizationId: id, propertyId: id, userId: id })
  .map(readStoredTenant)
  .filter((value) => value !== undefined);

it('reads the tenant of each job, and keeps the job as it is', () => {
  fc.assert(
    fc.property(job, tenant, (value, expected) => {
      const text = addTenantToJob(JSON.stringify(value), expected);
      expect(readJobTenant(text)).toEqual(expected);
      const { perfscope, ...stored } = JSON.parse(text) as Record<string, unknown>;
      expect(perfscope).toBeTypeOf('string');
      expect(stored).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

it('finds no tenant in the values of the application', () => {
  fc.assert(
    fc.property(job, fc.string(), (value, text) => {
      const progress = { other: 1, perfscope: text };
      expect(readJobTenant(JSON.stringify(value))).toBeUndefined();
      expect(readJobTenant(JSON.stringify({ ...value, progress }))).toBeUndefined();
      expect(readJobTenant(JSON.stringify({ progress: `,"perfscope":"${text}"` }))).toBeUndefined();
    }),
  );
});
