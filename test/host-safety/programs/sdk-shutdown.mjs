// Stops the SDK in the way that the first argument selects, and prints each step.
const sdk = globalThis[Symbol.for('host-safety.sdk')];
process.on('exit', (code) => console.log('exit', code));

if (process.argv[2] === 'await') {
  await sdk.shutdown();
  console.log('stopped');
} else if (process.argv[2] === 'twice') {
  await Promise.all([sdk.shutdown(), sdk.shutdown()]);
  await sdk.shutdown();
  console.log('stopped');
} else if (process.argv[2] === 'kill') {
  await sdk.forceFlush();
  process.kill(process.pid, 'SIGKILL');
} else {
  const keepAlive = setInterval(() => {}, 1000);
  process.once('SIGTERM', async () => {
    console.log('stopping');
    clearInterval(keepAlive);
    await sdk.shutdown();
    console.log('stopped');
    if (process.argv[2] === 'exit') process.exit(3);
  });
  console.log('up');
}
