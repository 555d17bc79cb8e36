/**
 * The model of guest/workloads/containers.ts: the same random operations on JavaScript's own containers, and what the workload prints for
 * each of them.
 */

export const KINDS = ['vector', 'map', 'items', 'btree', 'rbtree', 'text'] as const;
export type Kind = (typeof KINDS)[number];

/** MurmurHash3's finaliser. */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function draw(seed: number, index: number, which: number): number {
  return mix((mix((seed + index) | 0) + Math.imul(which, 0x9e3779b9)) | 0);
}

const NOTHING = 0xffff_ffff;
const LETTERS = 'the quick brown fox jumps over the lazy dog and back again, twice.';

export class Model {
  private readonly array: number[] = [];
  private readonly keys = new Map<number, number>();
  private text = '';

  constructor(
    private readonly kind: Kind,
    private readonly seed: number,
  ) {}

  /** Does operation `index`; what the workload prints as its result. */
  operate(index: number): number {
    const { kind, seed } = this;
    const shrinking = Math.floor(index / 300) % 2 === 1;
    const action = draw(seed, index, 1) % 16;
    const place = draw(seed, index, 2);
    const value = draw(seed, index, 3);
    if (kind === 'vector') return this.onVector(shrinking && action < 3 ? 6 : action, place, value);
    if (kind === 'text') return this.onText(shrinking && action < 3 ? 10 : action, place, value);
    return this.onKeys(shrinking && action < 6 ? 10 : action, place % 400, value);
  }

  private onVector(action: number, place: number, value: number): number {
    const { array } = this;
    const { length } = array;
    if (length === 0 || action < 5) {
      array.push(value);
      return length;
    }
    const index = place % length;
    if (action < 8) return array.pop()!;
    if (action < 10) array[index] = value;
    else if (action < 12) array.splice(place % (length + 1), 0, value);
    else if (action < 14) array.splice(index, 1);
    else if (action < 15 && place % 8 === 0) array.length = index;
    else return array[index]!;
    return array.length;
  }

  private onKeys(action: number, key: number, value: number): number {
    if (action >= 14) return this.keys.get(key) ?? NOTHING;
    if (action >= 9) return Number(this.keys.delete(key));
    const isNew = !this.keys.has(key);
    this.keys.set(key, value);
    return Number(isNew);
  }

  private onText(action: number, place: number, size: number): number {
    const { length } = this.text;
    const piece = LETTERS.slice(place % 16, (place % 16) + (size % 48));
    const at = place % (length + 1);
    if (action < 6) this.text += piece;
    else if (action < 9) this.text = this.text.slice(0, at) + piece + this.text.slice(at);
    else if (action < 12) this.text = this.text.slice(0, at) + this.text.slice(at + (size % 64));
    else if (action < 13) this.text = piece;
    else if (action < 14) return this.text.includes(piece) ? this.text.indexOf(piece) : -1;
    else return (this.text >= piece ? 1 : 0) + (this.text === piece ? 2 : 0);
    return this.text.length;
  }

  /** Everything that the container holds, in the order in which `Contents` has it. */
  contents(): string {
    if (this.kind === 'vector') return this.array.map((value, index) => `${index} ${value}`).join('\n');
    if (this.kind === 'text') return this.text;
    return sorted([...this.keys].map(([key, value]) => `${key} ${value}`)).join('\n');
  }
}

const sorted = (lines: string[]): string[] =>
  lines.sort((a, b) => Number(a.split(' ')[0]) - Number(b.split(' ')[0]));

/** What the workload printed with COUNT 0. */
export interface Contents {
  readonly progress: number;
  readonly contents: string;
}

/** Reads the output of a run with COUNT 0; undefined if that is not what it is. Hash maps are sorted, others must be in order. */
export function readContents(kind: Kind, output: string): Contents | undefined {
  const match = /progress (\d+)\n([\s\S]*?)\n?end\n/.exec(output);
  if (!match || output.includes('BROKEN')) return undefined;
  const lines = match[2]!.split('\n');
  const contents = kind === 'map' || kind === 'items' ? sorted(lines).join('\n') : match[2]!;
  return { progress: Number(match[1]), contents };
}

/** The lines that a run of `count` operations prints. */
export function expectedResults(kind: Kind, seed: number, count: number): { lines: string; model: Model } {
  const model = new Model(kind, seed);
  const lines: string[] = [];
  for (let index = 0; index < count; index++) {
    const result = model.operate(index);
    lines.push(`${index} ${result < 0 ? BigInt.asUintN(64, BigInt(result)) : result}`);
  }
  return { lines: lines.join('\n'), model };
}
