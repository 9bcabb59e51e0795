import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Principal } from '../access/principal.ts';
import type { Scope } from '../schema/scope.ts';
import type { Permission } from './caller.ts';
import type { Table } from './csv.ts';
import type { Parts } from './parts.ts';
import type { Streams } from './streams.ts';

export type Method = 'get' | 'post' | 'delete';

/** What a handler works with. */
export interface Context<Q> {
  readonly parts: Parts;
  readonly method: Method;
  readonly query: Q;
  /** What the path names, as `id` of `/alerts/:id`. */
  readonly params: Readonly<Record<string, string>>;
  /** As the endpoint's own `body` allows; undefined where it has none, or the method brings none. */
  readonly body: unknown;
  /** Who asks, and from where. */
  readonly principal: Principal;
  readonly address: string | undefined;
  /** Rows that the caller may see: the principal's. */
  readonly scope: Scope;
  readonly nowMs: number;
  readonly streams: Streams;
  /** All that is registered, for the endpoint that describes them. */
  readonly endpoints: readonly AnyEndpoint[];
}

/** What becomes `T` as JSON: a date is a text there. */
type AsJson<T> = T extends string
  ? string extends T
    ? T | Date
    : T
  : T extends readonly (infer U)[]
    ? readonly AsJson<U>[]
    : T extends object
      ? { readonly [K in keyof T]: AsJson<T[K]> }
      : T;

/** One endpoint: routes, OpenAPI document and the client's types all come from it. */
export interface Endpoint<P extends string, Q extends z.ZodObject, R extends z.ZodType> {
  readonly path: P;
  readonly methods: readonly Method[];
  readonly summary: string;
  /** Name of the operation, where the path's last word does not tell it from others. */
  readonly operation?: string;
  readonly permission: Permission;
  /** Where asking and changing need other permissions. */
  readonly changePermission?: Exclude<Permission, 'public'>;
  /** What the path names. */
  readonly params?: z.ZodObject;
  /** What is sent by POST, as JSON. */
  readonly body?: z.ZodObject;
  readonly query: Q;
  /** The answer as JSON. Where it has a `from` and a `to`, it is of that time and can be cached so. */
  readonly response: R;
  /** Whether asking changes something. */
  readonly changes?: boolean;
  /** The same answer as a table, where there is one. */
  table?(answer: AsJson<z.output<R>>, query: z.output<Q>): Table;
  handle?(context: Context<z.output<Q>>): Promise<AsJson<z.output<R>>>;
  /** Answers with a stream of events instead, of which `response` is one. */
  stream?(context: Context<z.output<Q>>, request: Request, response: Response): Promise<void>;
}

export type AnyEndpoint = Endpoint<string, z.ZodObject, z.ZodType>;

/** Keeps an endpoint's own types. */
export function endpoint<const P extends string, Q extends z.ZodObject, R extends z.ZodType>(
  definition: Endpoint<P, Q, R>,
): Endpoint<P, Q, R> {
  return definition;
}
