/** How the reader of the page can get the agent. */
export interface AgentDownload {
  /** Path of the agent on this server. */
  readonly path: string;
  readonly fileName: string;
  /** SHA-512 of the file, as in `package-lock.json`. Undefined if the server has no agent package. */
  readonly integrity: string | undefined;
  /** Whether the server sends the agent over the connection that requested the page. */
  readonly isAllowed: boolean;
}

/**
 * Returns the HTML of the start page: the metrics of the dashboard as text, and the steps to measure
 * a service. The script of the page adds the server's origin and the copy buttons.
 */
export function createIndexPage({ path, fileName, integrity, isAllowed }: AgentDownload): string {
  const file = `./vendor/${fileName}`;
  const install = `npm install ${file}`;
  const getAgent = isAllowed
    ? `<li>In the folder of your service, download the agent and install it:
    ${createCommands(`curl --fail --create-dirs -o ${file} <span class="origin"></span>${path}`, install)}`
    : `<li>On the server, run <code>perfscope agent pack</code>. Copy the file to <code>vendor</code> in the folder
    of your service, and install it there:
    ${createCommands(install)}`;
  const checksum =
    integrity === undefined ? '' : `<p>SHA-512 of the file: <code>${integrity}</code></p>`;
  return `${PAGE_START}
<h2>Measure a service</h2>
<ol>
  ${getAgent}
    <p>Commit the file. Other machines and <code>npm ci</code> then use the same file, without this server.</p>
    ${checksum}
  </li>
  <li>Start the service with this flag: ${createCommands('node --import @perfscope/agent/register app.js')}
    <p>Send a few requests to the service. Their metrics appear here within 30 s.</p>
  </li>
  <li>To list the libraries that the agent measures, run: ${createCommands('npx @perfscope/agent doctor app.js')}</li>
</ol>
<p>Services in other languages can send OTLP to this server. So can services with their own OpenTelemetry SDK. Set
  these environment variables:</p>
${createCommands('OTEL_EXPORTER_OTLP_ENDPOINT=<span class="origin"></span>', 'OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf')}
<p>If the server has API keys, services need a key with the role INGEST. Set <code>OTEL_EXPORTER_OTLP_HEADERS</code> to
  <code>authorization=Bearer%20KEY</code>.</p>
<script src="/page.js"></script>
</body>
</html>
`;
}

/** Returns a block with one command per line. The page's script adds a button that copies it. */
function createCommands(...lines: readonly string[]): string {
  return `<div class="commands"><pre>${lines.join('\n')}</pre></div>`;
}

const PAGE_START = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Perfscope</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 9h4l2-6 3 10 2-4h3' fill='none' stroke='%2308c' stroke-width='2'/%3E%3C/svg%3E">
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }
  body > p, ol, body > .commands { max-width: 60rem; }
  table { border-collapse: collapse; width: 100%; margin-bottom: 1.5rem; }
  caption { text-align: left; font-weight: 600; padding: .25rem 0; }
  th, td { text-align: left; vertical-align: top; padding: .25rem 1rem .25rem 0; border-bottom: 1px solid #8884; }
  th:last-child, td:last-child { padding-right: 0; }
  th { font-weight: normal; vertical-align: bottom; }
  th button { all: unset; cursor: pointer; font-size: .875rem; opacity: .8; }
  th button:focus-visible { outline: 2px solid; outline-offset: 2px; }
  th[aria-sort=ascending]::after { content: ' ↑'; }
  th[aria-sort=descending]::after { content: ' ↓'; }
  td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; min-width: 6rem; }
  td:first-child { min-width: 12rem; }
  .number { text-align: right; }
  td.number { white-space: nowrap; min-width: 0; }
  .parts { display: flex; min-width: 14rem; height: .5rem; margin: .5rem 0 .25rem; }
  .parts span { background: var(--part); }
  .legend { display: flex; flex-wrap: wrap; gap: 0 1rem; font-size: .875rem; }
  .legend span::before { content: ''; display: inline-block; width: .625rem; height: .625rem; margin-right: .375rem; background: var(--part); }
  .own { --part: #888; }
  .database { --part: #36c; }
  .outgoing { --part: #c60; }
  .queue { --part: #083; }
  .connectionWait { --part: #a3c; }
  .eventLoopWait { --part: #c33; }
  @media (prefers-color-scheme: dark) {
    .database { --part: #69f; }
    .outgoing { --part: #f93; }
    .queue { --part: #3b6; }
    .connectionWait { --part: #c7f; }
    .eventLoopWait { --part: #f66; }
  }
  @media (max-width: 60rem) {
    .cards, .cards :is(caption, thead, tbody, tr, th, td) { display: block; }
    .cards thead tr { display: flex; flex-wrap: wrap; gap: 0 1rem; }
    .cards thead tr::before { content: 'Sort by'; font-size: .875rem; padding: .25rem 0; }
    .cards tr { padding: .25rem 0; border-bottom: 1px solid #8884; }
    .cards :is(th, td) { border: 0; padding: 0; min-width: 0; text-align: left; }
    .cards th button { padding: .25rem 0; }
    .cards td:first-child { font-weight: 600; }
    .cards td ~ td { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; }
    .cards td ~ td::before { content: attr(data-label); opacity: .8; }
    .cards td > div { width: 100%; }
  }
  #alert, #metrics { overflow-x: auto; }
  pre { background: #8882; padding: .75rem; border-radius: .25rem; margin: 0; flex: 1; white-space: pre-wrap; overflow-wrap: anywhere; }
  li { margin-bottom: 1rem; }
  li p { margin: .25rem 0; }
  code { overflow-wrap: anywhere; }
  .commands { display: flex; align-items: start; gap: .5rem; margin: .5rem 0; }
  .commands button { font: inherit; font-size: .875rem; min-width: 5rem; padding: .5rem; }
</style>
</head>
<body>
<h1>Perfscope</h1>
<p id="state" role="status">Loading the last 15 minutes…</p>
<form id="key" hidden>
  <label>API key <input name="key" type="password" autocomplete="off" required></label>
  <button>Show metrics</button>
</form>
<div id="alert"></div>
<div id="metrics"></div>`;
