import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatMessageHeader,
  parseMessageHeader,
} from '../../../../../src/agent/instrumentation/queues/message-header.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const tenantId = fc.option(fc.stringMatching(/^[\w äß;%,.€-]{1,40}$/u), { nil: undefined });

describe('parseMessageHeader', () => {
  it('returns what formatMessageHeader wrote', () => {
    const origins = fc.record({
      sentMs: fc.option(fc.integer({ min: 0, max: NOW_MS }), { nil: undefined }),
      id: fc.option(fc.stringMatching(/^[\w-]{1,64}$/), { nil: undefined }),
      hasArrived: fc.boolean(),
      tenant: fc.record({ organizationId: tenantId, propertyId: tenantId, userId: tenantId }),
    });
    fc.assert(
      fc.property(origins, (origin) => {
        const { organizationId, propertyId, userId } = origin.tenant;
        const isKnown = (organizationId ?? propertyId ?? userId) !== undefined;
        const expected = { ...origin, tenant: isKnown ? origin.tenant : undefined };
        const text = formatMessageHeader(origin);
        expect(parseMessageHeader(text, NOW_MS)).toEqual(expected);
        expect(parseMessageHeader(Buffer.from(text), NOW_MS)).toEqual(expected);
      }),
    );
  });

  it('accepts any value of another program', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const origin = parseMessageHeader(value, NOW_MS);
        expect(origin === undefined || typeof origin === 'object').toBe(true);
      }),
    );
  });

  it.each([
    ['another version', '2;1;a;;x;y;z'],
    ['too long', `1;1;a;;${'x'.repeat(3000)};;`],
    ['an object', { version: 1 }],
  ])('ignores a header with %s', (_, value) => {
    expect(parseMessageHeader(value, NOW_MS)).toBeUndefined();
  });

  it('ignores the invalid parts of a header', () => {
    const header = `1;${NOW_MS + 3_600_000};a b;x;${'o'.repeat(200)};p%E0;%00`;
    expect(parseMessageHeader(header, NOW_MS)).toEqual({
      sentMs: undefined,
      id: undefined,
      hasArrived: false,
      tenant: undefined,
    });
  });
});
