/**
 * Browser script of the start page. Loads the dashboard every 5 s and shows its metrics as text. Shows
 * the alert of a link in a message. Adds buttons that copy commands.
 */
export const INDEX_PAGE_SCRIPT = `
const format = (value, unit) =>
  value === undefined || value === null ? '–' : Number(value.toFixed(1)) + (unit ? ' ' + unit : '');
const formatMebibytes = (bytes) => format(bytes && bytes / 2 ** 20, 'MiB');

function table(caption, rows) {
  const element = document.createElement('table');
  element.createCaption().textContent = caption;
  for (const cells of rows) {
    const row = element.insertRow();
    for (const cell of cells) {
      if (cell instanceof Object) row.insertCell().append(cell);
      else row.insertCell().textContent = cell;
    }
  }
  return element;
}

function link(text, href) {
  const element = document.createElement('a');
  element.textContent = text;
  element.href = href;
  return element;
}

function get(path) {
  const key = sessionStorage.getItem('key');
  return fetch('/api/performance/' + path, {
    headers: key ? { Authorization: 'Bearer ' + key } : {},
  });
}

const PARTS = [['database', 'Database'], ['outgoing', 'Outgoing calls'], ['queue', 'Queues'],
  ['connectionWait', 'Wait for connections'], ['eventLoopWait', 'Event loop wait'], ['own', 'Own time']];

/** Returns a bar with the parts of an endpoint's time. Its text lists the largest parts. */
function createPartsBar(stats) {
  const bar = document.createElement('div');
  const element = document.createElement('div');
  bar.className = 'parts';
  const parts = PARTS.map(([name, label]) => ({ name, label, ms: stats[name + 'Time'], share: stats[name + 'Share'] }))
    .filter(({ share }) => share >= 1);
  for (const { name, share } of parts) {
    const part = document.createElement('span');
    part.className = name;
    part.style.width = share + '%';
    bar.append(part);
  }
  const text = parts.sort((a, b) => b.ms - a.ms).map(({ label, ms }) => label + ' ' + format(ms, 'ms')).join(', ');
  element.append(bar, text || '–');
  return element;
}

function describeRepeated(repeated) {
  return repeated ? repeated.statement + ' (' + format(repeated.average) + ' times per request)' : '–';
}

async function readBody(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail);
  return body;
}

/** Returns one row for each service. Services without requests, such as workers, have only a name. Perfscope isn't listed. */
function listServices(groups, systemHealth) {
  const rows = groups.map(({ group, rate, average, p95, errorRate }) => [group.service,
    format(rate) + ' per second', format(average, 'ms'), 'p95 ' + format(p95, 'ms'), format(errorRate, '% failed')]);
  const others = new Set(systemHealth.map((h) => h.service));
  for (const service of ['perfscope', ...rows.map(([name]) => name)]) others.delete(service);
  return [...rows, ...[...others].sort().map((service) => [service, 'no requests', '–', 'p95 –', '–'])];
}

/** Returns the kinds of errors, most frequent first. */
function listErrors(errorRates) {
  const sorted = Object.entries(errorRates).sort(([, a], [, b]) => b - a);
  return sorted.map(([kind, percent]) => kind + ' ' + format(percent, '%')).join(', ');
}

async function refresh() {
  const state = document.getElementById('state');
  try {
    const responses = await Promise.all([
      get('dashboard'),
      get('endpoints?groupBy=service&sort=count&limit=50'),
      get('outgoing?groupBy=endpoint,service&sort=count&limit=10'),
      get('endpoints?groupBy=endpoint,operation,service&sort=average&limit=10'),
    ]);
    document.getElementById('key').hidden = responses[0].status !== 401;
    const [body, byService, outgoing, byEndpoint] = await Promise.all(responses.map(readBody));
    const { api, database, queues, systemHealth } = body;
    document.getElementById('metrics').replaceChildren(
      table('Services', listServices(byService.endpoints, systemHealth)),
      table('Requests', [
        ['Count', format(api.count)],
        ['Per second', format(api.rate)],
        ['Average', format(api.average, 'ms')],
        ['p50 / p95 / p99', [api.p50, api.p95, api.p99].map((v) => format(v, 'ms')).join(' / ')],
        ['Error rate', format(api.errorRate, '%')],
      ]),
      table('Slowest endpoints', api.slowestEndpoints.map((e) =>
        [(e.operation || '') + ' ' + e.name, e.service || '–', format(e.average, 'ms'), format(e.count) + ' requests'])),
      table('Where the time goes', byEndpoint.endpoints.filter((e) => e.ownTime !== undefined).map((e) =>
        [(e.group.operation || '') + ' ' + (e.group.endpoint || '(no route)'), createPartsBar(e), describeRepeated(e.repeatedStatement)])),
      table('Outgoing calls', outgoing.hosts.map(({ group, rate, p95, errorRate, errorRates }) =>
        [group.endpoint || '–', group.service || '–', format(rate) + ' per second', 'p95 ' + format(p95, 'ms'),
          format(errorRate, '% failed'), listErrors(errorRates)])),
      table('Database', [
        ['Average query', format(database.average, 'ms')],
        ['p95', format(database.p95, 'ms')],
        ['Connections', format(database.connections)],
        ['Slow queries', format(database.slowShare, '%')],
      ]),
      table('Slowest statements', database.slowestOperations.slice(0, 5).map((s) =>
        [s.name, s.service || '–', format(s.average, 'ms'), format(s.count) + ' times'])),
      table('Queues', queues.map((q) =>
        [q.scope ? q.queue + ' (' + q.scope + ')' : q.queue, format(q.processingTime, 'ms'), format(q.failureRate, '% failed'),
          format(q.depth) + ' waiting'])),
      table('System health', systemHealth.map((h) =>
        [h.service, h.status || '–', 'CPU ' + format(h.processCpuUsage, '%'),
          'memory ' + formatMebibytes(h.processMemory), 'host CPU ' + format(h.cpuUsage, '%'),
          'host memory ' + format(h.memoryUsage, '%'), 'host disk ' + format(h.diskUsage, '%')])),
    );
    state.textContent = 'Last 15 minutes, updated at ' + new Date(body.to).toLocaleTimeString();
  } catch (error) {
    state.textContent = 'Metrics are not available: ' + error.message;
  }
}
async function showAlert() {
  const id = new URLSearchParams(location.search).get('alert');
  if (!id) return;
  const response = await get('alerts/' + encodeURIComponent(id));
  if (response.status === 401) return;
  const { alert, detail } = await response.json();
  const rows = alert ? [
    ['Rule', alert.rule],
    ['State', alert.state],
    ['Severity', alert.severity],
    ['Started', new Date(alert.firedAt || alert.startedAt).toLocaleString()],
    ...(alert.cause ? [['Cause: ' + alert.cause]] : []),
    ...(alert.runbook ? [['Runbook', link(alert.rule, alert.runbook)]] : []),
  ] : [];
  const caption = alert ? alert.annotations.summary || alert.rule : 'Alert: ' + detail;
  document.getElementById('alert').replaceChildren(table(caption, rows));
}
for (const element of document.querySelectorAll('.origin')) element.textContent = location.origin;
// Browsers allow access to the clipboard only over HTTPS or loopback.
if (navigator.clipboard) {
  for (const commands of document.querySelectorAll('.commands')) {
    const button = document.createElement('button');
    button.textContent = 'Copy';
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(commands.querySelector('pre').textContent + '\\n');
      button.textContent = 'Copied';
      setTimeout(() => { button.textContent = 'Copy'; }, 2000);
    });
    commands.append(button);
  }
}
document.getElementById('key').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem('key', new FormData(event.target).get('key'));
  refresh();
  showAlert().catch(() => {});
});
refresh();
showAlert().catch(() => {});
setInterval(refresh, 5000);
`;
