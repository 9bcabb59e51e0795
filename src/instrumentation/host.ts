import type { Meter } from '@opentelemetry/api';
import type { HostSampler } from './host-sampler.ts';

/** Measures the host by the names of https://opentelemetry.io/docs/specs/semconv/system/system-metrics/. */
export function instrumentHost(meter: Meter, sampler: HostSampler): void {
  const share = { unit: '1' };
  meter
    .createObservableGauge('system.cpu.utilization', {
      ...share,
      description: 'Share of CPU time of the host that was not idle.',
    })
    .addCallback((result) => {
      const { cpuUsage } = sampler.sample();
      if (cpuUsage !== undefined) result.observe(cpuUsage / 100);
    });
  meter
    .createObservableGauge('system.memory.utilization', {
      ...share,
      description: 'Share of memory of the host that is not available.',
    })
    .addCallback((result) => {
      result.observe(sampler.sample().memoryUsage / 100, { 'system.memory.state': 'used' });
    });
  meter
    .createObservableGauge('system.filesystem.utilization', {
      ...share,
      description: 'Share of the root file system that is used.',
    })
    .addCallback((result) => {
      const { diskUsage } = sampler.sample();
      if (diskUsage === undefined) return;
      result.observe(diskUsage / 100, { 'system.filesystem.mountpoint': '/' });
    });
  // From now on: what went over the network since the host's start is no traffic of the first interval.
  const begun = sampler.sample().network;
  meter
    .createObservableCounter('system.network.io', {
      unit: 'By',
      description: 'Bytes that the host received and sent since the process started.',
    })
    .addCallback((result) => {
      const { network } = sampler.sample();
      if (!network || !begun) return;
      for (const direction of ['receive', 'transmit'] as const) {
        const bytes = Math.max(0, network[direction] - begun[direction]);
        result.observe(bytes, { 'network.io.direction': direction });
      }
    });
}
