export default {
  compatibilityDate: '2025-06-01',
  // Nuxt 3 then finds the folders of Nuxt 4.
  future: { compatibilityVersion: 4 },
  telemetry: false,
  devtools: { enabled: false },
};
