const { env } = process;

module.exports = async function run(library) {
  const { createClient } = library.createClient ? library : library.default;
  const create = (url) =>
    createClient({ [env.CLICKHOUSE_OPTION]: url, request_timeout: 20_000, log: { level: 127 } });
  const client = create(env.CLICKHOUSE_URL);
  const table = `hotels_${process.pid}`;
  const fail = (promise) =>
    promise.then(
      () => 'no error',
      (error) => error.message.slice(0, 40),
    );
  const ping = await client.ping();
  await client.command({
    query: `CREATE TABLE ${table} (id UInt32, city String) ENGINE = Memory`,
  });
  await client.insert({
    table,
    values: [
      { id: 1, city: 'Rome' },
      { id: 2, city: 'Oslo' },
    ],
    format: 'JSONEachRow',
  });
  await client.insert({ table, values: [], format: 'JSONEachRow' });
  const rows = await client.query({
    query: `SELECT city FROM ${table} WHERE id < 5 AND city != 'secret' ORDER BY city`,
    format: 'JSONEachRow',
  });
  const cities = (await rows.json()).map(({ city }) => city);
  const { stream } = await client.exec({ query: `INSERT INTO ${table} FORMAT CSV\n3,"Bonn"` });
  stream.resume();
  const errors = [
    await fail(client.query({ query: 'SELECT * FROM missing_table' })),
    await fail(client.command({ query: 'SELEC 1' })),
  ];
  const offline = create('http://127.0.0.1:1');
  errors.push(await fail(offline.query({ query: 'SELECT 3 AS n' })));
  const offlinePing = await offline.ping().catch(() => ({ success: false }));
  await client.command({ query: `DROP TABLE ${table}` });
  await Promise.all([client.close(), offline.close()]);
  return { table, ping: ping.success ?? ping, cities, errors, offlinePing: offlinePing.success };
};
