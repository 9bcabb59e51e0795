const { isMainThread, Worker } = require('node:worker_threads');
const { env } = process;

/** Runs statements with two copies of better-sqlite3, and in a thread. */
module.exports = async function run(Database) {
  const query = () => {
    const db = new Database(':memory:');
    const { a } = db.prepare('SELECT 1 AS a').get();
    db.close();
    return a;
  };
  const results = [query()];
  if (isMainThread) {
    const worker = new Worker(__filename, { env, argv: [require.resolve(env.LIBRARY_PATH)] });
    results.push(await new Promise((done) => worker.once('message', done)));
    await new Promise((done) => worker.once('exit', done));
  }
  return results;
};

if (!isMainThread) {
  const { parentPort } = require('node:worker_threads');
  module.exports(require(process.argv[2])).then(([result]) => parentPort.postMessage(result));
}
