// Sends the modules that are loaded before its first line, and again for each message that it receives.
process.send(listModules());
process.on('message', () => process.send(listModules()));

function listModules() {
  const files = Object.keys(require.cache).filter((file) => file !== __filename);
  const builtins = process.moduleLoadList.filter((name) => name.startsWith('NativeModule '));
  return { files, builtins: builtins.map((name) => name.slice('NativeModule '.length)) };
}
