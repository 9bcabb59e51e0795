import { HELD_CONNECTION_MS } from '../../../core/suggestion-metrics.ts';
import type { Caller } from '../context/tenant-context.ts';
import { ExistingObject } from '../loading/hidden-property.ts';

/** Field of a connection that stores when the application took it from its pool. */
class CheckoutField extends ExistingObject {
  #takenMs: number;
  #caller: Caller | undefined;

  private constructor(connection: object, takenMs: number, caller: Caller | undefined) {
    super(connection);
    this.#takenMs = takenMs;
    this.#caller = caller;
  }

  static has(connection: object): boolean {
    return #takenMs in connection;
  }

  static set(connection: object, takenMs: number, caller: Caller | undefined): void {
    if (!(#takenMs in connection)) {
      new CheckoutField(connection, takenMs, caller);
      return;
    }
    connection.#takenMs = takenMs;
    connection.#caller = caller;
  }

  static isHeld(connection: object, nowMs: number): boolean {
    return #takenMs in connection && nowMs - connection.#takenMs > HELD_CONNECTION_MS;
  }

  static getRoute(connection: object): string | undefined {
    return #caller in connection ? connection.#caller?.route : undefined;
  }
}

/** Connections of a pool that the application took more than a minute ago and hasn't returned. */
export interface HeldConnections {
  readonly count: number;
  /** Route or job that took most of them. Undefined if it is unknown. */
  readonly caller: string | undefined;
}

/** Stores that a caller took a connection from its pool. */
export function markTaken(connection: object, takenMs: number, caller: Caller | undefined): void {
  CheckoutField.set(connection, takenMs, caller);
}

/** Whether {@link markTaken} was called for a connection. */
export function isTakenMarked(connection: object): boolean {
  return CheckoutField.has(connection);
}

/**
 * Returns the connections that are held for too long.
 *
 * @param used the connections that are not in the pool now
 * @param nowMs time from `performance.now()`
 */
export function findHeldConnections(used: Iterable<object>, nowMs: number): HeldConnections {
  let count = 0;
  const counts = new Map<string, number>();
  for (const connection of used) {
    if (!CheckoutField.isHeld(connection, nowMs)) continue;
    count += 1;
    const route = CheckoutField.getRoute(connection);
    if (route !== undefined) counts.set(route, (counts.get(route) ?? 0) + 1);
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return { count, caller: most?.[0] };
}
