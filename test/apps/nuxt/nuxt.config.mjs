export default { compatibilityDate: '2025-06-01', telemetry: false, devtools: { enabled: false } };
