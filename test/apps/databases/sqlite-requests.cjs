const { createServer } = require('node:http');

/** Runs a slow statement in each of two requests, and returns how long the statements took. */
module.exports = async function run({ DatabaseSync }) {
  const db = new DatabaseSync(':memory:');
  const slow = db.prepare(
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT count(*) FROM n',
  );
  let slowMs = 0;
  const server = createServer((_request, response) => {
    const startMs = performance.now();
    slow.get(800_000);
    slowMs += performance.now() - startMs;
    response.end('done');
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const base = `http://127.0.0.1:${server.address().port}`;
  for (let i = 0; i < 2; i++) await (await fetch(`${base}/slow`)).text();
  server.close();
  db.close();
  return { slowMs };
};
