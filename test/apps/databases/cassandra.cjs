const { env } = process;

module.exports = async function run(library) {
  const { Client } = library.Client ? library : library.default;
  const [host, port] = env.CASSANDRA_HOST.split(':');
  const keyspace = `ks_${process.pid}`;
  const options = { contactPoints: [host], localDataCenter: 'datacenter1' };
  const protocolOptions = { port: Number(port) };
  const admin = new Client({ ...options, protocolOptions });
  await admin.execute(
    `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  );
  const client = new Client({ ...options, protocolOptions, keyspace });
  const fail = (promise) =>
    promise.then(
      () => 'no error',
      (error) => error.constructor.name,
    );
  await client.connect();
  await client.execute('CREATE TABLE hotels (id int PRIMARY KEY, city text, tags map<text, int>)');
  const insert = 'INSERT INTO hotels (id, city) VALUES (?, ?)';
  for (let i = 0; i < 3; i++) await client.execute(insert, [i, 'secret'], { prepare: true });
  await client.execute(
    "INSERT INTO hotels (id, city, tags) VALUES (9, 'secret', {'a': 1, 'b': 2})",
  );
  const queries = Array.from({ length: 120 }, (_, i) => ({
    query: insert,
    params: [100 + i, 'x'],
  }));
  await client.batch(queries, { prepare: true });
  const { rowLength } = await client.execute('SELECT * FROM hotels');
  const withCallback = await new Promise((resolve, reject) => {
    client.execute('SELECT city FROM hotels WHERE id = 1', (error, result) =>
      error ? reject(error) : resolve(result.rows[0].city),
    );
  });
  // Each page has 50 rows.
  const paging = { fetchSize: 50, autoPage: true, prepare: true };
  const eachRow = await new Promise((resolve, reject) => {
    let rows = 0;
    const count = () => {
      rows += 1;
    };
    client.eachRow('SELECT id FROM hotels', [], paging, count, (error) =>
      error ? reject(error) : resolve(rows),
    );
  });
  let streamed = 0;
  for await (const _ of client.stream('SELECT id, city FROM hotels', [], { fetchSize: 100 }))
    streamed += 1;
  const errors = [
    await fail(client.execute('SELECT secret FROM missing')),
    await fail(client.execute('SELEC 1')),
    await fail(client.execute(insert, ['no number', 'x'], { prepare: true })),
    await fail(client.batch([])),
    await fail(client.batch(["INSERT INTO hotels (id) VALUES ('x')"])),
    await fail(
      client.execute(
        `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
      ),
    ),
  ];
  const offline = new Client({ ...options, protocolOptions: { port: 1 } });
  errors.push(await fail(offline.execute('SELECT 1')));
  await admin.execute(`DROP KEYSPACE ${keyspace}`);
  await Promise.all([admin.shutdown(), client.shutdown(), offline.shutdown()]);
  return { keyspace, rowLength, withCallback, eachRow, streamed, errors };
};
