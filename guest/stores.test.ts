/** Do the four key-value stores of the paper's comparison do what a map in order does, over boots? */
import { describe, expect, test } from 'vitest';
import { MiB } from '../emulator/addresses.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { System } from './testing/system.ts';
import { Workload } from './testing/workload.ts';

const KEYS = 700;
const LONGEST = 900;
const OPERATIONS = Number(process.env['LICORICE_STORE_OPERATIONS'] ?? 1500);

/** MurmurHash3's finaliser. */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const draw = (seed: number, index: number, which: number): number =>
  mix((mix((seed + index) | 0) + Math.imul(which, 0x9e3779b9)) | 0);

const keyOf = (number: number): string => String(number).padStart(3, '0') + '.'.repeat(mix(number) % 32);

interface Value {
  readonly length: number;
  readonly byte: number;
}

function sumValue(start: number, { length, byte }: Value): number {
  let h = start;
  for (let i = 0; i < length; i++) h = Math.imul(h ^ byte, 0x01000193);
  return h;
}

function sumKey(start: number, key: string): number {
  let h = start;
  for (const byte of Buffer.from(key)) h = Math.imul(h ^ byte, 0x01000193);
  return h;
}

/** What guest/workloads/stores.ts must print. */
class Model {
  private readonly pairs = new Map<string, Value>();
  private index = 0;
  readonly lines: string[] = [];

  constructor(private readonly seed: number) {}

  run(count: number): void {
    const end = this.index + count;
    while (this.index < end) {
      const group = 1 + (draw(this.seed, this.index, 5) & 3);
      for (let i = 0; i < group; i++) this.operate(this.index++);
      if (this.index % 100 < group) this.report();
    }
  }

  private operate(index: number): void {
    const { seed } = this;
    const shrinking = Math.floor(index / 400) % 2 === 1;
    const action = draw(seed, index, 1) % 16;
    const key = keyOf(draw(seed, index, 2) % KEYS);
    const length = draw(seed, index, 4) % (draw(seed, index, 3) % 8 === 0 ? LONGEST : 60);
    if (action < (shrinking ? 3 : 8)) this.pairs.set(key, { length, byte: index & 0xff });
    else if (action < 14) this.pairs.delete(key);
    else {
      const value = this.pairs.get(key);
      this.lines.push(`get ${value ? sumValue(0, value) >>> 0 : 'none'}`);
    }
  }

  private report(): void {
    const keys = [...this.pairs.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const sum = (list: readonly string[]): number =>
      list.reduce((h, key) => (sumValue(sumKey(h, key), this.pairs.get(key)!) + 1) | 0, 0) >>> 0;
    const middle = keyOf(draw(this.seed, this.index, 9) % KEYS);
    const upper = keys.filter((key) => Buffer.compare(Buffer.from(key), Buffer.from(middle)) >= 0);
    this.lines.push(`all ${keys.length} ${sum(keys)} ${sum(upper)} ${keys.at(-1)?.slice(0, 3) ?? ''} whole`);
  }
}

describe('against a map in order', () => {
  const workload = new Workload('stores');
  test.each(['native', 'lmdb', 'pmdk', 'twz'])(
    '%s',
    (backend) => {
      const media = new MemoryMedia(64 * MiB);
      const model = new Model(7);
      for (let boot = 0; boot < 2; boot++) {
        const system = new System({
          media,
          quiet: true,
          archive: workload.archive(`${backend} 7 ${OPERATIONS}`),
        });
        expect(system.run(4e9), system.output).toMatchObject({ kind: 'exit', code: 0 });
        model.lines.length = 0;
        model.run(OPERATIONS);
        expect(system.output.replaceAll('\r', '').trim().split('\n')).toEqual(model.lines);
      }
    },
    300_000,
  );
});
