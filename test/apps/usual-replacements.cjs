// Replaces globals as other agents, polyfills, and test tools do. Most applications still work then.
module.exports = {
  subclass() {
    globalThis.Promise = class OurPromise extends Promise {};
  },
  // biome-ignore lint/suspicious/noThenProperty: the name of the replaced method.
  then() {
    const { then } = Promise.prototype;
    // biome-ignore lint/suspicious/noThenProperty: some agents patch it.
    Promise.prototype.then = function (...args) {
      return then.apply(this, args);
    };
  },
  json() {
    const { stringify } = JSON;
    JSON.stringify = (value, replacer) => stringify(value, replacer, 2);
  },
  clocks() {
    Date.now = () => 0;
    performance.now = () => Number.NaN;
  },
};
