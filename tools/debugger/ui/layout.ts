/** Where panes are on a screen of any size: two columns; what does not fit shares a place and is shown in turn. */

export const PANES = [
  'source',
  'registers',
  'stack',
  'translation',
  'persistence',
  'memory',
  'threads',
  'console',
] as const;
export type PaneName = (typeof PANES)[number];

export const PANE_TITLES: Readonly<Record<PaneName, string>> = {
  source: 'source',
  registers: 'registers',
  stack: 'call stack',
  translation: 'translation',
  persistence: 'persistence',
  memory: 'memory',
  threads: 'harts and threads',
  console: 'console',
};

export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  /** Rows, the header included. */
  readonly height: number;
}

export interface Placed extends Rectangle {
  readonly pane: PaneName;
  /** Other panes that may be shown here. */
  readonly others: readonly PaneName[];
}

export interface Layout {
  readonly panes: readonly Placed[];
  /** Rows for what commands print. */
  readonly log: Rectangle;
  readonly prompt: Rectangle;
}

/** A place on the screen: panes that share it, and its part of the column. */
interface Place {
  readonly panes: readonly PaneName[];
  readonly share: number;
}

const SMALL: readonly (readonly Place[])[] = [
  [
    { panes: ['source'], share: 11 },
    { panes: ['translation', 'persistence', 'memory', 'console'], share: 9 },
  ],
  [
    { panes: ['registers'], share: 11 },
    { panes: ['stack', 'threads'], share: 9 },
  ],
];

const LARGE: readonly (readonly Place[])[] = [
  [
    { panes: ['source'], share: 14 },
    { panes: ['translation'], share: 13 },
    { panes: ['console'], share: 7 },
  ],
  [
    { panes: ['registers'], share: 12 },
    { panes: ['stack', 'threads'], share: 7 },
    { panes: ['persistence'], share: 8 },
    { panes: ['memory'], share: 7 },
  ],
];

/** Screens of so many rows and columns show all panes at once. */
const LARGE_ROWS = 34;
const LARGE_COLUMNS = 100;
/** Columns that a register takes: name, blank, value, and a column to the edge. */
const REGISTER_COLUMNS = 28;
/** Least size that makes sense. */
export const LEAST = { rows: 16, columns: 60 } as const;

/**
 * Places everything.
 * @param chosen panes that are to be shown where they share a place
 */
export function layOut(columns: number, rows: number, chosen: ReadonlySet<PaneName>): Layout {
  const isLarge = rows >= LARGE_ROWS && columns >= LARGE_COLUMNS;
  const logRows = isLarge ? 4 : 2;
  const top = 1;
  const height = rows - top - logRows - 1;
  const rightWidth = Math.min(Math.max(Math.floor(columns * 0.36), REGISTER_COLUMNS), 56);
  const leftWidth = columns - rightWidth - 1;
  const panes: Placed[] = [];
  for (const [column, places] of (isLarge ? LARGE : SMALL).entries()) {
    const total = places.reduce((sum, { share }) => sum + share, 0);
    let at = top;
    places.forEach(({ panes: shared, share }, i) => {
      const isLast = i === places.length - 1;
      const rowsHere = isLast ? top + height - at : Math.round((height * share) / total);
      const pane = shared.find((one) => chosen.has(one)) ?? shared[0]!;
      panes.push({
        pane,
        others: shared.filter((one) => one !== pane),
        left: column === 0 ? 0 : leftWidth + 1,
        top: at,
        width: column === 0 ? leftWidth : rightWidth,
        height: rowsHere,
      });
      at += rowsHere;
    });
  }
  return {
    panes,
    log: { left: 0, top: top + height, width: columns, height: logRows },
    prompt: { left: 0, top: rows - 1, width: columns, height: 1 },
  };
}

/** Panes that take the place of `pane` when it is not shown: it must be chosen, they must not. */
export function rivals(pane: PaneName): readonly PaneName[] {
  const place = [...SMALL, ...LARGE].flat().find(({ panes }) => panes.includes(pane) && panes.length > 1);
  return place?.panes.filter((one) => one !== pane) ?? [];
}
