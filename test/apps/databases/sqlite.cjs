const { env } = process;

/** Runs statements with better-sqlite3 or node:sqlite. */
module.exports = async function run(library) {
  const isBuiltIn = library.DatabaseSync !== undefined;
  const Database = library.DatabaseSync ?? library.default ?? library;
  const options = env.SQLITE_ADDON ? { nativeBinding: env.SQLITE_ADDON } : {};
  const db = new Database(':memory:', options);
  db.exec(`
    CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, price REAL);
    CREATE INDEX rooms_price ON rooms (price);
  `);
  db.exec('CREATE TRIGGER t AFTER DELETE ON rooms BEGIN SELECT 1; SELECT 2; END');
  const insert = db.prepare("INSERT INTO rooms (name, price) VALUES (?, '1.5')");
  for (let i = 0; i < 5; i++) insert.run(`room ${i}`);
  const get = db.prepare('SELECT name FROM rooms WHERE id = ?');
  const names = [1, 2].map((id) => get.get(id).name);
  const all = db.prepare('SELECT * FROM rooms WHERE price > :price');
  const rows = all.all({ price: 0 }).length;
  const iterated = [];
  for (const { id } of db.prepare('SELECT id FROM rooms ORDER BY id').iterate()) iterated.push(id);
  // The application stops after one row.
  for (const { id } of db.prepare('SELECT id FROM rooms LIMIT 3').iterate()) {
    iterated.push(id);
    break;
  }
  const errors = [
    () => insert.run('room 1'),
    () => insert.run(null),
    () => db.prepare('SELECT secret FROM missing'),
    () => db.exec("INSERT INTO rooms (name) VALUES ('room 1')"),
    () => db.exec('SELEC 1'),
  ].map((fail) => {
    try {
      fail();
      return 'no error';
    } catch (error) {
      return error.constructor.name;
    }
  });
  if (isBuiltIn) runTemplates(db);
  else runTransactions(db, insert);
  // A slow statement: 40 ms or more.
  const slow = db.prepare(
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT count(*) FROM n',
  );
  const startMs = performance.now();
  slow.get(400_000);
  const slowMs = performance.now() - startMs;
  db.close();
  await undefined;
  return { names, rows, iterated, errors, slowMs };
};

function runTransactions(db, insert) {
  const insertAll = db.transaction((names) => {
    for (const name of names) insert.run(name);
    if (names.length === 1) throw new Error('stop');
  });
  insertAll(['a', 'b', 'c']);
  try {
    insertAll.immediate(['d']);
  } catch {
    // The transaction was rolled back.
  }
  db.transaction(() => insertAll(['e', 'f']))();
  db.pragma('user_version = 5');
  db.pragma('user_version', { simple: true });
}

/** Only newer versions of Node.js have tag stores. */
function runTemplates(db) {
  if (db.createTagStore === undefined) return;
  const store = db.createTagStore();
  for (const id of [1, 2, 3]) store.get`SELECT price FROM rooms WHERE id = ${id}`;
}
