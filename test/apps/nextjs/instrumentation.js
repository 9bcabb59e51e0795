/** Next.js 15 or newer calls it for each error. */
export function onRequestError(error, _request, { routeType }) {
  console.log(`reported ${routeType}: ${error.message}`);
}
