// Sends several statements in one query text, as migrations and fixtures do.
const pg = require('pg');

async function main() {
  const client = new pg.Client(process.env.DATABASE_URL);
  await client.connect();
  await client.query(`CREATE TABLE several (id int, text text);
    INSERT INTO several VALUES (1, 'a;b'), (2, 'c'); -- ; not the end
    UPDATE several SET id = 3 WHERE id = 2;;
    SELECT pg_sleep(0.2), count(*) FROM several;`);
  const failing = 'SELECT id FROM several; SELECT 1 / (id - 1) FROM several; DELETE FROM several';
  await client.query(failing).catch(() => {});
  await client.query('SELECT id FROM several; SELEC text FROM several').catch(() => {});
  const results = await client.query('SELECT id FROM several; SELECT text FROM several');
  console.log(results.map(({ command, rowCount }) => `${command} ${rowCount}`).join(', '));
  await client.end();
}

main();
