// Loaded instead of `sdk-with-exporters.cjs` by the runs without Perfscope.
require('./sdk.cjs').startSdk();
