/** Next.js 15 or newer calls it when the server starts. */
export async function register() {
  if (process.env.NEXT_RUNTIME === 'nodejs' && process.env.OWN_SDK) {
    const { startTelemetry } = await import('./telemetry.js');
    startTelemetry();
  }
}

/** Next.js 15 or newer calls it for each error. */
export function onRequestError(error, _request, { routeType }) {
  console.log(`reported ${routeType}: ${error.message}`);
}
