import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{emulator,guest,tools,test}/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two workers: the reference machine has two cores, and the tests that run other emulators fork children.
    maxWorkers: 2,
    reporters: ['default', './test/summary-reporter.ts'],
  },
});
