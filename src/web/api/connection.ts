import { signal } from '@preact/signals';
import { SERVER_URL } from '../url/location.ts';

/** Time since which the server doesn't answer, in ms since the epoch of the browser's clock. */
export const unreachableSince = signal<number | undefined>(undefined);
/** Time of the server's last answer, on the browser's clock. */
export const lastAnswerAt = signal<number | undefined>(undefined);

const PROBE_INTERVAL_MS = 2000;
const PROBE_TIMEOUT_MS = 5000;
/** Responses with which a proxy reports that it can't reach the server. */
const GATEWAY_STATUSES = [502, 504];

const recoveryListeners = new Set<() => void>();

/** Calls a function whenever the server answers again. */
export function onRecovery(listener: () => void): void {
  recoveryListeners.add(listener);
}

/** Like `fetch`, and notes whether the server answers. */
export async function fetchFromServer(
  input: RequestInfo | URL,
  init?: RequestInit,
): Promise<Response> {
  try {
    const response = await fetch(input, init);
    if (GATEWAY_STATUSES.includes(response.status)) noteFailure();
    else noteAnswer();
    return response;
  } catch (error) {
    if (!init?.signal?.aborted) noteFailure();
    throw error;
  }
}

function noteAnswer(): void {
  lastAnswerAt.value = Date.now();
  if (unreachableSince.value === undefined) return;
  unreachableSince.value = undefined;
  for (const listener of recoveryListeners) listener();
}

function noteFailure(): void {
  if (unreachableSince.value !== undefined) return;
  unreachableSince.value = Date.now();
  scheduleProbe();
}

function scheduleProbe(): void {
  setTimeout(() => {
    probe().catch(scheduleProbe);
  }, PROBE_INTERVAL_MS);
}

/** Asks until the server answers again. */
async function probe(): Promise<void> {
  const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
  const response = await fetch(`${SERVER_URL}/healthz`, { signal, cache: 'no-store' });
  if (response.ok) noteAnswer();
  else scheduleProbe();
}
