import type { IncomingMessage } from 'node:http';

/** Receives the requests that open a WebSocket, with the route template of the framework. */
type UpgradeListener = (request: IncomingMessage, route: string) => void;

let notify: UpgradeListener | undefined;

/** Sets the function that receives the requests. It must not throw. */
export function setUpgradeListener(listener: UpgradeListener): void {
  notify = listener;
}

/** Must be called when a framework has found the route of a request that Node.js published no start for. */
export function publishUpgradeRoute(request: IncomingMessage, route: string): void {
  if (request.headers.upgrade?.toLowerCase() === 'websocket') notify?.(request, route);
}
