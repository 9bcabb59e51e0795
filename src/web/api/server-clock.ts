/** Clock of the server minus clock of the browser, in ms. */
let offsetMs = 0;

/** Differences below this are delays of the network. */
const TOLERANCE_MS = 5000;

/** Returns the time of the server's clock, in ms since the epoch. The browser's clock can be wrong by hours. */
export function serverNow(): number {
  return Date.now() + offsetMs;
}

/** Compares the clocks. `sentMs` is the browser's time of the request. */
export function adjustClock(serverTime: string | Date, sentMs: number): void {
  const serverMs = new Date(serverTime).getTime();
  if (!Number.isFinite(serverMs)) return;
  const difference = serverMs - (sentMs + Date.now()) / 2;
  offsetMs = Math.abs(difference) > TOLERANCE_MS ? difference : 0;
}
