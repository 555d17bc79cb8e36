/**
 * Do the guest's own structures survive a power failure at any instant? Each shipped workload is explored exhaustively:
 * every legal image at every crash point, recovered by the kernel's boot and the libraries, must pass its check and be
 * the state after an allowed number of operations.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { buildWorkloads, workloadNames } from '../guest/workloads.ts';
import { runCampaign } from './campaign.ts';
import { loadProgram } from './load.ts';

const LIMITS = { maxRuns: 5000, samples: 100, seed: 0 };

describe('shipped workloads', () => {
  beforeAll(() => buildWorkloads(workloadNames()), 300_000);
  test.each(workloadNames())('%s', { timeout: 300_000 }, async (name) => {
    const result = runCampaign(await loadProgram(name, {}), LIMITS);
    expect(result.exhaustive).toBe(true);
    expect(result.findings).toEqual([]);
    expect(result.unreduced).toBe(0);
    // A workload in which hardly anything is ever undetermined would show nothing.
    expect(result.legal).toBeGreaterThan(1000n);
    console.info(`${name}: ${result.points.length} points, ${result.legal} images, ${result.runs} runs`);
  });
});
