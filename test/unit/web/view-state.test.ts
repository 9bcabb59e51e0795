import '../../support/browser-stub.ts';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { currentLocation, navigate, toHref } from '../../../src/web/url/location.ts';
import { redirectOldLinks } from '../../../src/web/url/old-links.ts';
import { toFixedRange } from '../../../src/web/url/time-range.ts';
import {
  comparison,
  getParameter,
  getParameters,
  globalFilters,
  hasInvalidRange,
  linkTo,
  linkWith,
  range,
  setParameters,
  setRange,
  zoneChoice,
} from '../../../src/web/url/view-state.ts';
import { getReplacements, getUrl } from '../../support/browser-stub.ts';

const BASE = '/tools/perfscope';
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }).map((value) => value.toWellFormed()),
  fc.string({ unit: fc.constantFrom(...'&=+%/:{}?#;é🏨 \'"'), maxLength: 20 }),
);
const filled = text.filter((value) => value !== '');

beforeEach(() => navigate(`${BASE}/`));

describe('the URL', () => {
  it('contains any parameters unchanged', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(filled, text)), (pairs) => {
        navigate(toHref('/explore', new URLSearchParams(pairs as [string, string][])));
        expect(currentLocation.value.path).toBe('/explore');
        expect([...currentLocation.value.parameters]).toEqual(pairs);
      }),
    );
  });

  it('contains any values of a view', () => {
    fc.assert(
      fc.property(filled, fc.array(filled, { maxLength: 4 }), (value, values) => {
        setParameters({ metric: value, service: values });
        expect(getParameter('metric')).toBe(value);
        expect(getParameters('service')).toEqual(values);
        setParameters({ metric: '', service: undefined });
        expect(getUrl()).toBe(`${BASE}/`);
      }),
    );
  });

  it('contains any path of a view with an ID', () => {
    fc.assert(
      fc.property(filled, (id) => {
        const path = `/alerts/${encodeURIComponent(id)}`;
        navigate(linkTo(path, {}));
        fc.pre(!/^\.\.?$/.test(id));
        expect(currentLocation.value.path).toBe(path);
      }),
    );
  });

  it('contains any range', () => {
    const time = fc.integer({ min: 0, max: Date.parse('2026-11-01') });
    fc.assert(
      fc.property(time, time, (from, to) => {
        const fixed = toFixedRange(from, to);
        setRange(fixed);
        expect(range.value).toEqual(fixed);
        expect(hasInvalidRange.value).toBe(false);
        setRange({ last: '15m' });
        expect(range.value).toEqual({ last: '15m' });
      }),
    );
  });

  it('stays readable', () => {
    expect(linkTo('/endpoint', { endpoint: '/rooms/{id}:a' })).toBe(
      `${BASE}/endpoint?endpoint=/rooms/{id}:a`,
    );
  });
});

describe('links', () => {
  it('keep the range, comparison, time zone, and filters of the page, but no other parameters', () => {
    const kept = 'last=3h&compare=yesterday&tz=utc&organizationId=a&organizationId=b';
    navigate(`${BASE}/service?${kept}&service=shop`);
    expect(linkTo('/queues')).toBe(`${BASE}/queues?${kept}`);
    expect(linkTo('/queues', { queue: 'mails', tz: undefined })).toBe(
      `${BASE}/queues?${kept.replace('&tz=utc', '')}&queue=mails`,
    );
    expect(linkWith({ service: undefined, sort: 'p95' })).toBe(`${BASE}/service?${kept}&sort=p95`);
    expect([comparison.value, zoneChoice.value, globalFilters.value]).toEqual([
      'yesterday',
      'utc',
      { organizationId: ['a', 'b'] },
    ]);
  });

  it('with unknown values show the defaults', () => {
    navigate(`${BASE}/?last=soon&compare=never&tz=mars&organizationId=`);
    expect([range.value, hasInvalidRange.value]).toEqual([{ last: '1h' }, true]);
    expect([comparison.value, zoneChoice.value, globalFilters.value]).toEqual([
      undefined,
      'browser',
      {},
    ]);
  });

  it('outside of the public path show the first view', () => {
    navigate('/elsewhere');
    expect(currentLocation.value.path).toBe('/');
  });
});

describe('links of earlier versions', () => {
  it('lead to the alert, and are not in the history', () => {
    navigate(`${BASE}/?alert=shop%2F1&last=3h`);
    redirectOldLinks();
    expect(getUrl()).toBe(`${BASE}/alerts/shop%2F1?last=3h`);
    expect(getReplacements().at(-1)).toBe(getUrl());
  });

  it.each([`${BASE}/`, `${BASE}/?alert=`, `${BASE}/alerts?alert=a`])('%s stays', (url) => {
    navigate(url);
    redirectOldLinks();
    expect(getUrl()).toBe(url);
  });
});
