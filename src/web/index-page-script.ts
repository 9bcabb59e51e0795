/** What the page runs in the browser: it asks for the dashboard and shows its figures as text. */
export const INDEX_PAGE_SCRIPT = `
const show = (value, unit) =>
  value === undefined || value === null ? '–' : Number(value.toFixed(1)) + (unit ? ' ' + unit : '');

function table(caption, rows) {
  const element = document.createElement('table');
  element.createCaption().textContent = caption;
  for (const cells of rows) {
    const row = element.insertRow();
    for (const cell of cells) row.insertCell().textContent = cell;
  }
  return element;
}

async function refresh() {
  const state = document.getElementById('state');
  try {
    const key = sessionStorage.getItem('key');
    const response = await fetch('/api/performance/dashboard', {
      headers: key ? { Authorization: 'Bearer ' + key } : {},
    });
    const body = await response.json();
    document.getElementById('key').hidden = response.status !== 401;
    if (!response.ok) throw new Error(body.detail);
    const { api, database, queues, systemHealth } = body;
    document.getElementById('figures').replaceChildren(
      table('Requests', [
        ['Count', show(api.count)],
        ['Per second', show(api.rate)],
        ['Average', show(api.average, 'ms')],
        ['p50 / p95 / p99', [api.p50, api.p95, api.p99].map((v) => show(v, 'ms')).join(' / ')],
        ['Error rate', show(api.errorRate, '%')],
      ]),
      table('Slowest endpoints', api.slowestEndpoints.map((e) =>
        [(e.operation || '') + ' ' + e.name, show(e.average, 'ms'), show(e.count) + ' requests'])),
      table('Database', [
        ['Average query', show(database.averageQueryTime, 'ms')],
        ['p95', show(database.p95QueryTime, 'ms')],
        ['Connections', show(database.connections)],
        ['Slow queries', show(database.slowQueryShare, '%')],
      ]),
      table('Slowest statements', database.slowestOperations.slice(0, 5).map((s) =>
        [s.name, show(s.average, 'ms'), show(s.count) + ' times'])),
      table('Queues', queues.map((q) =>
        [q.queue, show(q.processingTime, 'ms'), show(q.failureRate, '% failed'),
          show(q.depth) + ' waiting'])),
      table('System health', systemHealth.map((h) =>
        [h.service, h.status || '–', 'CPU ' + show(h.cpuUsage, '%'),
          'memory ' + show(h.memoryUsage, '%'), 'disk ' + show(h.diskUsage, '%')])),
    );
    state.textContent = 'The last 15 minutes, as of ' + new Date(body.to).toLocaleTimeString();
  } catch (error) {
    state.textContent = 'No figures at the moment: ' + error.message;
  }
}
document.getElementById('key').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem('key', new FormData(event.target).get('key'));
  refresh();
});
refresh();
setInterval(refresh, 5000);
`;
