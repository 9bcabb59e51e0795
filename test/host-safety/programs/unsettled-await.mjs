// Node.js prints a warning and exits with code 13.
process.on('exit', (code) => console.log('exit', code));
await new Promise(() => {});
