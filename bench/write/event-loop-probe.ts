/** Measures the event-loop blocks between its start and its end with a timer of 1 ms. */
export function startEventLoopProbe() {
  let longestBlockMs = 0;
  let longestBlockCpuMs = 0;
  let lastMs = performance.now();
  let lastCpuMs = readThreadCpuMs();
  const sample = () => {
    const nowMs = performance.now();
    const cpuMs = readThreadCpuMs();
    longestBlockMs = Math.max(longestBlockMs, nowMs - lastMs);
    longestBlockCpuMs = Math.max(longestBlockCpuMs, cpuMs - lastCpuMs);
    lastMs = nowMs;
    lastCpuMs = cpuMs;
  };
  const timer = setInterval(sample, 1);
  return {
    stop() {
      clearInterval(timer);
      sample();
      return { longestBlockMs, longestBlockCpuMs };
    },
  };
}

function readThreadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
