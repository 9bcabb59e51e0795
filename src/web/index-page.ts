/** HTML of the start page: the metrics of the dashboard as text, and the next steps. */
export const INDEX_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Perfscope</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 9h4l2-6 3 10 2-4h3' fill='none' stroke='%2308c' stroke-width='2'/%3E%3C/svg%3E">
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; width: 100%; margin-bottom: 1.5rem; }
  caption { text-align: left; font-weight: 600; padding: .25rem 0; }
  th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884; }
  td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
  td + td { white-space: nowrap; }
  pre { background: #8882; padding: .75rem; overflow-x: auto; border-radius: .25rem; }
</style>
</head>
<body>
<h1>Perfscope</h1>
<p id="state" role="status">Loading the last 15 minutes…</p>
<form id="key" hidden>
  <label>API key <input name="key" type="password" autocomplete="off" required></label>
  <button>Show metrics</button>
</form>
<div id="metrics"></div>
<h2>Next steps</h2>
<ol>
  <li>Install Perfscope in your service: <pre>npm install perfscope</pre></li>
  <li>Start the service with this flag: <pre>node --import perfscope/register app.js</pre></li>
  <li>Send a few requests to the service. Their metrics appear here within 30 s.</li>
</ol>
<script src="/page.js"></script>
</body>
</html>
`;
