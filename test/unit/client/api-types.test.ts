import { expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import {
  type ApiResponse,
  ENDPOINT_PATHS,
  type EndpointName,
  type PagedEndpointName,
  type Query,
  type RequestBody,
  type ServerEvent,
} from '../../../src/client/api-types.ts';
import { ENDPOINTS } from '../../../src/server/api/endpoint-registry.ts';

// `npm run lint` checks the type assertions. They compare the generated types with the schemas that
// the server validates.

type Endpoints = typeof ENDPOINTS;
type QueryInput<N extends EndpointName> = z.input<Endpoints[N]['query']>;
type ResponseOutput<N extends EndpointName> = z.output<Endpoints[N]['response']>;

type IsEqual<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

type WithTimes<Q> = { [K in keyof Q]: K extends 'from' | 'to' ? Q[K] | Date | number : Q[K] };

/** Endpoints whose query parameters differ from the parameters of the server. */
type WrongQueryName = {
  [N in EndpointName]: IsEqual<Query<N>, WithTimes<QueryInput<N>>> extends true ? never : N;
}[EndpointName];

/** Endpoints whose response differs from the response of the server. */
type WrongResponseName = {
  [N in EndpointName]: IsEqual<ApiResponse<N>, ResponseOutput<N>> extends true ? never : N;
}[EndpointName];

type NextCursorName = {
  [N in EndpointName]: Endpoints[N]['response'] extends z.ZodObject<infer S>
    ? 'nextCursor' extends keyof S
      ? N
      : never
    : never;
}[EndpointName];

it('has the names and paths of all endpoints', () => {
  const paths = Object.entries(ENDPOINTS).map(([name, { path }]) => [name, path]);
  expect(ENDPOINT_PATHS).toEqual(Object.fromEntries(paths));
  expectTypeOf<EndpointName>().toEqualTypeOf<keyof Endpoints>();
  expectTypeOf<PagedEndpointName>().toEqualTypeOf<NextCursorName>();
});

it("has the server's query parameters, and also accepts times as dates and numbers", () => {
  expectTypeOf<never>().toEqualTypeOf<WrongQueryName>();
});

it("has the server's responses", () => {
  expectTypeOf<never>().toEqualTypeOf<WrongResponseName>();
});

it('has the request bodies, and also accepts times as dates', () => {
  expectTypeOf<RequestBody<'silences'>>().toEqualTypeOf<{
    matchers: string[];
    startsAt?: string | Date | undefined;
    endsAt?: string | Date | undefined;
    duration?: string | undefined;
    recurrence?: { [name: string]: unknown } | undefined;
    comment: string;
    organizationId?: string | undefined;
    propertyId?: string | undefined;
  }>();
  expectTypeOf<RequestBody<'people'>['properties']>().toEqualTypeOf<string[] | undefined>();
});

it('has the data of each stream event', () => {
  expectTypeOf<ServerEvent>().toEqualTypeOf<
    | { type: 'point'; id: string; data: ResponseOutput<'stream'> }
    | { type: 'alert'; id: string; data: ResponseOutput<'alert'>['alert'] }
    | { type: 'incident'; id: string; data: ResponseOutput<'incident'>['incident'] }
    | {
        type: 'notification';
        id: string;
        data: ResponseOutput<'notifications'>['notifications'][number];
      }
    | { type: 'decision'; id: string; data: ResponseOutput<'decisions'>['decisions'][number] }
    | { type: 'gap'; id: string; data: { from: string; to: string } }
  >();
});
