/**
 * Browser script of the start page. Loads the dashboard every 5 s and shows its metrics as text. Shows
 * the alert of a link in a message. Adds buttons that copy commands.
 */
export const INDEX_PAGE_SCRIPT = `
/** Rounds to one decimal place. Values below 1 keep two digits. */
const format = (value, unit) => {
  if (value === undefined || value === null) return '–';
  const rounded = Math.abs(value) < 1 ? value.toPrecision(2) : value.toFixed(1);
  return Number(rounded) + (unit ? ' ' + unit : '');
};

/** Returns a cell with a number, which is also the key for sorting. */
const number = (value, unit) => ({ content: format(value, unit), key: value ?? -Infinity });
const mebibytes = (bytes) => number(bytes && bytes / 2 ** 20, 'MiB');

/** The sorted column of each table, by caption. A click on a heading sets it. */
const sorting = new Map();

/**
 * Returns a table. A cell is a text, an element, or an object with the key for sorting and a text or an element.
 *
 * @param headings names of the columns. Without them, the table contains names and values.
 */
function table(caption, rows, headings) {
  const element = document.createElement('table');
  element.createCaption().textContent = caption;
  // Browsers ignore tables with another display style, as on narrow screens, unless the role is explicit.
  element.role = 'table';
  const render = () => {
    element.tBodies?.[0]?.remove();
    const body = headings ? element.createTBody() : element;
    for (const cells of sortRows(rows, sorting.get(caption))) addRow(body, cells, headings);
  };
  // On narrow screens, each row of such a table is a card with the names of the columns.
  if (headings) element.className = 'cards';
  if (headings && rows.length > 0) addHeadings(element, caption, { headings, rows, render });
  render();
  return element;
}

function addRow(body, cells, headings) {
  const row = body.insertRow();
  row.role = 'row';
  cells.forEach((cell, i) => {
    const content = cell.content ?? cell;
    const item = row.insertCell();
    item.role = 'cell';
    if (headings) item.dataset.label = headings[i];
    if (typeof cell.key === 'number') item.className = 'number';
    if (content instanceof Object) item.append(content);
    else item.textContent = content;
  });
}

function addHeadings(element, caption, { headings, rows, render }) {
  const row = element.createTHead().insertRow();
  row.role = 'row';
  const items = headings.map((heading, column) => {
    const item = document.createElement('th');
    const button = document.createElement('button');
    item.role = 'columnheader';
    button.textContent = heading;
    button.id = caption + ' by ' + heading;
    const isNumber = typeof rows[0][column].key === 'number';
    if (isNumber) item.className = 'number';
    button.addEventListener('click', () => {
      const current = sorting.get(caption);
      const isDescending = current?.column === column ? !current.isDescending : isNumber;
      sorting.set(caption, { column, isDescending });
      showOrder();
      render();
    });
    item.append(button);
    row.append(item);
    return item;
  });
  const showOrder = () => items.forEach((item, i) => {
    const { column, isDescending } = sorting.get(caption) ?? {};
    item.ariaSort = column === i ? (isDescending ? 'descending' : 'ascending') : 'none';
  });
  showOrder();
}

/** Without a sorted column, keeps the order of the server. */
function sortRows(rows, order) {
  if (!order) return rows;
  const getKey = (cells) => cells[order.column].key ?? cells[order.column];
  const compare = (a, b) => (typeof a === 'number' ? a - b : String(a).localeCompare(String(b)));
  const sorted = [...rows].sort((a, b) => compare(getKey(a), getKey(b)));
  return order.isDescending ? sorted.reverse() : sorted;
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

/** Returns a cell with the parts of an endpoint's time: a bar, and its legend with the longest part first. */
function createParts(stats) {
  const bar = document.createElement('div');
  const legend = document.createElement('div');
  const element = document.createElement('div');
  bar.className = 'parts';
  legend.className = 'legend';
  const parts = PARTS.map(([name, label]) => ({ name, label, ms: stats[name + 'Time'], share: stats[name + 'Share'] }))
    .filter(({ share }) => share >= 1);
  for (const { name, share } of parts) {
    const part = document.createElement('span');
    part.className = name;
    part.style.width = share + '%';
    bar.append(part);
  }
  for (const { name, label, ms } of parts.sort((a, b) => b.ms - a.ms)) {
    const item = document.createElement('span');
    item.className = name;
    item.textContent = label + ' ' + format(ms, 'ms');
    legend.append(item);
  }
  element.append(bar, legend);
  return { content: element, key: parts[0] ? parts[0].label : '' };
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
  const toRow = ({ group, rate, average, p95, errorRate }) => [group.service, number(rate), number(average, 'ms'),
    number(p95, 'ms'), number(errorRate, '%')];
  const others = new Set(systemHealth.map((h) => h.service));
  for (const { group } of groups) others.delete(group.service);
  others.delete('perfscope');
  return [...groups.map(toRow), ...[...others].sort().map((service) => toRow({ group: { service } }))];
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
    const focusedId = document.activeElement?.id;
    document.getElementById('metrics').replaceChildren(
      table('Services', listServices(byService.endpoints, systemHealth),
        ['Service', 'Requests per second', 'Average', 'p95', 'Failed']),
      table('Requests', [
        ['Count', format(api.count)],
        ['Per second', format(api.rate)],
        ['Average', format(api.average, 'ms')],
        ['p50 / p95 / p99', [api.p50, api.p95, api.p99].map((v) => format(v, 'ms')).join(' / ')],
        ['Error rate', format(api.errorRate, '%')],
      ]),
      table('Slowest endpoints', api.slowestEndpoints.map((e) =>
        [(e.operation || '') + ' ' + e.name, e.service || '–', number(e.average, 'ms'), number(e.count)]),
        ['Endpoint', 'Service', 'Average', 'Requests']),
      table('Where the time goes', byEndpoint.endpoints.filter((e) => e.ownTime !== undefined).map((e) =>
        [(e.group.operation || '') + ' ' + (e.group.endpoint || '(no route)'), number(e.average, 'ms'), createParts(e),
          describeRepeated(e.repeatedStatement)]),
        ['Endpoint', 'Average', 'Parts', 'Most repeated statement']),
      table('Outgoing calls', outgoing.hosts.map(({ group, rate, average, p95, errorRate, errorRates }) =>
        [group.endpoint || '–', group.service || '–', number(rate), number(average, 'ms'), number(p95, 'ms'),
          number(errorRate, '%'), listErrors(errorRates) || '–']),
        ['Host', 'Service', 'Calls per second', 'Average', 'p95', 'Failed', 'Errors']),
      table('Database', [
        ['Average query', format(database.average, 'ms')],
        ['p95', format(database.p95, 'ms')],
        ['Connections', format(database.connections)],
        ['Slow queries', format(database.slowShare, '%')],
      ]),
      table('Slowest statements', database.slowestOperations.slice(0, 5).map((s) =>
        [s.name, s.service || '–', number(s.average, 'ms'), number(s.count)]),
        ['Statement', 'Service', 'Average', 'Calls']),
      table('Queues', queues.map((q) =>
        [q.scope ? q.queue + ' (' + q.scope + ')' : q.queue, number(q.processingTime, 'ms'), number(q.failureRate, '%'),
          number(q.depth)]),
        ['Queue', 'Processing time', 'Failed', 'Waiting jobs']),
      table('System health', systemHealth.map((h) =>
        [h.service, h.status || '–', number(h.processCpuUsage, '%'), number(h.cpuUsage, '%'), number(h.hostCpuUsage, '%'),
          mebibytes(h.processMemory), number(h.memoryUsage, '%'), number(h.hostMemoryUsage, '%'), number(h.diskUsage, '%')]),
        ['Service', 'Status', 'Process CPU', 'Container CPU', 'Host CPU', 'Process memory', 'Container memory',
          'Host memory', 'Host disk']),
    );
    // The new tables replace the button that had the focus.
    if (focusedId) document.getElementById(focusedId)?.focus();
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
