import { LOCAL_TOKEN_HEADER } from '../../core/config/server-discovery.ts';
import { HttpClient } from '../../core/http/http-client.ts';
import type { HttpResponse } from '../../core/http/http-connection.ts';
import { VERSION } from '../../core/version.ts';
import {
  AGENT_SERVICE_HEADER,
  AGENT_VERSION_HEADER,
  SERVER_VERSION_HEADER,
} from '../../core/version-compatibility.ts';
import type { ForcedBreaker } from '../breakers/breaker-registry.ts';
import type { ActiveDecision } from './decision-dispatcher.ts';

const ACTIONS_PATH = '/api/performance/actions';
const REQUEST_TIMEOUT_MS = 10_000;

const client = new HttpClient({ keepsProcessAlive: false });

/** Decisions and breaker states that are in effect. */
export interface CurrentActions {
  readonly breakers: readonly ForcedBreaker[];
  readonly decisions: readonly ActiveDecision[];
}

export interface ActionsRequest {
  /** Base URL of the server. */
  readonly url: string;
  /** API key. Default: none. */
  readonly key?: string | undefined;
  /** Token from the discovery file of a local server. Default: none. */
  readonly localToken?: string | undefined;
  /** Name of the service that sends the request. */
  readonly service: string;
  /** Called with the server's version, even if the server rejects the request. */
  readonly onServerVersion: (version: string | undefined) => void;
}

/**
 * Requests the current actions from the server. Never keeps the process alive.
 *
 * @throws Error if the server is unreachable, rejects the request, or returns another response
 */
export async function requestActions({
  url,
  key,
  localToken,
  service,
  onServerVersion,
}: ActionsRequest): Promise<CurrentActions> {
  const response = await client.send(`${url.replace(/\/$/, '')}${ACTIONS_PATH}`, {
    method: 'GET',
    headers: {
      [AGENT_VERSION_HEADER]: VERSION,
      [AGENT_SERVICE_HEADER]: encodeURIComponent(service.toWellFormed()),
      ...(key && { authorization: `Bearer ${key}` }),
      ...(localToken && { [LOCAL_TOKEN_HEADER]: localToken }),
    },
    timeoutMs: REQUEST_TIMEOUT_MS,
  });
  onServerVersion(response.headers.get(SERVER_VERSION_HEADER));
  if (response.status !== 200) throw new Error(describeRejection(response));
  return parseActions(JSON.parse(response.body));
}

function describeRejection({ status, headers, body }: HttpResponse): string {
  const message = `the server responded with HTTP ${status}`;
  if (!headers.get('content-type')?.includes('application/problem+json')) return message;
  const { detail } = (JSON.parse(body) ?? {}) as { detail?: unknown };
  return typeof detail === 'string' ? detail : message;
}

/** @throws TypeError if `body` is not the response of `GET /api/performance/actions` */
function parseActions(body: unknown): CurrentActions {
  const { breakers, decisions } = (body ?? {}) as { breakers?: unknown; decisions?: unknown };
  if (!isArrayOf(breakers, isForcedBreaker) || !isArrayOf(decisions, isActiveDecision)) {
    throw new TypeError('the response is not a list of decisions and breakers');
  }
  return { breakers, decisions };
}

function isArrayOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.every(isItem);
}

function isForcedBreaker(item: unknown): item is ForcedBreaker {
  const { name, leaseMs } = (item ?? {}) as Partial<ForcedBreaker>;
  return typeof name === 'string' && Number.isFinite(leaseMs);
}

function isActiveDecision(item: unknown): item is ActiveDecision {
  const decision = (item ?? {}) as Partial<ActiveDecision>;
  return (
    [decision.id, decision.rule, decision.event, decision.setting].every(
      (text) => typeof text === 'string',
    ) &&
    [
      decision.seq,
      decision.value,
      decision.previous,
      decision.defaultValue,
      decision.remainingMs,
    ].every(Number.isFinite)
  );
}
