const { env } = process;

module.exports = async function run(library) {
  const { Client, HttpConnection } = library.Client ? library : library.default;
  const client = new Client({ node: env.ELASTICSEARCH_URL, agent: { connections: 4 } });
  const fail = (promise) =>
    promise.then(
      () => 'no error',
      (error) => error.constructor.name,
    );
  // Letters only, because numbers are replaced.
  const letters = [...String(process.pid)].map((digit) => 'abcdefghij'[Number(digit)]).join('');
  const hotels = `hotels-${letters}`;
  await client.ping();
  await client.indices.create({ index: hotels });
  await client.index({ index: hotels, id: 'secret-1', document: { city: 'Rome' } });
  const index = `logs-${letters}-2026.11.30`;
  const bulk = await client.bulk({
    refresh: true,
    operations: Array.from({ length: 120 }, (_, n) => [{ index: { _index: index } }, { n }]).flat(),
  });
  const found = await client.search({ index, query: { range: { n: { gte: 20 } } }, size: 100 });
  await client.search({ index: [`logs-${letters}-2026.11.*`, hotels] }, { meta: true });
  const document = await client.get({ index: hotels, id: 'secret-1' });
  const errors = [
    await fail(client.get({ index: hotels, id: 'secret-2' })),
    await fail(client.search({ index: 'missing' })),
    await fail(client.search({ index: hotels, query: { unknown: {} } })),
  ];
  const exists = await client.exists({ index: hotels, id: 'secret-2' });
  await client.transport.request({ method: 'GET', path: `/${index}/_count?q=secret` });
  const text = await client.search({ index: hotels }, { asStream: true });
  for await (const _ of text) {
    // Reads the response to its end.
  }
  // More requests than connections.
  await Promise.all(Array.from({ length: 20 }, () => client.count({ index: hotels })));
  const http = new Client({ node: env.ELASTICSEARCH_URL, Connection: HttpConnection });
  await http.delete({ index: hotels, id: 'secret-1' });
  const offline = new Client({ node: 'http://127.0.0.1:1', maxRetries: 0 });
  errors.push(await fail(offline.search({ index: hotels })));
  errors.push(await fail(client.search({ index: hotels }, { signal: AbortSignal.abort() })));
  await Promise.all([client.close(), http.close(), offline.close()]);
  return {
    hotels,
    logs: `logs-${letters}-[date]`,
    found: found.hits.hits.length,
    bulk: bulk.errors,
    exists,
    errors,
    id: document._id,
  };
};
