/**
 * What `licorice bench paper` measures: commands of the guest's program `paper`, and what each line that they print becomes, beside what the paper
 * (ATC'20) has in its place. Figures 4, 5 and 6 print no numbers: what stands for them here was read off their bars.
 */

/** One time, in nanoseconds for each operation. */
export interface Row {
  readonly name: string;
  /** What the paper has; undefined: nothing. */
  readonly paper?: number;
  /** What it must not exceed, if it has a bar. */
  readonly atMost?: number;
}

/** A command and its lines by their first words. */
export interface Measurement {
  readonly command: string;
  readonly group: string;
  readonly rows: Readonly<Record<string, Row>>;
}

/** Several stores doing the same: cases by their lines' first words. */
export interface Comparison {
  readonly title: string;
  /** Whether the paper's figure, and so the ratio to LMDB, is of throughput or of time. */
  readonly of: 'throughput' | 'time';
  readonly cases: Readonly<Record<string, string>>;
  /** The stores' names in the guest, and in print. */
  readonly stores: Readonly<Record<string, string>>;
  readonly command: (store: string) => string;
  /** By store, in the order of `cases`. LMDB is 1. */
  readonly paper: Readonly<Record<string, readonly number[]>>;
}

export interface PaperOptions {
  /** Keys of each tree, store and container. */
  readonly count: number;
  /** Rows of the databases, and bytes of a row of YCSB's. */
  readonly rows: number;
  readonly bytes: number;
  /** Operations of each YCSB workload. */
  readonly operations: number;
  readonly only: readonly Part[];
}

export const PARTS = ['table1', 'rbt', 'kv', 'containers', 'logboi', 'ycsb', 'queries', 'lines'] as const;
export type Part = (typeof PARTS)[number];

/** Rows and operations of the databases when nothing else is asked for. */
export const DEFAULTS = { count: 20_000, rows: 10_000, bytes: 1000, operations: 500 };

const TREES = 'Red-black tree, 32-bit keys';
const STORES = 'Key-value store, 32-bit keys and values (figure 6)';
const LOGS = 'logboi, records of 100 bytes';
const TRANSLATION = 'Table 1';

const row = (name: string, paper?: number, atMost?: number): Row => ({
  name,
  ...(paper !== undefined && { paper }),
  ...(atMost !== undefined && { atMost }),
});

function trees(count: number): Measurement[] {
  const tree = (kind: string, title: string, insert?: number, lookup?: number): Measurement => ({
    command: `paper rbt ${kind} ${count}`,
    group: TREES,
    rows: { insert: row(`insert, ${title}`, insert), lookup: row(`lookup, ${title}`, lookup) },
  });
  return [
    tree('ram', 'volatile'),
    tree('unix', 'unix style, mapped', 515, 213),
    tree('twz', 'Twizzler style', 528, 251.8),
    tree('tx', 'Twizzler style, crash consistent'),
    {
      command: `paper rbt file ${count}`,
      group: TREES,
      rows: {
        save: row('saving it, unix style, read and write'),
        load: row('loading it, unix style, read and write'),
      },
    },
  ];
}

function stores(count: number): Measurement[] {
  const store = (options: string, title: string, insert?: number, lookup?: number): Measurement => ({
    command: `paper kv ${options}`,
    group: STORES,
    rows: { insert: row(`insert, ${title}`, insert), lookup: row(`lookup, ${title}`, lookup) },
  });
  return [
    store(`unix ${count} 1`, 'unix style', 725, 515),
    store(`twz ${count} 1`, 'Twizzler style', 762, 526),
    store(`multi ${count} 4`, 'unix style, 4 data files', 782, 602),
    store(`twz ${count} 4`, 'Twizzler style, 4 data objects', 793, 584),
    store(`unix ${count} 1 durable`, 'unix style, crash consistent'),
    store(`twz ${count} 1 durable`, 'Twizzler style, crash consistent'),
  ];
}

const TABLE1: Measurement = {
  command: 'paper table1',
  group: TRANSLATION,
  rows: {
    intra: row('translation within an object', 0.4, 0.5),
    cached: row('translation, FOT entry cached', 3.2, 3.2),
    uncached: row('translation, FOT entry not cached', 27.9, 27.9),
    map: row('mapping an object', 49.4, 49.4),
    'map-touch': row('mapping an object, and its first access'),
    name: row('looking a name up'),
    call: row('system call that does nothing'),
    'unix-open': row('unix style: open("id")', 1036),
    'unix-map': row('unix style: mmap', 658.7),
    'unix-touch': row('unix style: mmap, and the first access'),
  },
};

/** What is measured for a part of the command, other than the comparisons. */
export function measurementsOf(part: Part, { count }: PaperOptions): Measurement[] {
  if (part === 'table1') return [TABLE1];
  if (part === 'rbt') return trees(count);
  if (part === 'kv') return stores(count);
  if (part === 'logboi') {
    const rows = {
      gate: row('synchronously, Twizzler style, through a gate'),
      answered: row('synchronously, unix style, two pipes'),
      queue: row('asynchronously, Twizzler style, through a queue'),
      stream: row('asynchronously, unix style, a pipe'),
    };
    return [{ command: `paper logboi ${Math.min(count, 5000)}`, group: LOGS, rows }];
  }
  if (part === 'containers') {
    const rows = {
      'vector-push': row('vector, push'),
      'map-insert': row('hash map, insert'),
      'map-lookup': row('hash map, lookup'),
      'btree-insert': row('B-tree, insert'),
      'btree-lookup': row('B-tree, lookup'),
    };
    return [{ command: `paper containers ${count}`, group: 'Containers of libtwz, crash consistent', rows }];
  }
  return [];
}

const STORE_NAMES = { native: 'native', lmdb: 'LMDB', pmdk: 'PMDK', twz: 'Twizzler' };

/** The comparison that a part of the command makes, if it makes one. */
export function comparisonOf(part: Part, { rows, operations, bytes }: PaperOptions): Comparison | undefined {
  if (part === 'ycsb') {
    return {
      title: `YCSB, ${rows} rows of ${bytes} bytes, ${operations} operations each (figure 4)`,
      of: 'throughput',
      cases: { A: 'A', B: 'B', C: 'C', D: 'D', E: 'E', F: 'F' },
      stores: STORE_NAMES,
      command: (store) => `paper ycsb ${store} ${rows} ${operations} ${bytes}`,
      paper: {
        native: [0.66, 0.86, 0.92, 0.85, 0.96, 0.66],
        pmdk: [0.9, 0.87, 0.86, 0.68, 0.79, 0.89],
        twz: [1.91, 1.28, 1.21, 1.27, 1.14, 1.68],
      },
    };
  }
  if (part === 'queries') {
    return {
      title: `Queries, ${rows} rows (figure 5)`,
      of: 'time',
      cases: { sort: 'Sort', mean: 'Mean', median: 'Median', index: 'Index', find: 'Find', probe: 'Probe' },
      stores: STORE_NAMES,
      command: (store) => `paper queries ${store} ${rows}`,
      paper: {
        native: [1.08, 0.93, 2.32, 1.07, 0.93, 0.68],
        pmdk: [0.9, 3.29, 4.76, 2.82, 2.23, 0.59],
        twz: [0.8, 0.99, 1.12, 1.11, 0.91, 0.54],
      },
    };
  }
  return undefined;
}
