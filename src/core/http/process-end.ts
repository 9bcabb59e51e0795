/** Time after the first positive answer in which a doubtful answer is also positive, in ms. */
const DOUBTFUL_PERIOD_MS = 5000;

/**
 * Requests to the operating system that keep the process alive, even if their socket is unreferenced.
 */
const NETWORK_REQUESTS = new Set([
  'ConnectWrap',
  'TCPConnectWrap',
  'SimpleWriteWrap',
  'WriteWrap',
  'ShutdownWrap',
  'GetAddrInfoReqWrap',
]);
/** Standard streams are listed even if nothing reads from them. */
const STANDARD_STREAMS = new Set(['TTYWrap', 'PipeWrap']);

const { getActiveResourcesInfo } = process;
let firstAnswerMs: number | undefined;

/**
 * Returns whether only the agent's network requests keep the process alive. Node.js can't
 * unreference a connection attempt or a write.
 */
export function isKeptAliveByRequests(): boolean {
  const others = getActiveResourcesInfo.call(process).filter((name) => !NETWORK_REQUESTS.has(name));
  if (!others.every((name) => STANDARD_STREAMS.has(name))) return false;
  const nowMs = performance.now();
  firstAnswerMs ??= nowMs;
  // If the process still runs after this period, it reads from a standard stream.
  return others.length === 0 || nowMs - firstAnswerMs < DOUBTFUL_PERIOD_MS;
}
