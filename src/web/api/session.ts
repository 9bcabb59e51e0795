import { computed, signal } from '@preact/signals';
import { ApiError } from '../../client/api-request.ts';
import type { ApiResponse } from '../../client/api-types.ts';
import { PerfscopeClient } from '../../client/perfscope-client.ts';
import { SERVER_URL } from '../url/location.ts';
import { fetchFromServer } from './connection.ts';
import { adjustClock } from './server-clock.ts';

/** The caller of the API, with their permissions. */
export type Caller = ApiResponse<'me'>;
/** A right of the caller. */
export type Permission = Caller['permissions'][number];

/** Why the page shows the sign-in form. */
export type SignInReason = 'required' | 'expired' | 'rejected' | 'unchecked';

const STORAGE_KEY = 'perfscope.key';

/** API key or token. It is kept until the tab is closed. */
const key = signal(readStoredKey());

/** The client of the API, with the key. */
export const client = computed(
  () =>
    new PerfscopeClient({
      url: SERVER_URL,
      fetch: fetchFromServer,
      ...(key.value !== undefined && { key: key.value }),
    }),
);
/** Undefined until the server has answered. */
export const caller = signal<Caller | undefined>(undefined);
export const signInReason = signal<SignInReason | undefined>(undefined);
/** Whether the page has a key, so that the user can sign out. */
export const hasKey = computed(() => key.value !== undefined);

/** Asks the server who the caller is. */
export function loadCaller(): Promise<void> {
  return requestCaller().catch(noteApiError);
}

async function requestCaller(): Promise<void> {
  const sentMs = Date.now();
  const answer = await client.value.get('me');
  adjustClock(answer.now, sentMs);
  caller.value = answer;
  signInReason.value = undefined;
}

/** Signs in with an API key or a token. Returns whether the server accepted it. */
export async function signIn(text: string): Promise<boolean> {
  const previous = key.value;
  key.value = text.trim().replace(/^Bearer /i, '');
  try {
    await requestCaller();
  } catch (error) {
    key.value = previous;
    signInReason.value = isRejection(error) ? 'rejected' : 'unchecked';
    return false;
  }
  store(key.value);
  return true;
}

export function signOut(): void {
  store(undefined);
  location.reload();
}

/** Shows the sign-in form if the server rejected the key. */
export function noteApiError(error: unknown): void {
  if (!isRejection(error) || signInReason.value !== undefined) return;
  signInReason.value = key.value === undefined ? 'required' : 'expired';
}

function isRejection(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

/** Whether the caller has a permission. False until the server has answered. */
export function isAllowed(permission: Permission): boolean {
  return caller.value?.permissions.includes(permission) ?? false;
}

function readStoredKey(): string | undefined {
  try {
    return sessionStorage.getItem(STORAGE_KEY) ?? undefined;
  } catch {
    return undefined;
  }
}

/** The browser can forbid the storage. The key is then only in memory. */
function store(value: string | undefined): void {
  try {
    if (value === undefined) sessionStorage.removeItem(STORAGE_KEY);
    else sessionStorage.setItem(STORAGE_KEY, value);
  } catch {
    // The key stays in memory.
  }
}
