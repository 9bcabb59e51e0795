// Imports the prices of rooms from a CSV file. Usage: node import-prices.js FILE
const { readFile } = require('node:fs/promises');
const { performanceMonitoringService, withPerformanceTracking } = require('@perfscope/agent');

async function importPrices(file) {
  const [, ...lines] = (await readFile(file, 'utf8')).trim().split('\n');
  const rows = lines.map((line) => line.split(','));
  const invalid = rows.filter(([, price]) => !(Number(price) > 0));
  return { imported: rows.length - invalid.length, invalid: invalid.length };
}

// `CUSTOM`, because an import isn't an API request.
const measuredImport = withPerformanceTracking(importPrices, {
  name: 'import.duration',
  metricType: 'CUSTOM',
});

measuredImport(process.argv[2]).then(
  ({ imported, invalid }) => {
    performanceMonitoringService.recordMetric({ name: 'import.rows', value: imported, unit: '1' });
    performanceMonitoringService.recordMetric({
      name: 'import.rows.invalid',
      value: invalid,
      unit: '1',
    });
    console.log(`imported ${imported} prices, ${invalid} invalid`);
    if (invalid > 0) process.exitCode = 3;
  },
  ({ message }) => {
    console.error(message);
    process.exitCode = 1;
  },
);
